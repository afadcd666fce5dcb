"""A network of U²-Net's architecture with weights by chance: to time it where the trained one is not at hand.

The blocks are those of table 1 of Qin et al., "U²-Net: Going deeper with nested U-structure for salient
object detection", Pattern Recognition 106 (2020): 44 million parameters, 117 GFLOP at 320×320. As in the
published file, batch normalisation is folded into the convolutions before it.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pictures
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from place import BENCH

from watchd.imaging.arrays import Batch, Map

SIDE = 320

_BLOCKS = {
    # name: (height of the block, channels in, in the middle, out); height 0 is dilated, RSU-4F
    "en1": (7, 3, 32, 64),
    "en2": (6, 64, 32, 128),
    "en3": (5, 128, 64, 256),
    "en4": (4, 256, 128, 512),
    "en5": (0, 512, 256, 512),
    "en6": (0, 512, 256, 512),
    "de5": (0, 1024, 256, 512),
    "de4": (4, 1024, 128, 256),
    "de3": (5, 512, 64, 128),
    "de2": (6, 256, 32, 64),
    "de1": (7, 128, 16, 64),
}


def model_file() -> Path:
    """Built once, then kept; the same bytes each time for the same pictures to measure with."""
    path = BENCH / "u2net-by-chance.onnx"
    if not path.is_file():
        BENCH.mkdir(exist_ok=True)
        making = path.with_suffix(".making")
        # Apart: a process counts the memory of the one that started it, at its peak, as its own.
        subprocess.run((sys.executable, __file__, making), check=True)
        making.rename(path)
    return path


def _model() -> onnx.ModelProto:
    """Its map spreads from 0 to 1 over a picture, as that of a trained network does."""
    model = _Builder().model()
    fused = next(node for node in reversed(model.graph.node) if node.op_type == "Conv")
    answer = _answer(model, fused.output[0])
    scale = _SPREAD / float(answer.std())
    shifts = 0.0, -scale * float(np.quantile(answer, _BACKGROUND))
    weights = {weight.name: weight for weight in model.graph.initializer}
    for name, shift in zip(fused.input[1:], shifts, strict=True):
        changed = scale * numpy_helper.to_array(weights[name]) + shift
        weights[name].CopyFrom(numpy_helper.from_array(changed.astype(np.float32), name))
    return model


def _answer(model: onnx.ModelProto, tensor: str) -> Map:
    """What a node of the graph gives for some pictures."""
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    watched.graph.output.append(helper.make_tensor_value_info(tensor, TensorProto.FLOAT, (1, 1, SIDE, SIDE)))
    session = onnxruntime.InferenceSession(watched.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.concatenate([session.run([tensor], {"image": batch})[0] for batch in _batches()])


def _batches() -> Iterator[Batch]:
    for path in sorted(pictures.folder("small", quick=True).iterdir()):
        with Image.open(path) as photo:
            pixels = np.asarray(photo.resize((SIDE, SIDE)), np.float32) / 255
        yield ((pixels - 0.45) / 0.225).astype(np.float32).transpose(2, 0, 1)[np.newaxis]


_SPREAD = 4.0
"""Of what goes into the last sigmoid: nearly all of a picture is then surely one or the other."""

_BACKGROUND = 0.7
"""How much of a picture: of the photos measured u2netp finds 20 to 40 % to be the subject."""


class _Builder:
    """Grows one graph, node by node; every method gives the name of what it has made."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(2020)
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []

    def model(self) -> onnx.ModelProto:
        encoded, below = [], "image"
        for name in ("en1", "en2", "en3", "en4", "en5"):
            encoded.append(self._block(name, below))
            below = self._pooled(encoded[-1])
        decoded = [self._block("en6", below)]
        for name, beside in zip(("de5", "de4", "de3", "de2", "de1"), reversed(encoded), strict=True):
            joined = self._joined(self._resized(decoded[-1], beside), beside)
            decoded.append(self._block(name, joined))
        channels = [512, 512, 256, 128, 64, 64]  # of each of those, from the smallest to the largest
        sides = [self._side(tensor, count) for tensor, count in zip(decoded, channels, strict=True)]
        sides.reverse()
        sides[1:] = [self._resized(side, sides[0]) for side in sides[1:]]
        fused = self._convolved(self._joined(*sides), 6, 1, kernel=1)
        maps = [self._node("Sigmoid", [tensor]) for tensor in (fused, *sides)]
        graph = helper.make_graph(
            self._nodes,
            "u2net by chance",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, (1, 3, SIDE, SIDE))],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, 1, SIDE, SIDE)) for name in maps],
            self._weights,
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)

    def _block(self, name: str, given: str) -> str:
        """A residual U-block: a small U-Net upon one convolution, added to that convolution."""
        height, taken, middle, out = _BLOCKS[name]
        first = self._layer(given, taken, out)
        inner = self._dilated(first, out, middle) if height == 0 else self._u(first, height, out, middle)
        return self._node("Add", [inner, first])

    def _u(self, given: str, height: int, out: int, middle: int) -> str:
        down = [self._layer(given, out, middle)]
        for _ in range(height - 2):
            down.append(self._layer(self._pooled(down[-1]), middle, middle))
        up = self._layer(down[-1], middle, middle, dilation=2)
        for depth in range(height - 2, -1, -1):
            up = self._layer(self._joined(up, down[depth]), 2 * middle, middle if depth else out)
            if depth:
                up = self._resized(up, down[depth - 1])
        return up

    def _dilated(self, given: str, out: int, middle: int) -> str:
        down = [self._layer(given, out, middle)]
        down += [self._layer(down[0], middle, middle, dilation=2)]
        down += [self._layer(down[1], middle, middle, dilation=4)]
        up = self._layer(down[2], middle, middle, dilation=8)
        for depth, dilation, count in ((2, 4, middle), (1, 2, middle), (0, 1, out)):
            up = self._layer(self._joined(up, down[depth]), 2 * middle, count, dilation)
        return up

    def _layer(self, given: str, taken: int, out: int, dilation: int = 1) -> str:
        return self._node("Relu", [self._convolved(given, taken, out, dilation=dilation)])

    def _side(self, given: str, taken: int) -> str:
        return self._convolved(given, taken, 1)

    def _convolved(self, given: str, taken: int, out: int, *, kernel: int = 3, dilation: int = 1) -> str:
        spread = np.sqrt(2 / (taken * kernel * kernel))  # He et al. 2015: signals keep their strength
        weights = self._random.standard_normal((out, taken, kernel, kernel)) * spread
        names = [self._constant(weights), self._constant(np.zeros(out))]
        pad = dilation * (kernel // 2)
        return self._node("Conv", [given, *names], dilations=[dilation] * 2, pads=[pad] * 4)

    def _pooled(self, given: str) -> str:
        return self._node("MaxPool", [given], kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)

    def _resized(self, given: str, like: str) -> str:
        """To the height and width of `like`, as the published file does it: by shapes, at run time."""
        spatial = self._node("Slice", [self._node("Shape", [like]), self._whole(2), self._whole(4)])
        leading = self._node("Slice", [self._node("Shape", [given]), self._whole(0), self._whole(2)])
        sizes = self._node("Concat", [leading, spatial], axis=0)
        return self._node(
            "Resize",
            [given, "", "", sizes],
            mode="linear",
            coordinate_transformation_mode="pytorch_half_pixel",
        )

    def _joined(self, *parts: str) -> str:
        return self._node("Concat", list(parts), axis=1)

    def _whole(self, value: int) -> str:
        return self._constant(np.array([value]), np.int64)

    def _constant(self, values: np.ndarray, kind: type = np.float32) -> str:
        name = f"w{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(values.astype(kind), name))
        return name

    def _node(self, kind: str, given: list[str], **attributes: Any) -> str:
        name = f"n{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, given, [name], **attributes))
        return name


if __name__ == "__main__":
    onnx.save(_model(), sys.argv[1])
