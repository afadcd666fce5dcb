"""Where values come from: trees of values with the origin of every part, laid over each other."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from watchd.config.keys import ANY, KeyPath, all_keys

# The names that users of rembg know; a later one beats an earlier one.
FAMILIAR = (
    ("OMP_NUM_THREADS", ("threads", "intra_op")),
    ("INTRA_OP_NUM_THREADS", ("threads", "intra_op")),
    ("INTER_OP_NUM_THREADS", ("threads", "inter_op")),
    ("CPU_BINDING", ("binding",)),
)


class Origin(NamedTuple):
    """Where a value was written."""

    where: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.where}:{self.line}" if self.line else self.where


DEFAULT = Origin("default")
COMMAND_LINE = Origin("command line")


@dataclass(frozen=True, slots=True)
class Layer:
    """Values as one source gives them; the origin of a mapping is the line of its key."""

    values: Mapping[str, object] = field(default_factory=dict)
    origins: Mapping[KeyPath, Origin] = field(default_factory=dict)

    def over(self, below: "Layer") -> "Layer":
        return Layer(_overlay(below.values, self.values), {**below.origins, **self.origins})

    def nearest(self, path: KeyPath) -> Origin | None:
        """The origin of a key, or of the innermost thing around it that has one."""
        parts = (path[:length] for length in range(len(path), 0, -1))
        return next((self.origins[part] for part in parts if part in self.origins), None)


def from_environment(environ: Mapping[str, str]) -> Layer:
    layer = Layer()
    for variable, path in variables():
        value = environ.get(variable, "")
        if variable == "OMP_NUM_THREADS":
            value = value.partition(",")[0]  # OpenMP takes one number for each nesting level
        if value:
            layer = _single(path, value, Origin(f"environment {variable}")).over(layer)
    return layer


def from_command_line(overrides: Mapping[str, object]) -> Layer:
    """From dotted keys; None is an option that was not given."""
    layer = Layer()
    for key, value in overrides.items():
        if value is not None:
            layer = _single(tuple(key.split(".")), _from_here(value), COMMAND_LINE).over(layer)
    return layer


def variables() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every variable that is read, with its key, the weakest first."""
    yield from FAMILIAR
    for key in all_keys():
        if key.written and ANY not in key.path:
            yield "_".join(("watchd", *key.path)).upper(), key.path


def _from_here(value: object) -> object:
    """A model file on the command line starts at the working directory, not at the config file."""
    is_file = isinstance(value, str) and value.endswith(".onnx")
    return os.path.abspath(os.path.expanduser(str(value))) if is_file else value


def _single(path: tuple[str, ...], value: object, origin: Origin) -> Layer:
    for part in reversed(path):
        value = {part: value}
    assert isinstance(value, dict)
    return Layer(value, {path: origin})


def _overlay(below: Mapping[str, object], above: Mapping[str, object]) -> dict[str, object]:
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        if isinstance(under, dict) and isinstance(value, dict):
            merged[key] = _overlay(under, value)
        elif not (isinstance(under, dict) and value is None):  # an empty section takes nothing away
            merged[key] = value
    return merged
