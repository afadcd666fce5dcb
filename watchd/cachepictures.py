"""What the caches know of a picture: what it would get, and whether a network would say the same today."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from watchd.config.schema import Config, Isolation
from watchd.domain.cachereport import Explained, Near, Recomputed
from watchd.domain.errors import StartupError
from watchd.domain.profile import INPUTS, WatchFolder
from watchd.imaging.decode import open_picture
from watchd.imaging.isolated import IsolatedDecoders
from watchd.imaging.maskfile import MAX_BYTES
from watchd.imaging.overlap import overlap
from watchd.imaging.segment import Segmenter
from watchd.provision import Networks, thread_plan
from watchd.report.download import DownloadBar
from watchd.store.cachefolder import CacheTree
from watchd.store.entryname import EntryName
from watchd.store.inventory import masks_of
from watchd.store.maskcache import MaskCache
from watchd.store.outputcache import OutputCache
from watchd.tree import Tree
from watchd.work.maskmemory import MaskMemory, entry_of
from watchd.work.photos import TROUBLE, Photos, picture_files, said
from watchd.work.processor import MAKER
from watchd.work.recall import Prospect, Recall, space_of
from watchd.work.singleflight import SingleFlight


def segmenters_of(config: Config, environ: Mapping[str, str]) -> Mapping[str, Segmenter]:
    """Every network of the watch folders, loaded, and fetched if need be; ModelError."""
    models = sorted({folder.profile.model for folder in config.watch_folders()})
    with DownloadBar() as bar:
        return Networks(thread_plan(config), environ, config.models).load(models, bar)


def current_spaces(
    config: Config, segmenters: Mapping[str, Segmenter], root: Path
) -> Mapping[str, WatchFolder]:
    """The spaces of a cache folder that this configuration uses, each with a watch folder that does."""
    folders = [folder for folder in config.watch_folders() if config.cache_of(folder) == root]
    return {space_of(folder.profile.model, segmenters[folder.profile.model]): folder for folder in folders}


@contextmanager
def photos_of(config: Config) -> Iterator[Photos]:
    """While entered pictures are decoded where the config says (`isolation`)."""
    limits = config.limits
    with IsolatedDecoders(limits.decode_timeout) as decoders:  # starts nothing before it is asked
        isolated = config.isolation is Isolation.PROCESS
        opener = decoders.open_picture if isolated else open_picture
        yield Photos(opener, limits.max_pixels, limits.max_bytes)


def explain(config: Config, segmenters: Mapping[str, Segmenter], image: Path) -> list[Explained]:
    """What each watch folder's cache knows of a picture. StartupError: it cannot be read.

    Changes nothing, but for an entry that turns out to be damaged: that is removed.
    """
    return [_explained(view) for view in _views(config, segmenters, image)]


def sources_of(config: Config, segmenters: Mapping[str, Segmenter], image: Path) -> Mapping[Path, set[str]]:
    """By cache folder the sha256 of the files whose masks the picture would get, its own among them."""
    sources: dict[Path, set[str]] = {}
    for view in _views(config, segmenters, image):
        accepted = {each.match.entry.sha256 for each in view.prospect.candidates if each.match}
        sources.setdefault(view.root, {view.sha256}).update(accepted)
    return sources


@dataclass(frozen=True, slots=True)
class _View:
    """One watch folder's memory of one picture."""

    folder: WatchFolder
    root: Path
    space: str
    sha256: str
    size: tuple[int, int]
    prospect: Prospect


def _views(config: Config, segmenters: Mapping[str, Segmenter], image: Path) -> Iterator[_View]:
    try:
        with photos_of(config) as photos:
            sha256, picture = photos.digest(image), photos.picture(image, INPUTS)
    except TROUBLE as error:
        raise StartupError(said(image, error)) from error
    for folder in config.watch_folders():
        root, segmenter = config.cache_of(folder), segmenters[folder.profile.model]
        space = space_of(folder.profile.model, segmenter)
        prospect = _onlooker(folder, root, space, segmenter).prospect(sha256, picture)
        yield _View(folder, root, space, sha256, picture.image.size, prospect)


def _onlooker(folder: WatchFolder, root: Path, space: str, segmenter: Segmenter) -> Recall:
    """To look is no use: nothing is counted, and in 1970 no entry's last use is long enough ago to renew."""
    tree = CacheTree(root)
    return Recall(
        masks=MaskMemory(MaskCache(tree, space, now=lambda: 0.0), _count_nothing),
        outputs=OutputCache(tree, now=lambda: 0.0),
        segmenter=segmenter,
        profile=folder.profile,
        maker=MAKER,
        flights=SingleFlight(),
        count=_count_nothing,
    )


def _count_nothing(_name: str, _by: float) -> None:
    pass


def _explained(view: _View) -> Explained:
    prospect = view.prospect
    return Explained(
        folder=view.folder.name,
        cache=str(view.root),
        space=view.space,
        sha256=view.sha256,
        width=view.size[0],
        height=view.size[1],
        output=prospect.output,
        mask=str(prospect.own.name) if prospect.own else "",
        phash=prospect.looks.phash,
        flat=prospect.looks.flat,
        candidates=tuple(
            Near(str(each.name), each.distance, each.edge, each.refusal) for each in prospect.candidates
        ),
        decision=prospect.tier,
    )


def recomputed(
    config: Config, segmenters: Mapping[str, Segmenter], trees: Iterable[Tree], source: Path, most: int
) -> Iterator[Recomputed]:
    """Up to `most` masks in use whose picture is found below `source`, beside those of the network today."""
    with photos_of(config) as photos:
        for tree in trees:
            for space, folder in current_spaces(config, segmenters, tree.root).items():
                again = _Again(segmenters[folder.profile.model], photos, folder.profile.inputs)
                for found in islice(again.compare(tree, space, source), most):
                    most -= 1
                    yield found


@dataclass(frozen=True, slots=True)
class _Again:
    """Makes masks that are remembered once more."""

    segmenter: Segmenter
    photos: Photos
    inputs: tuple[str, ...]

    def compare(self, tree: Tree, space: str, source: Path) -> Iterator[Recomputed]:
        names = ((EntryName.parse(found.name), found) for found in masks_of(tree, space))
        entries = {name.sha16: (name, found) for name, found in names if name is not None}
        for path in picture_files(source, recursive=True):
            try:
                sha256 = self.photos.digest(path)
                name, found = entries.pop(sha256[:16])
                entry = entry_of(name, tree.read(found.relative, MAX_BYTES + 1))
                seen = self.photos.picture(path, self.inputs).seen()
            except (LookupError, *TROUBLE):
                continue  # it is none of ours, or `verify` tells what is wrong with the entry
            mask = self.segmenter(self.segmenter.shrink(seen))
            if entry.sha256 == sha256 and entry.mask.shape == mask.shape:
                yield Recomputed(found.relative, str(path), overlap(mask, entry.mask))
