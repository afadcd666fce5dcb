"""The keys of the config as paths: listed, shown, and guessed from a wrong one."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

from pydantic.fields import FieldInfo

from watchd.config.schema import Config, Section
from watchd.config.written import Written

KeyPath = tuple[str | int, ...]

ANY = "*"
"""In the path of a key, stands for an index of a list or a name that the user chooses."""


@dataclass(frozen=True, slots=True)
class Key:
    path: tuple[str, ...]
    field: FieldInfo
    section: type[Section] | None
    repeated: bool
    """Whether the value holds many of its section, in a list or by names."""

    @property
    def description(self) -> str:
        return self.field.description or ""

    @property
    def written(self) -> Written | None:
        """How its value is written; None for a section."""
        return next((mark for mark in self.field.metadata if isinstance(mark, Written)), None)

    @property
    def live(self) -> bool:
        extra = self.field.json_schema_extra
        return isinstance(extra, dict) and extra.get("live") is True


def all_keys(section: type[Section] = Config, above: tuple[str, ...] = ()) -> Iterator[Key]:
    """Every key, each section before what is in it."""
    for key in keys_of(section, above):
        yield key
        if key.section is not None:
            yield from all_keys(key.section, (*key.path, ANY) if key.repeated else key.path)


def keys_of(section: type[Section], above: tuple[str, ...] = ()) -> Iterator[Key]:
    """The keys of one section, without what is inside them."""
    for name, field in section.model_fields.items():
        yield Key((*above, name), field, *_section_in(field.annotation))


def dotted(path: KeyPath) -> str:
    """As a message shows it: `watch[0].settle`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


def guess(path: KeyPath) -> str | None:
    """What an unknown key may have meant: a neighbour of a like name, or its namesake elsewhere."""
    *above, last = path
    keys = [key.path for key in all_keys()]
    neighbours = [key[-1] for key in keys if _lies_in(key, above)]
    like = difflib.get_close_matches(str(last), neighbours, 1)
    namesakes = [".".join(key) for key in keys if key[-1] == last]
    return next(iter(like or namesakes), None)


def _section_in(annotation: object) -> tuple[type[Section] | None, bool]:
    for kind, repeated in [(annotation, False), *((arg, True) for arg in get_args(annotation))]:
        if isinstance(kind, type) and issubclass(kind, Section):
            return kind, repeated
    return None, False


def _lies_in(key: tuple[str, ...], above: list[str | int]) -> bool:
    return len(key) == len(above) + 1 and all(
        part in (ANY, given) for part, given in zip(key[:-1], above, strict=True)
    )
