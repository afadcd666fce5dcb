"""`watchd tune`: measures layouts of threads with the configuration's own network, and recommends one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from watchd.config.keys import KeyPath
from watchd.config.load import Loaded
from watchd.config.schema import Config, Recipe
from watchd.configwriting import set_keys
from watchd.domain.errors import ConfigError, ModelError
from watchd.domain.tunereport import Layout, Row, Tuning
from watchd.imaging.barchart import Bar, bar_chart
from watchd.imaging.models import FoundModel, find
from watchd.imaging.probe import measure
from watchd.pacing import ROUNDS, Measure, cases_of, disturbances, layout_of, measured, plan_of, with_recipes
from watchd.provision import cpu_room, thread_plan
from watchd.store.userfile import write_for_user

MARGIN = 0.03
"""A layout that is faster by less is not preferred to a simpler one."""


@dataclass(frozen=True, slots=True)
class Wish:
    """`seconds` is how long all measurements may take together; `root` is the one of the command line."""

    root: Path | None
    model: str | None
    seconds: float
    chart: Path | None
    write: bool


def tune(
    loaded: Loaded,
    wish: Wish,
    environ: Mapping[str, str],
    expect: Callable[[int], None],
    step: Callable[[str], None],
    measure: Measure = measure,
) -> Tuning:
    """Takes `wish.seconds`. StartupError: no such model, a CPU that we may not use, a file not writable.

    `expect` is told how many steps there are, `step` when one is done, and what it has shown.
    """
    if wish.write:
        _must_be_writable(loaded, wish)
    config = loaded.config if wish.model is None else with_recipes(loaded.config, model=wish.model)
    recipe, found = _heaviest(config, environ)
    remarks = [*_notes(config), *disturbances(config)]
    cases = cases_of(config, recipe, environ, wish.seconds)
    expect(ROUNDS * sum(not case.row.left_out for case in cases))
    rows = measured(cases, measure, step)
    best, choice = _chosen(rows, recipe.precision)
    tuning = Tuning(
        model=found.spec.name,
        precision=recipe.precision,
        cpus=cpu_room(config).granted,
        rounds=ROUNDS,
        rows=tuple(rows),
        best=best,
        choice=choice,
        remarks=(*remarks, *_other_precisions(rows, recipe)),
    )
    if wish.chart:
        write_for_user(wish.chart, _drawn(tuning))
        tuning = replace(tuning, chart=str(wish.chart))
    return _written(tuning, config, loaded, wish) if wish.write else tuning


def _must_be_writable(loaded: Loaded, wish: Wish) -> None:
    """Told now, and not once everything is measured."""
    if loaded.file is None:
        raise ConfigError(
            "there is no config file to write into: make one with `watchd init ROOT`, or name one with -c"
        )
    set_keys(loaded.file, wish.root, _keys(layout_of(loaded.config)), try_only=True)


def _heaviest(config: Config, environ: Mapping[str, str]) -> tuple[Recipe, FoundModel]:
    """All networks share one thread plan; the largest has most to gain by it."""
    recipes = [config.profiles[watch.profile] for watch in config.watch]
    found = [(recipe, find(recipe.precision.of(recipe.model), environ)) for recipe in recipes]
    return max(found, key=lambda pair: pair[1].spec.megabytes)


def _notes(config: Config) -> Iterator[str]:
    models = {folder.profile.model for folder in config.watch_folders()}
    if len(models) > 1:
        yield f"of {len(models)} networks, which share one layout, the largest was measured"
    yield from thread_plan(config).notes


def _chosen(rows: Sequence[Row], precision: str) -> tuple[Row, str]:
    """The simplest that none is certainly faster than, and why. ModelError: none was measured."""
    paced = [(row, row.pace) for row in rows if row.pace and row.precision == precision]
    if not paced:
        raise ModelError(f"nothing could be measured: {rows[0].left_out}")
    (first, default), (fastest, most) = paced[0], max(paced, key=lambda pair: pair[1].per_second)
    best, pace = first, default
    for row, its in paced[1:]:
        if _certainly_faster(row, best):
            best, pace = row, its
    speed = f"{pace.per_second:.2f} pictures/s"
    if best is not first:
        gain = pace.per_second / default.per_second - 1
        said = f"{best.title} is {gain:.0%} faster than {first.title}: {speed}, not {default.per_second:.2f}"
    else:
        said = f"{best.title} is the best: {speed}"
    if fastest is not best:
        ahead = most.per_second / pace.per_second - 1
        said += f"; {fastest.title} was ahead by {ahead:.1%}, which may be chance"
    return best, said


def _certainly_faster(row: Row, other: Row) -> bool:
    """By enough, and its slowest round than the other's fastest: on a busy machine few are."""
    by_enough = median(row.speeds) >= median(other.speeds) * (1 + MARGIN)
    return by_enough and min(row.speeds) > max(other.speeds)


def _other_precisions(rows: Sequence[Row], recipe: Recipe) -> Iterator[str]:
    """Told, and never recommended: the masks are others."""
    base = next((row.pace for row in rows if row.precision == recipe.precision), None)
    for row in rows:
        if row.precision != recipe.precision and row.pace and base:
            times = row.pace.per_second / base.per_second
            yield (
                f"precision: {row.precision} would be {times:.2f} times as fast as {recipe.precision} "
                f"({row.title}), but its masks are others, so that is yours to choose"
            )


def _drawn(tuning: Tuning) -> bytes:
    bars = [
        Bar(
            f"{row.title}, {row.precision}",
            row.pace.per_second,
            f"{row.pace.per_second:.2f}/s, {row.pace.peak_bytes / 1e6:.0f} MB",
            strong=row is tuning.best,
        )
        for row in tuning.rows
        if row.pace
    ]
    note = f"workers × threads of each; median of {tuning.rounds} rounds; 1.5 megapixels"
    return bar_chart(f"{tuning.model} on {tuning.cpus} CPUs: pictures a second", note, bars)


def _written(tuning: Tuning, config: Config, loaded: Loaded, wish: Wish) -> Tuning:
    assert loaded.file is not None
    layout = tuning.best.layout
    if plan_of(config, layout) == plan_of(config, layout_of(config)):
        return replace(tuning, remarks=(*tuning.remarks, f"nothing to write: {loaded.file} has it already"))
    now = _keys(layout_of(config))
    changes = {key: word for key, word in _keys(layout).items() if now[key] != word}
    set_keys(loaded.file, wish.root, changes)
    return replace(tuning, written=str(loaded.file))


def _keys(layout: Layout) -> dict[KeyPath, str]:
    return {
        ("threads", "workers"): str(layout.workers or "auto"),
        ("threads", "intra_op"): str(layout.intra_op or "auto"),
        ("binding",): layout.binding,
    }
