"""What of a changed configuration holds at once, and what needs a restart."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from watchd.config.keys import KeyPath, dotted, keys_of
from watchd.config.schema import Config, Section

S = TypeVar("S", bound=Section)


@dataclass(frozen=True, slots=True)
class Change:
    """`config` is the old one with what changes live; the keys are written as in a message."""

    config: Config
    live: tuple[str, ...]
    restart: tuple[str, ...]


def change(old: Config, new: Config) -> Change:
    """Entries of `watch` and names of `profiles` that come or go need a restart."""
    found = list(_differences(old, new))
    return Change(
        config=_with_live(old, new),
        live=tuple(dotted(path) for path, live in found if live),
        restart=tuple(dotted(path) for path, live in found if not live),
    )


def _differences(old: Section, new: Section, above: KeyPath = ()) -> Iterator[tuple[KeyPath, bool]]:
    """The path of every key whose value differs, and whether it is live."""
    for key in keys_of(type(old)):
        path = (*above, key.path[-1])
        before, after = getattr(old, key.path[-1]), getattr(new, key.path[-1])
        if key.section is None:
            if before != after:
                yield path, key.live
        elif key.repeated:
            befores, afters = _named(before), _named(after)
            for name in befores.keys() ^ afters.keys():
                yield (*path, name), False
            for name in befores.keys() & afters.keys():
                yield from _differences(befores[name], afters[name], (*path, name))
        else:
            yield from _differences(before, after, path)


def _with_live(old: S, new: S) -> S:
    values: dict[str, object] = {}
    for key in keys_of(type(old)):
        name = key.path[-1]
        before, after = getattr(old, name), getattr(new, name)
        if key.section is None:
            values[name] = after if key.live else before
        elif key.repeated:
            afters = _named(after)
            kept = {
                each: _with_live(section, afters.get(each, section))
                for each, section in _named(before).items()
            }
            values[name] = kept if isinstance(before, Mapping) else tuple(kept.values())
        else:
            values[name] = _with_live(before, after)
    return old.model_copy(update=values)


def _named(sections: object) -> dict[str | int, Section]:
    """By name, or by place in the list."""
    assert isinstance(sections, Mapping | tuple)
    return dict(sections) if isinstance(sections, Mapping) else dict(enumerate(sections))
