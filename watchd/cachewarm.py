"""Fills the cache ahead of time, with the masks of photos or those in cutouts that exist already."""

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from watchd.cachepictures import photos_of, segmenters_of
from watchd.caching import Caches
from watchd.config.schema import Config
from watchd.domain.cachereport import Warmed, Warmth
from watchd.domain.errors import FolderError, StartupError
from watchd.domain.profile import INPUTS, WatchFolder
from watchd.domain.reuse import Tier
from watchd.imaging.pair import mask_from
from watchd.imaging.segment import Segmenter
from watchd.store.cachefolder import open_cache
from watchd.work.photos import TROUBLE, Photos, picture_files, said
from watchd.work.recall import Recall, space_of


@dataclass(frozen=True, slots=True)
class Library:
    """The photos in these folders; with `cutouts`, a folder that holds the cutouts of those in the first."""

    folders: tuple[Path, ...]
    recursive: bool = False
    cutouts: Path | None = None


def warm_all(
    config: Config,
    environ: Mapping[str, str],
    library: Library,
    wanted: str | None,
    expect: Callable[[int], None],
) -> Iterator[Warmed]:
    """Every photo for every cache, or that of the watch folder `wanted`, in the background.

    `expect` is told how many there are. StartupError: there is nothing to warm, or it cannot be written.
    """
    _lower_priority()
    every = targets(config, segmenters_of(config, environ), wanted)
    found = [(folder, picture_files(folder, recursive=library.recursive)) for folder in library.folders]
    expect(len(every) * sum(len(paths) for _, paths in found))
    with photos_of(config) as photos:
        for target in every:
            for folder, paths in found:
                if library.cutouts is None:
                    yield from warm(target, photos, paths)
                else:
                    yield from warm_from_pairs(target, photos, paths, folder, library.cutouts)


def _lower_priority() -> None:
    """This thread, and those that it starts from now on, wait for all others: for CPU, and for the disk."""
    os.nice(19)
    with contextlib.suppress(psutil.Error):  # a container may not allow it
        psutil.Process().ionice(psutil.IOPRIO_CLASS_IDLE)


@dataclass(frozen=True, slots=True)
class Target:
    """A cache to be warmed: where, and with which network. Several watch folders may share it."""

    folder: WatchFolder
    recall: Recall
    segmenter: Segmenter


def targets(config: Config, segmenters: Mapping[str, Segmenter], wanted: str | None) -> Sequence[Target]:
    """Of all watch folders, or of the `wanted` one. StartupError: there is none, or its cache is off."""
    folders = [folder for folder in config.watch_folders() if wanted in (None, folder.name)]
    if not folders:
        names = ", ".join(folder.name for folder in config.watch_folders())
        raise StartupError(f"there is no watch folder {wanted}; there are: {names}")
    folders = [folder for folder in folders if folder.profile.cache.enabled]
    if not folders:
        raise StartupError("the cache is off (cache.enabled): what would be remembered is never used")
    caches = Caches(config)
    distinct: dict[tuple[Path, str], Target] = {}
    for folder in folders:
        segmenter = segmenters[folder.profile.model]
        recall = caches.recall(folder, folder.profile, segmenter)
        recall.policy = replace(recall.policy, audit_rate=0.0)
        place = config.cache_of(folder), space_of(folder.profile.model, segmenter)
        open_cache(place[0])
        distinct.setdefault(place, Target(folder, recall, segmenter))
    return list(distinct.values())


def warm(target: Target, photos: Photos, paths: Iterable[Path]) -> Iterator[Warmed]:
    """Remembers the mask of each photo, as the daemon would. FolderError: the cache cannot be written."""
    inputs = target.folder.profile.inputs

    def made(path: Path, sha256: str) -> Warmed:
        _, reuse = target.recall.mask(sha256, photos.picture(path, inputs))
        if reuse.tier is Tier.MISS:
            _must_know(target, sha256)
        state = Warmth.MADE if reuse.tier is Tier.MISS else Warmth.LIKE
        return Warmed(target.folder.name, str(path), state, reuse.entry)

    return _each(target, photos, paths, made)


def warm_from_pairs(
    target: Target, photos: Photos, paths: Iterable[Path], source: Path, cutouts: Path
) -> Iterator[Warmed]:
    """Remembers masks taken from cutouts: of `source`/a/b.jpg from `cutouts`/a/b.png.

    The network runs once, to tell the size of its masks. FolderError: the cache cannot be written.
    """
    inputs, beside = target.folder.profile.inputs, _by_stem(cutouts)
    shape: tuple[int, ...] = ()

    def taken(path: Path, sha256: str) -> Warmed:
        cutout = beside.get(path.relative_to(source).with_suffix(""))
        if cutout is None:
            return Warmed(target.folder.name, str(path), Warmth.SKIPPED, reason="there is no cutout of it")
        nonlocal shape
        picture = photos.picture(path, inputs)
        shape = shape or target.segmenter(target.segmenter.shrink(picture.seen())).shape
        try:
            mask = mask_from(photos.picture(cutout, INPUTS), picture, (shape[0], shape[1]))
        except TROUBLE as error:
            return Warmed(target.folder.name, str(path), Warmth.SKIPPED, reason=said(cutout, error))
        entry = target.recall.adopt(sha256, picture, mask)
        _must_know(target, sha256)
        return Warmed(target.folder.name, str(path), Warmth.TAKEN, str(entry))

    return _each(target, photos, paths, taken)


def _each(
    target: Target, photos: Photos, paths: Iterable[Path], work: Callable[[Path, str], Warmed]
) -> Iterator[Warmed]:
    """What is remembered already is not decoded; what is broken is told, and the next one follows."""
    for path in paths:
        try:
            sha256 = photos.digest(path)
            known = target.recall.knows(sha256)
            yield Warmed(target.folder.name, str(path), Warmth.KNOWN) if known else work(path, sha256)
        except (*TROUBLE, ArithmeticError) as error:
            yield Warmed(target.folder.name, str(path), Warmth.FAILED, reason=said(path, error))


def _must_know(target: Target, sha256: str) -> None:
    if not target.recall.knows(sha256):
        raise FolderError(f"{target.folder.name}: its cache cannot be written, or its disk is nearly full")


def _by_stem(folder: Path) -> dict[Path, Path]:
    """PNGs last, for of two files with one stem the last is taken."""
    files = sorted(picture_files(folder, recursive=True), key=lambda path: path.suffix.lower() == ".png")
    return {path.relative_to(folder).with_suffix(""): path for path in files}
