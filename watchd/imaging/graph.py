"""Whether a graph is a network from image to mask, told from what it takes and gives."""

from collections.abc import Sequence
from typing import Protocol


class Edge(Protocol):
    """An input or output, in ONNX Runtime's words: "tensor(float)"; a side that is left open is a text."""

    @property
    def type(self) -> str: ...

    @property
    def shape(self) -> Sequence[int | str | None]: ...


def understood(taken: Sequence[Edge], given: Sequence[Edge]) -> tuple[int | None, bool]:
    """The side of the input and whether its channels come last. ValueError: what is wrong with the graph."""
    if len(taken) != 1:
        raise ValueError(f"it takes {len(taken)} inputs")
    shape = taken[0].shape
    if taken[0].type != "tensor(float)" or len(shape) != 4:
        raise ValueError(f"it takes {taken[0].type} of shape {shape}")
    if 3 not in (shape[1], shape[3]) or (isinstance(shape[0], int) and shape[0] != 1):
        raise ValueError(f"it takes the shape {shape}, not one picture with three channels")
    channels_last = shape[1] != 3
    height, width = shape[1:3] if channels_last else shape[2:4]
    if isinstance(height, int) and isinstance(width, int) and height != width:
        raise ValueError(f"it takes pictures of {width}×{height}, which are not square")
    if given[0].type != "tensor(float)" or len(given[0].shape) not in (3, 4):
        raise ValueError(f"it gives {given[0].type} of shape {given[0].shape}")
    return (height if isinstance(height, int) else None), channels_last
