"""By what a network is run."""

from enum import StrEnum


class Engine(StrEnum):
    """The library that runs networks. OPENVINO is an extra."""

    ONNXRUNTIME = "onnxruntime"
    OPENVINO = "openvino"


class Provider(StrEnum):
    """Where ONNX Runtime runs a network; what the first of several cannot run, the next one does."""

    TENSORRT = "tensorrt"
    CUDA = "cuda"
    MIGRAPHX = "migraphx"
    CPU = "cpu"
