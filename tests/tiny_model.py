"""A network of one kilobyte with the shape of the real ones: bright where the picture is bright."""

from pathlib import Path

import onnx
from onnx import TensorProto, helper


def build_tiny_model(path: Path, side: int = 32, channels_last: bool = False, fixed: bool = True) -> Path:
    """Takes 1×3×side×side (or 1×side×side×3), gives 1×1×side×side (or 1×side×side×1) in 0..1.

    Without `fixed` its height and width are left open, as in networks that take any size.
    """
    edges = [side, side] if fixed else ["height", "width"]
    taken = [1, *edges, 3] if channels_last else [1, 3, *edges]
    given = [1, *edges, 1] if channels_last else [1, 1, *edges]
    mean = helper.make_node("ReduceMean", ["image"], ["mean"], axes=[3 if channels_last else 1], keepdims=1)
    graph = helper.make_graph(
        [mean, helper.make_node("Sigmoid", ["mean"], ["mask"])],
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, taken)],
        [helper.make_tensor_value_info("mask", TensorProto.FLOAT, given)],
    )
    return save(graph, path)


def build_mean_model(
    path: Path, taken: list[object], given: list[object], kind: int = TensorProto.FLOAT
) -> Path:
    """A network that only averages over axis 1, from one shape to another."""
    node = helper.make_node(
        "ReduceMean", ["image"], ["mask"], axes=[1], keepdims=int(len(given) == len(taken))
    )
    return save(
        helper.make_graph(
            [node],
            "graph",
            [helper.make_tensor_value_info("image", kind, taken)],
            [helper.make_tensor_value_info("mask", kind, given)],
        ),
        path,
    )


def save(graph: onnx.GraphProto, path: Path) -> Path:
    """As opset 17, which every version of ONNX Runtime that we support can load."""
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path
