"""Growth: the first cutout, memory, a rescan with up to 100,000 files in the inbox; a job beside as many."""

import argparse
from collections.abc import Mapping
from pathlib import Path

import chart
import growth
from figures import Figure, print_table
from place import machine, model_file, scratch, warn_if_busy

_COUNTS = (10, 1_000, 10_000, 100_000)
_WORK_S = 3.0
_LOOK_S = 8.0

Curve = list[tuple[float, float]]


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--files", type=int, nargs="+", default=_COUNTS, help="how many (%(default)s)")
    parser.add_argument("--model", default="builtin", help="builtin, u2netp or an .onnx file")
    parser.add_argument("--chart", type=Path, help="draw the curves into this PNG")
    parser.add_argument("--markdown", action="store_true", help="print the table of the README")


def run(asked: argparse.Namespace) -> None:
    warn_if_busy()
    model, counts = model_file(asked.model), sorted(asked.files)
    started, dropped, known, jobs = {}, {}, {}, {}
    with scratch("scale") as work:
        for count in counts:
            started[count] = growth.started(work / f"started-{count}", model, count, _WORK_S)
            dropped[count] = growth.dropped(work / f"dropped-{count}", model, count, _WORK_S)
            known[count] = growth.known(work / f"known-{count}", model, count, _LOOK_S)
        for count in (0, counts[-1]):
            jobs[count] = growth.per_job(work / f"jobs-{count}", model, count)
    print_table([*_table(started, dropped, known), *_beside(jobs)], asked.markdown)
    print(f"\n{machine()}. Model {model.stem}.")
    if asked.chart is not None:
        _draw(started, dropped, known, asked.chart)


def _table(
    started: Mapping[int, growth.Working],
    dropped: Mapping[int, growth.Working],
    known: Mapping[int, growth.Known],
) -> list[Figure]:
    few, many = min(started), max(started)
    ends = f"with {few} and with {many:,} files"
    return [
        _pair(
            f"first cutout after the start, {ends}",
            (started[few].first_s, started[many].first_s),
            " s",
            "as soon as with ten",
        ),
        _pair(
            f"first cutout after a drop, {ends}",
            (dropped[few].first_s, dropped[many].first_s),
            " s",
            "as soon as with ten",
        ),
        _pair(f"memory at its peak, {ends}", (started[few].peak_mb, started[many].peak_mb), " MB", "flat"),
        _pair(
            f"a new file beside files that are done and stay, at the start, {ends}",
            (known[few].first_s, known[many].first_s),
            " s",
        ),
        _pair(
            f"a rescan of files that are done and stay, {ends}",
            (1e3 * known[few].rescan_s, 1e3 * known[many].rescan_s),
            " ms",
            "linear and small",
        ),
    ]


def _beside(jobs: Mapping[int, growth.Spent]) -> list[Figure]:
    few, many = min(jobs), max(jobs)
    what = f"a job beside {few} and {many:,} originals and cutouts"
    wall = (1e3 * jobs[few].wall_s, 1e3 * jobs[many].wall_s)
    cpu = (1e3 * jobs[few].cpu_s, 1e3 * jobs[many].cpu_s)
    return [_pair(what, wall, " ms", "the same"), _pair(f"{what}, CPU", cpu, " ms", "the same")]


def _pair(what: str, values: tuple[float, float], unit: str, wanted: str = "") -> Figure:
    return Figure(what, "; ".join(f"{value:.3g}{unit}" for value in values), wanted)


def _draw(
    started: Mapping[int, growth.Working],
    dropped: Mapping[int, growth.Working],
    known: Mapping[int, growth.Known],
    path: Path,
) -> None:
    first: dict[str, Curve] = {
        "from the start": [(count, each.first_s) for count, each in started.items()],
        "from a drop": [(count, each.first_s) for count, each in dropped.items()],
    }
    rescan: dict[str, Curve] = {
        "CPU of one rescan": [(count, each.rescan_s) for count, each in known.items()]
    }
    memory: dict[str, dict[str, float]] = {
        f"{count:,}": {"from the start": started[count].peak_mb, "from a drop": dropped[count].peak_mb}
        for count in started
    }
    panels = [
        chart.lines("The first cutout", "files in the inbox", "seconds", first),
        chart.lines("A rescan", "files that are done and stay in the inbox", "seconds", rescan),
        chart.bars("Memory at its peak, by files in the inbox", "MB", memory),
    ]
    chart.save(panels, path, columns=3)
