"""Which entries leave the cache because someone says so."""

import contextlib
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

from watchd.domain.cachereport import Purged
from watchd.store.entryname import EntryName
from watchd.store.inventory import (
    Found,
    is_output_name,
    masks,
    masks_of,
    outputs,
    remove,
    remove_space,
    spaces,
)
from watchd.tree import Tree

_SPACE = re.compile(r".+-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Choice:
    """What of the entries is meant. `space` says it of whole spaces, which then leave no folder either."""

    mask: Callable[[Found], bool]
    output: Callable[[Found], bool]
    space: Callable[[str], bool] = lambda _: False


def everything() -> Choice:
    return Choice(lambda _: True, lambda _: True, lambda _: True)


def unused_since(time_s: float) -> Choice:
    """By the last use, in seconds since 1970."""
    return Choice(lambda mask: mask.used_s < time_s, lambda output: output.used_s < time_s)


def other_spaces(current: Collection[str]) -> Choice:
    """Outputs do not tell of which space they are: they stay until nobody has used them for long."""
    return Choice(lambda mask: mask.space not in current, lambda _: False, lambda space: space not in current)


def made_of(sources: Collection[str]) -> Choice:
    """All that was made of these files, told by their sha256 or the first 16 digits of it, in any space."""
    starts = {source[:16] for source in sources}
    return Choice(lambda mask: _sha16(mask.name) in starts, lambda output: output.name[:16] in starts)


def named(name: str) -> Choice:
    """One entry, as the log names it; with a mask also the outputs of its file. ValueError: no such name."""
    entry = EntryName.parse(name)
    if entry is None and not is_output_name(name):
        raise ValueError(f"{name} is not the name of an entry")
    return Choice(
        lambda mask: mask.name == name,
        lambda output: output.name == name or (entry is not None and output.name[:16] == entry.sha16),
    )


def purge(tree: Tree, choice: Choice, *, outputs_only: bool = False, dry_run: bool = False) -> Purged:
    """Nothing that is not ours is touched. Also while a daemon works here."""
    chosen = [] if outputs_only else [each for each in masks(tree) if choice.mask(each)]
    finished = [each for each in outputs(tree) if choice.output(each)]
    stuck = [] if dry_run else [each for each in chosen + finished if not remove(tree, each)]
    if not (outputs_only or dry_run):
        _remove_empty_spaces(tree, choice)
    gone = {each.relative for each in chosen + finished} - {each.relative for each in stuck}
    return Purged(
        cache=str(tree.root),
        masks=tuple(each.relative for each in chosen if each.relative in gone),
        outputs=tuple(each.relative for each in finished if each.relative in gone),
        size_bytes=sum(each.size_bytes for each in chosen + finished if each.relative in gone),
        stuck=tuple(each.relative for each in stuck),
    )


def _remove_empty_spaces(tree: Tree, choice: Choice) -> None:
    for space in spaces(tree):
        if _SPACE.fullmatch(space) and choice.space(space) and not any(masks_of(tree, space)):
            with contextlib.suppress(OSError):  # its entries are gone, which is what counts
                remove_space(tree, space)


def _sha16(mask: str) -> str:
    entry = EntryName.parse(mask)
    return entry.sha16 if entry else ""
