"""How far the values of every tensor of a network reach, seen on photos."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import onnx

from watchd.imaging.arrays import Batch, Map
from watchd.imaging.quantise import Reach, runner

Values: TypeAlias = npt.NDArray[np.float32]

_GRID = 40
_FROM_EACH_PHOTO = 2048
_PARTS = tuple(0.25 + 0.025 * step for step in range(31))


class Observer:
    """A network that remembers samples of what passes through it: let a segmenter run it on photos."""

    def __init__(self, model: onnx.ModelProto, channels_last: bool) -> None:
        self.channels_last = channels_last
        self._names, sampled = _with_samples(model)
        self._run = runner(sampled)
        self._samples: dict[str, list[Values]] = {name: [] for name in self._names}

    def run(self, batch: Batch) -> Map:
        answer, *samples = self._run(batch)
        for name, sample in zip(self._names, samples, strict=True):
            self._samples[name].append(_some(sample))
        return answer

    def reaches(self, rule: Callable[[Values], Reach]) -> dict[str, Reach]:
        """Of every tensor that was seen."""
        return {name: _with_zero(*rule(np.concatenate(seen))) for name, seen in self._samples.items() if seen}


def least_error(values: Values) -> Reach:
    """So that rounding to 256 levels and clipping together do the least harm (mean square)."""
    low, high = _with_zero(float(values.min()), float(values.max()))
    return min(
        ((low * part, high * part) for part in _PARTS),
        key=lambda reach: _error(values, *reach),
    )


def all_values(values: Values) -> Reach:
    return float(values.min()), float(values.max())


def all_but_the_widest(values: Values) -> Reach:
    """Without the outermost 0.01 % at each end."""
    low, high = np.percentile(values, [0.01, 99.99])
    return float(low), float(high)


RULES: Mapping[str, Callable[[Values], Reach]] = {
    "least error": least_error,
    "all values": all_values,
    "99.99 %": all_but_the_widest,
}


def _with_samples(model: onnx.ModelProto) -> tuple[list[str], onnx.ModelProto]:
    """The graph with a thinned copy of every picture-like tensor as further outputs, and their names."""
    sampled = onnx.ModelProto()
    sampled.CopyFrom(model)
    graph = sampled.graph
    shapes = {
        each.name: [edge.dim_value for edge in each.type.tensor_type.shape.dim]
        for each in (*graph.value_info, *graph.input, *graph.output)
        if each.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    }
    made = [graph.input[0].name, *(name for node in graph.node for name in node.output)]
    names = [name for name in made if len(shapes.get(name, ())) == 4]
    for index, value in enumerate(([0, 0], [2**31 - 1] * 2, [2, 3])):
        graph.initializer.append(onnx.numpy_helper.from_array(np.array(value, np.int64), f"thin_{index}"))
    for name in names:
        steps = [max(1, edge // _GRID) for edge in shapes[name][2:]]
        graph.initializer.append(
            onnx.numpy_helper.from_array(np.array(steps, np.int64), f"{name}_thin_steps")
        )
        parts = [name, "thin_0", "thin_1", "thin_2", f"{name}_thin_steps"]
        graph.node.append(onnx.helper.make_node("Slice", parts, [f"{name}_thinned"]))
        graph.output.append(
            onnx.helper.make_tensor_value_info(f"{name}_thinned", onnx.TensorProto.FLOAT, None)
        )
    return names, sampled


def _some(sample: Map) -> Values:
    """The same places for every photo, spread over all channels; the extremes are always among them."""
    flat = sample.reshape(-1)
    if flat.size <= _FROM_EACH_PHOTO:
        return flat.copy()
    places = np.random.default_rng(flat.size).integers(0, flat.size, _FROM_EACH_PHOTO)
    return np.append(flat[places], [flat.min(), flat.max()])


def _with_zero(low: float, high: float) -> Reach:
    """Padding is 0, so it must be told exactly; and a reach of nothing cannot be divided."""
    return min(low, 0.0), max(high, 0.0, low + 1e-6, 1e-6)


def _error(values: Values, low: float, high: float) -> float:
    step = (high - low) / 255
    zero = round(-low / step)
    seen = (np.clip(np.round(values / step) + zero, 0, 255) - zero) * step
    return float(np.square(seen - values).mean())
