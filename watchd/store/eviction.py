"""The sweep: which entries leave the cache, by age and by the room that they take."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from watchd.store.birthtime import born_s
from watchd.store.inventory import Found, masks, outputs, remove, temps
from watchd.tree import Tree

_SLICE = 1000  # files between two pauses: 10 ms, or 0.5 s on a share
_DOWN_TO = 0.9  # of the limit, so that not every new entry drives out an old one
_TEMP_OLD_S = 3600.0


@dataclass(frozen=True, slots=True)
class CacheLimits:
    """0 is no limit. `ttl_s` since the last use, `max_age_s` since it was made."""

    ttl_s: float = 0.0
    max_age_s: float = 0.0
    mask_bytes: int = 0
    output_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Thinned:
    """What left by age and by size, and what stays."""

    by_ttl: int
    by_size: int
    entries: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Swept:
    outputs: Thinned
    masks: Thinned


def sweep(
    tree: Tree, limits: CacheLimits, now_s: float, pause: Callable[[], object] = lambda: None
) -> Swept | None:
    """Outputs first, by their own limit, then the masks of all spaces, those of former models among them.

    `pause` is called after each thousand files; if it says true, the sweep ends there and gives None. Two
    sweeps at once do no harm. A time of last use in the future counts as now: a clock that was set back
    drives out nothing. On a file system that keeps no time of birth (NFS) `max_age_s` counts since the
    last use.
    """
    try:
        swept_outputs = _thin(tree, outputs(tree), limits, limits.output_bytes, now_s, pause)
        swept_masks = _thin(tree, masks(tree), limits, limits.mask_bytes, now_s, pause)
        for temp in _paced(temps(tree), pause):
            if now_s - temp.used_s > _TEMP_OLD_S:
                remove(tree, temp)
    except _Stopped:
        return None
    return Swept(swept_outputs, swept_masks)


class _Stopped(Exception):
    pass


def _paced(found: Iterable[Found], pause: Callable[[], object]) -> Iterator[Found]:
    for number, each in enumerate(found, 1):
        yield each
        if number % _SLICE == 0 and pause():
            raise _Stopped


def _thin(
    tree: Tree,
    found: Iterable[Found],
    limits: CacheLimits,
    max_bytes: int,
    now_s: float,
    pause: Callable[[], object],
) -> Thinned:
    kept, by_ttl, by_size = [], 0, 0
    for each in _paced(found, pause):
        if _expired(tree, each, limits, now_s) and remove(tree, each):
            by_ttl += 1
        else:
            kept.append(each)
    size_bytes = sum(each.size_bytes for each in kept)
    if max_bytes and size_bytes > max_bytes:
        for each in _paced(sorted(kept, key=lambda each: each.used_s), pause):
            if size_bytes <= max_bytes * _DOWN_TO:
                break
            if remove(tree, each):
                size_bytes -= each.size_bytes
                by_size += 1
    return Thinned(by_ttl, by_size, len(kept) - by_size, size_bytes)


def _expired(tree: Tree, found: Found, limits: CacheLimits, now_s: float) -> bool:
    if limits.ttl_s and now_s - found.used_s > limits.ttl_s:
        return True
    return bool(limits.max_age_s) and now_s - _made_s(tree, found) > limits.max_age_s


def _made_s(tree: Tree, found: Found) -> float:
    """Never later than its last use: a copy of the whole cache is born on the day of the copying."""
    try:
        with tree.parent(found.relative) as spot:
            born = born_s(spot.folder, spot.name)
    except OSError:
        born = None
    return found.used_s if born is None else min(born, found.used_s)
