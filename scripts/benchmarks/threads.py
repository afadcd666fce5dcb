"""Layouts of threads, and choices of ONNX Runtime: pictures a second, CPU time and memory of each."""

import argparse
import multiprocessing
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import onnxruntime
from figures import Figure, print_table
from place import machine, model_file, scratch, warn_if_busy

from watchd.imaging.cpus import ThreadPlan
from watchd.imaging.memory import give_back_now, give_back_what_is_freed
from watchd.imaging.pace import pace
from watchd.imaging.session import options_of
from watchd.imaging.topology import spread, usable_cpus

_CHOICES: Mapping[str, Mapping[str, bool]] = {
    "arena, no pattern (ours)": {},
    "arena and pattern": {"enable_mem_pattern": True},
    "no arena": {"enable_cpu_mem_arena": False},
    "no arena, but pattern": {"enable_cpu_mem_arena": False, "enable_mem_pattern": True},
}


@dataclass(frozen=True, slots=True)
class Case:
    title: str
    model: Path
    plan: ThreadPlan
    options: Mapping[str, bool | str]
    gives_back: bool = True  # what loading has freed


@dataclass(frozen=True, slots=True)
class Row:
    per_second: float
    cpu_s: float
    peak_mb: float
    load_s: float


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", default="u2netp", help="a name or an .onnx file (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (%(default)s)")
    parser.add_argument("--seconds", type=float, default=4.0, help="how long each time (%(default)s)")
    parser.add_argument("--markdown", action="store_true", help="as a table for the README")


def run(asked: argparse.Namespace) -> None:
    warn_if_busy()
    print(f"{machine()}, onnxruntime {onnxruntime.__version__}, {asked.model}")
    model = model_file(asked.model)
    with scratch("threads") as work:
        groups = [list(_layouts(model)), list(_choices(model)), list(_files(model, work))]
        cases = [case for group in groups for case in group]
        rounds = [[_in_a_process(case, asked.seconds) for case in cases] for _ in range(asked.rounds)]
    medians = dict(zip([case.title for case in cases], map(_median, zip(*rounds, strict=True)), strict=True))
    for group in groups:
        print()
        first = medians[group[0].title]
        print_table([_figure(case.title, medians[case.title], first) for case in group], asked.markdown)


def _layouts(model: Path) -> Iterator[Case]:
    """The default first."""
    cpus = [cpu.number for cpu in spread(usable_cpus())]
    count = len(cpus)
    for workers, intra_op, pinned in (
        (count, 1, True),
        (count, 1, False),
        (1, 1, True),
        (1, count, True),
        (1, count, False),
        (count, count, False),
        (2 * count, 1, False),
    ):
        pins = tuple(cpus[:workers]) if pinned else (None,) * workers
        helpers = ";".join(str(cpu + 1) for cpu in cpus[1:intra_op]) if pinned else ""
        title = f"{workers} × {intra_op}, {'pinned' if pinned else 'free'}"
        yield Case(title, model, ThreadPlan(workers, intra_op, 1, pins, helpers), {})


def _choices(model: Path) -> Iterator[Case]:
    plan = next(_layouts(model)).plan
    for title, options in _CHOICES.items():
        yield Case(title, model, plan, options)
    yield Case("arena, freed memory kept", model, plan, {}, gives_back=False)


def _files(model: Path, work: Path) -> Iterator[Case]:
    """As published, and as ONNX Runtime saves it once it is optimised."""
    plan, saved = ThreadPlan(1, 1, 1, (None,)), work / "optimised.onnx"
    options = options_of(plan)
    options.optimized_model_filepath = str(saved)
    onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    yield Case("file as published", model, plan, {})
    yield Case("file saved optimised", saved, plan, {})


def _in_a_process(case: Case, seconds: float) -> Row:
    """Of its own, so that no row has the memory of another."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(_measured, case, seconds).result()


def _measured(case: Case, seconds: float) -> Row:
    give_back_what_is_freed()
    options = options_of(case.plan)
    for name, value in case.options.items():
        setattr(options, name, value)
    begun = time.perf_counter()
    session = onnxruntime.InferenceSession(case.model, options, providers=["CPUExecutionProvider"])
    if case.gives_back:
        give_back_now()
    load_s = time.perf_counter() - begun
    taken, given = session.get_inputs()[0], session.get_outputs()[0].name
    feed = {taken.name: np.random.default_rng(1).random(taken.shape, np.float32)}
    session.run([given], feed)
    found = pace(
        lambda: session.run([given], feed), case.plan.worker_cpus, until=time.perf_counter() + seconds
    )
    return Row(found.per_second, found.cpu_s, found.peak_bytes / 1e6, load_s)


def _median(rows: tuple[Row, ...]) -> Row:
    return Row(*(median(getattr(row, name) for row in rows) for name in Row.__slots__))


def _figure(title: str, row: Row, first: Row) -> Figure:
    speed, cpu = row.per_second / first.per_second, row.cpu_s / first.cpu_s
    return Figure(
        title,
        f"{row.per_second:.2f}/s ({speed:.2f}), {row.cpu_s:.3f} CPU s ({cpu:.2f}), "
        f"{row.peak_mb:.0f} MB, load {row.load_s:.3f} s",
    )
