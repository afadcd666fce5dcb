"""Measures layouts of threads: which ones, each in its turn, and how fast they were over all rounds."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from statistics import median

from watchd.config.schema import Config, Models, Recipe
from watchd.domain.engine import Engine
from watchd.domain.errors import FolderError, ModelError
from watchd.domain.profile import Precision
from watchd.domain.tunereport import Layout, Pace, Row
from watchd.imaging.apart import ProbeError
from watchd.imaging.cpus import ThreadPlan
from watchd.imaging.layouts import layouts
from watchd.imaging.models import find, refining
from watchd.imaging.probe import Load, Probe
from watchd.imaging.segment import Segmenter
from watchd.provision import Networks, cpu_room, runs_that_fit, thread_plan
from watchd.report.status import is_stale
from watchd.report.statusfile import read_status

Measure = Callable[[Probe], Pace]
"""What raises ProbeError where it comes to nothing."""

ROUNDS = 3
"""Every layout once in each, so that whatever else the machine does meets all of them alike."""

_SHORTEST_S = 2.0

_BUSY = 0.15
"""Load for each CPU."""


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to be measured, and the row that it becomes."""

    row: Row
    probe: Probe


def cases_of(config: Config, recipe: Recipe, environ: Mapping[str, str], seconds: float) -> list[Case]:
    """The default first, then it in every other precision, then what is configured, then other layouts.

    What memory or `seconds` are not enough for has the reason in its row. ConfigError: a CPU that we may not
    use.
    """
    return _that_fit(_all(config, recipe, environ), runs_that_fit(config), seconds)


def measured(cases: Sequence[Case], measure: Measure, step: Callable[[str], None]) -> list[Row]:
    """In rounds, every layout once in each. One whose process dies is left out from then on."""
    paces: list[list[Pace]] = [[] for _ in cases]
    rows = [case.row for case in cases]
    for _ in range(ROUNDS):
        for number, case in enumerate(cases):
            row = rows[number]
            if row.left_out:
                continue
            try:
                paces[number].append(measure(case.probe))
            except ProbeError as error:
                rows[number] = replace(row, left_out=str(error))
                step(f"{row.title}: {error}")
            else:
                step(f"{row.title}, {row.precision}: {paces[number][-1].per_second:.2f} pictures/s")
    return [row if row.left_out else _with(row, each) for row, each in zip(rows, paces, strict=True)]


def _with(row: Row, paces: Sequence[Pace]) -> Row:
    pace = Pace(
        per_second=median(each.per_second for each in paces),
        cpu_s=median(each.cpu_s for each in paces),
        latency_p50_s=median(each.latency_p50_s for each in paces),
        latency_p95_s=median(each.latency_p95_s for each in paces),
        peak_bytes=max(each.peak_bytes for each in paces),
    )
    return replace(row, pace=pace, speeds=tuple(each.per_second for each in paces))


def _all(config: Config, recipe: Recipe, environ: Mapping[str, str]) -> Iterator[Case]:
    load = partial(load_one, environ=dict(environ), settings=config.models)
    default, *others = layouts(config.binding, cpu_room(config))
    plans = [plan_of(config, default)]
    for precision in (recipe.precision, *_others(config, recipe, environ)):
        yield _case(default, plans[0], recipe, precision, load)
    for layout in (layout_of(config), *others):
        plan = plan_of(config, layout)
        if plan not in plans:
            plans.append(plan)
            yield _case(layout, plan, recipe, recipe.precision, load)


def _others(config: Config, recipe: Recipe, environ: Mapping[str, str]) -> Iterator[Precision]:
    with_bf16 = config.models.engine is Engine.OPENVINO
    for precision in Precision if with_bf16 else (Precision.FP32, Precision.INT8):
        with suppress(ModelError):  # not made, or not there
            if precision is not recipe.precision and find(precision.of(recipe.model), environ):
                yield precision


def load_one(model: str, plan: ThreadPlan, environ: Mapping[str, str], settings: Models) -> Segmenter:
    """As the daemon loads it; called in the process that measures."""
    return Networks(plan, environ, settings).load([model], lambda _have, _total: None)[model]


def _case(layout: Layout, plan: ThreadPlan, recipe: Recipe, precision: Precision, load: Load) -> Case:
    pinned = None not in plan.worker_cpus
    row = Row(layout, precision, plan.workers, plan.intra_op, pinned)
    model = precision.of(recipe.model)
    probe = Probe(
        model,
        plan,
        load,
        recipe.encode,
        seconds=0,
        refine=refining(model, recipe.refine),
        decontaminate=recipe.decontaminate,
    )
    return Case(row, probe)


def layout_of(config: Config) -> Layout:
    """What is configured now."""
    return Layout(config.threads.workers, config.threads.intra_op, config.binding)


def plan_of(config: Config, layout: Layout) -> ThreadPlan:
    """As `watchd run` would make it, without its notes: of equal plans the layouts do the same."""
    changes = {"workers": layout.workers, "intra_op": layout.intra_op}
    threads = config.threads.model_copy(update=changes)
    laid_out = config.model_copy(update={"threads": threads, "binding": layout.binding})
    return replace(thread_plan(laid_out), notes=())


def _that_fit(cases: Iterable[Case], memory: int | None, seconds: float) -> list[Case]:
    """Those that memory and time are enough for get their share of the time, the others the reason."""
    time_for = max(2, int(seconds / ROUNDS / _SHORTEST_S))
    fitting: list[Case] = []
    for case in cases:
        reason = ""
        if memory is not None and case.row.workers > memory:
            reason = f"needs more memory than limits.memory, which is enough for {memory} at work"
        elif sum(not each.row.left_out for each in fitting) == time_for:
            reason = "no time was left for it (--seconds)"
        fitting.append(replace(case, row=replace(case.row, left_out=reason)))
    share = seconds / ROUNDS / sum(not case.row.left_out for case in fitting)
    return [replace(case, probe=replace(case.probe, seconds=share)) for case in fitting]


def with_recipes(config: Config, **changes: object) -> Config:
    """With these values in every profile."""
    recipes = {name: recipe.model_copy(update=changes) for name, recipe in config.profiles.items()}
    return config.model_copy(update={"profiles": recipes})


def disturbances(config: Config) -> Iterator[str]:
    """Why what is measured now may be off."""
    load, cpus = os.getloadavg()[0], len(os.sched_getaffinity(0))
    if load > _BUSY * cpus:
        yield f"the machine was busy before we began (load {load:.1f}): these figures may be off"
    for folder in config.watch_folders():
        with suppress(FolderError):  # `watchd status` tells
            status = read_status(folder.sidecar / "status.json")
            if status and status.state != "stopped" and is_stale(status) is False:
                yield f"{folder.name}: its daemon was running: these figures may be off"
