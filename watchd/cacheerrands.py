"""What the commands do with the entries of the caches: count, remove, compare them with their names.

What needs a network imports it itself: the others answer at once.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from watchd.config.schema import Config
from watchd.domain.cachereport import Fault, Purged, Recomputed, Stock, Verified
from watchd.domain.errors import FolderError, StartupError
from watchd.imaging.maskfile import MAX_BYTES
from watchd.store.cachefolder import FORMAT, CacheTree
from watchd.store.entryname import EntryName
from watchd.store.inventory import Found, masks, outputs, remove
from watchd.store.purge import Choice, everything, made_of, named, other_spaces, purge, unused_since
from watchd.store.stock import take_stock
from watchd.store.storedfile import StoredFile
from watchd.tree import Tree
from watchd.work.maskmemory import entry_of


def open_caches(config: Config) -> list[Tree]:
    """The cache folders that are there. FolderError: there is none, or one that may not be read."""
    roots = list(dict.fromkeys(config.cache_of(folder) for folder in config.watch_folders()))
    trees: list[Tree] = [CacheTree(root) for root in roots if _is_there(root)]
    if not trees:
        raise FolderError(f"{roots[0]}: there is no cache yet; watchd makes it with the first picture")
    return trees


def _is_there(root: Path) -> bool:
    tree = Tree(root)
    for folder in ("", FORMAT):
        try:
            with tree.folder(folder) as handle:
                os.listdir(handle)
        except FileNotFoundError:
            return bool(folder)  # a cache without entries
        except OSError as error:
            raise FolderError(f"cache {root / folder}: cannot be read: {error.strerror}") from error
    return True


def stats(config: Config, space: str | None) -> list[Stock]:
    """Of each cache folder; with `space` only that one's masks. StartupError: there is no such space."""
    found = [take_stock(tree) for tree in open_caches(config)]
    if space is None:
        return found
    names = [shelf.name for stock in found for shelf in stock.spaces]
    if space not in names:
        raise StartupError(f"no masks in a space {space}; there are: {', '.join(names) or 'none'}")
    return [
        replace(stock, spaces=tuple(shelf for shelf in stock.spaces if shelf.name == space))
        for stock in found
    ]


def lent(config: Config) -> dict[str, float] | None:
    """What all hosts of a Redis have counted together; None where none is configured."""
    if config.cache.redis is None:
        return None
    from watchd.lending import lent as counted

    return counted(config.cache.redis)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which entries are meant; one of these is given. `older_than_s` is since the last use."""

    everything: bool = False
    older_than_s: float | None = None
    stale_spaces: bool = False
    image: Path | None = None
    entry: str | None = None


def purge_all(
    config: Config, environ: Mapping[str, str], selection: Selection, *, outputs_only: bool, dry_run: bool
) -> list[Purged]:
    """StartupError: there is no cache, the image cannot be read, or no entry has such a name."""
    trees = open_caches(config)
    choices = _choices(config, environ, selection, [tree.root for tree in trees])
    return [purge(tree, choices[tree.root], outputs_only=outputs_only, dry_run=dry_run) for tree in trees]


def _choices(
    config: Config, environ: Mapping[str, str], selection: Selection, roots: Sequence[Path]
) -> Mapping[Path, Choice]:
    match selection:
        case Selection(stale_spaces=True):
            from watchd.cachepictures import current_spaces, segmenters_of

            segmenters = segmenters_of(config, environ)
            return {root: other_spaces(current_spaces(config, segmenters, root)) for root in roots}
        case Selection(image=Path() as image):
            from watchd.cachepictures import segmenters_of, sources_of

            sources = sources_of(config, segmenters_of(config, environ), image)
            return {root: made_of(sources[root]) for root in roots}
        case _:
            return dict.fromkeys(roots, _same_for_all(selection))


def _same_for_all(selection: Selection) -> Choice:
    if selection.older_than_s is not None:
        return unused_since(time.time() - selection.older_than_s)
    if selection.entry is not None:
        try:
            return named(selection.entry)
        except ValueError as error:
            raise StartupError(str(error)) from error
    assert selection.everything
    return everything()


def verify_all(
    config: Config, *, fix: bool, expect: Callable[[int], None], step: Callable[[], None]
) -> list[Verified]:
    """`expect` is told how many entries there are, and `step` when one is done."""
    return [verify(tree, fix=fix, expect=expect, step=step) for tree in open_caches(config)]


def verify(tree: Tree, *, fix: bool, expect: Callable[[int], None], step: Callable[[], None]) -> Verified:
    """Reads every entry whole and compares it with its name; with `fix` removes those that are wrong."""
    found_masks, found_outputs = list(masks(tree)), list(outputs(tree))
    expect(len(found_masks) + len(found_outputs))
    faults = [
        *_faults(tree, found_masks, _wrong_mask, fix, step),
        *_faults(tree, found_outputs, _wrong_output, fix, step),
    ]
    return Verified(str(tree.root), len(found_masks), len(found_outputs), tuple(faults))


def _faults(
    tree: Tree, found: list[Found], wrong: Callable[[Tree, Found], str], fix: bool, step: Callable[[], None]
) -> Iterator[Fault]:
    for each in found:
        reason = wrong(tree, each)
        if reason:
            yield Fault(each.relative, reason, removed=fix and remove(tree, each))
        step()


def _wrong_mask(tree: Tree, found: Found) -> str:
    name = EntryName.parse(found.name)
    if name is None or name.shard != found.folder[-2:]:
        return "it lies in the folder of another one, where it is never found"
    try:
        entry_of(name, tree.read(found.relative, MAX_BYTES + 1))
    except FileNotFoundError:  # swept meanwhile
        return ""
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    except ValueError as error:
        return str(error)
    return ""


def _wrong_output(tree: Tree, found: Found) -> str:
    if found.name[:2] != found.folder[-2:]:
        return "it lies in the folder of another one, where it is never found"
    digest = found.name.partition(".")[0].rpartition("-")[2]
    try:
        handle = tree.open(found.relative)
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    with StoredFile(handle, found.relative, found.size_bytes, digest) as stored:
        return "" if stored.is_sound() else "its content is not that of the digest in its name"


def recompute(config: Config, environ: Mapping[str, str], source: Path, most: int) -> Iterator[Recomputed]:
    """Up to `most` masks of all caches, made once more of the pictures below `source`."""
    from watchd.cachepictures import recomputed, segmenters_of

    return recomputed(config, segmenters_of(config, environ), open_caches(config), source, most)
