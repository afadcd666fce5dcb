"""`watchd models compare`: several networks over a user's photos, side by side on a contact sheet."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import mean, median

from watchd.cachepictures import photos_of
from watchd.config.load import Loaded
from watchd.config.schema import Config
from watchd.domain.comparereport import Comparison, Contender, Figures, Photo
from watchd.domain.errors import ModelError, StartupError
from watchd.domain.profile import Precision
from watchd.domain.tunereport import Pace
from watchd.imaging.apart import ProbeError
from watchd.imaging.cpus import ThreadPlan
from watchd.imaging.cutoutsheet import Column, Row, box_of, cutout_sheets, pages_for
from watchd.imaging.models import KNOWN, FoundModel, find, refining
from watchd.imaging.probe import Load, measure_network
from watchd.imaging.thumbnail import agreement, mean_agreement
from watchd.pacing import disturbances, load_one, with_recipes
from watchd.provision import Networks, thread_plan
from watchd.report.cacheview import many
from watchd.store.userfile import try_place_for_user, write_for_user
from watchd.work.album import Album
from watchd.work.photos import picture_files, thinned

Measure = Callable[[str, ThreadPlan, Load, float], tuple[float, Pace]]
"""As `measure_network`."""

_MEASURING_S = 3.0
_ONE_CORE = ThreadPlan(workers=1, intra_op=1, inter_op=1, worker_cpus=(None,))


@dataclass(frozen=True, slots=True)
class Wish:
    """`models` are names and paths, LABEL=NAME and LABEL=PATH; without any those that are there.

    `most` is how many of the photos are looked at, `sheet` the first page's file.
    """

    photos: Path
    models: tuple[str, ...]
    sheet: Path
    most: int
    overwrite: bool = False


def compare(
    loaded: Loaded,
    wish: Wish,
    environ: Mapping[str, str],
    expect: Callable[[int], None],
    step: Callable[[str], None],
    measure: Measure = measure_network,
) -> Comparison:
    """Takes seconds to minutes a network. StartupError: no such model, no photos, or a sheet that may not be.

    `expect` is told how many steps there are, `step` when one is done, and what it has shown.
    """
    entrants = _entrants(loaded.config, wish.models, environ)
    found = picture_files(wish.photos, recursive=True)
    if not found:
        raise StartupError(f"{wish.photos}: there are no photos")
    chosen = thinned(found, wish.most)
    for sheet in _pages(wish.sheet, pages_for(len(chosen))):
        _must_be_free(sheet, wish)
    remarks = tuple(disturbances(loaded.config))
    expect(len(chosen) + len(entrants))
    with photos_of(loaded.config) as photos:
        album = Album(photos, loaded.config.watch_folders()[0].profile.inputs, box_of(len(entrants)), step)
        album.take(chosen)
        expect(len(entrants) * len(album.seen))
        race = _Race(album, loaded.config, environ, measure, expect, step)
        contenders = [race.run(each) for each in entrants]
    if not any(each.figures for each in contenders):
        raise ModelError(f"nothing can be compared: {contenders[0].label}: {contenders[0].left_out}")
    comparison = _told(wish, len(found), album, contenders)
    for page, content in zip(comparison.sheets, _drawn(comparison, album), strict=True):
        write_for_user(Path(page), content, replace=wish.overwrite)
    return replace(comparison, remarks=remarks)


@dataclass(frozen=True, slots=True)
class _Entrant:
    """A network that takes part: what it is called here, and what the configuration would call it."""

    label: str
    model: str
    found: FoundModel


def _entrants(config: Config, wanted: Sequence[str], environ: Mapping[str, str]) -> list[_Entrant]:
    """Each file once. ModelError: one is not there."""
    entrants: dict[str, _Entrant] = {}
    for word in wanted or _usual(config, environ):
        label, model = _labelled(word)
        found = find(model, environ)
        entrants.setdefault(str(found), _Entrant(label or _name_of(found), model, found))
    names = Counter(each.label for each in entrants.values())
    return [each if names[each.label] == 1 else replace(each, label=each.model) for each in entrants.values()]


def _usual(config: Config, environ: Mapping[str, str]) -> Iterator[str]:
    """builtin, what the configuration uses, and every known one whose file is there."""
    yield "builtin"
    yield from sorted({model for folder in config.watch_folders() for model in folder.models})
    for name in KNOWN:
        with suppress(ModelError):
            find(name, environ)
            yield name


def _labelled(word: str) -> tuple[str, str]:
    """Label and model; a file whose name has a = in it is no label."""
    label, equals, model = word.partition("=")
    return (label, model) if equals and not os.path.exists(word) else ("", word)


def _name_of(found: FoundModel) -> str:
    return f"{found.spec.name}.{Precision.BF16}" if found.bf16 else found.spec.name


def _pages(sheet: Path, count: int) -> list[Path]:
    """sheet.png, sheet-2.png, sheet-3.png"""
    return [sheet, *(sheet.with_stem(f"{sheet.stem}-{number}") for number in range(2, count + 1))]


def _must_be_free(page: Path, wish: Wish) -> None:
    """Told now, and not once everything is measured."""
    if not wish.overwrite and os.path.lexists(page):
        raise StartupError(f"{page} is there already: name another file with --out, or give --overwrite")
    try_place_for_user(page)


@dataclass(frozen=True, slots=True)
class _Race:
    """One network after the other, under the same conditions."""

    album: Album
    config: Config
    environ: Mapping[str, str]
    measure: Measure
    expect: Callable[[int], None]
    step: Callable[[str], None]

    def run(self, entrant: _Entrant) -> Contender:
        """First in a process of its own: what takes all memory ends that one."""
        spec = entrant.found.spec
        contender = Contender(
            entrant.label, str(entrant.found.path), spec.megabytes, spec.licence, spec.good_for
        )
        try:
            return replace(contender, figures=self._figures(entrant))
        except (ProbeError, ModelError, ArithmeticError) as error:
            self.expect(-len(self.album.seen))
            self.step(f"{entrant.label} is left out: {error}")
            return replace(contender, left_out=str(error))

    def _figures(self, entrant: _Entrant) -> Figures:
        own = with_recipes(self.config, model=entrant.model, precision=Precision.FP32)
        plan = replace(thread_plan(own), notes=())
        load = partial(load_one, environ=dict(self.environ), settings=self.config.models)
        start_s, pace = self.measure(entrant.model, plan, load, _MEASURING_S)
        per_picture_s = 1 / pace.per_second
        self.step(f"{entrant.label}: {per_picture_s * 1000:.0f} ms a picture")
        networks = Networks(_ONE_CORE, self.environ, self.config.models, warm=True)
        segmenter = networks.load([entrant.model], lambda _have, _total: None)[entrant.model]
        profile = own.watch_folders()[0].profile
        refine = refining(entrant.model, profile.refine)
        took = self.album.cut_out(entrant.label, segmenter, refine, decontaminate=profile.decontaminate)
        return Figures(start_s, median(took), per_picture_s, plan.workers, plan.intra_op, pace.peak_bytes)


def _told(wish: Wish, found: int, album: Album, contenders: Sequence[Contender]) -> Comparison:
    """All but the remarks."""
    labels = [each.label for each in contenders if each.figures]
    tables = [agreement([each.cutouts[label] for label in labels]) for each in album.seen]
    return Comparison(
        folder=str(wish.photos),
        found=found,
        photos=tuple(
            Photo(str(each.path), *each.size, _between(table))
            for each, table in zip(album.seen, tables, strict=True)
        ),
        skipped=tuple(album.skipped),
        contenders=tuple(contenders),
        agreement=mean_agreement(tables),
        sheets=tuple(map(str, _pages(wish.sheet, pages_for(len(album.seen))))),
    )


def _between(table: Sequence[Sequence[float]]) -> float:
    """The mean over each two; 1 where there is only one."""
    pairs = [overlap for number, row in enumerate(table) for overlap in row[:number]]
    return mean(pairs) if pairs else 1.0


def _drawn(comparison: Comparison, album: Album) -> list[bytes]:
    running = [(each, each.figures) for each in comparison.contenders if each.figures]
    columns = [
        Column(each.label, f"{its.one_core_s * 1000:.0f} ms · {each.megabytes:g} MB") for each, its in running
    ]
    rows = [
        Row(
            seen.path.name,
            f"{photo.width} × {photo.height}"
            + (f" · agreement {photo.agreement:.2f}" if len(running) > 1 else ""),
            seen.photo,
            tuple(seen.cutouts[each.label] for each, _ in running),
        )
        for seen, photo in zip(album.seen, comparison.photos, strict=True)
    ]
    part = f"{len(rows)} of " if len(rows) < comparison.found else ""
    title = f"{Path(comparison.folder).absolute().name}: {part}{many(comparison.found, 'photo')}"
    note = "ms: the network alone, on one core · MB: its file"
    overlap = " · agreement: how far the cutouts overlap, 1 is the same" if len(running) > 1 else ""
    return cutout_sheets(title, note + overlap, columns, rows)
