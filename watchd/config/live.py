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
    """Entries of `watch` and of `profiles` may come and go."""
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
            befores, afters = _named(old, before), _named(new, after)
            for name in dict.fromkeys([*befores, *afters]):
                if name in befores and name in afters:
                    yield from _differences(befores[name], afters[name], (*path, name))
                else:
                    yield (*path, name), True
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
            befores = _named(old, before)
            kept = {
                each: _with_live(befores[each], section) if each in befores else section
                for each, section in _named(new, after).items()
            }
            values[name] = kept if isinstance(after, Mapping) else tuple(kept.values())
        else:
            values[name] = _with_live(before, after)
    return old.model_copy(update=values)


def _named(owner: Section, sections: object) -> dict[str, Section]:
    """By name; a watch folder's is the one that the log calls it by, that of a hook or of quiet hours is its
    place in the list.
    """
    if isinstance(sections, Mapping):
        return dict(sections)
    if isinstance(owner, Config) and sections is owner.watch:
        return dict(zip(owner.names(), owner.watch, strict=True))
    assert isinstance(sections, tuple)
    return {str(number): section for number, section in enumerate(sections)}
