"""Throughput beside rembg: same model file, same pictures, in turn.

Both do a folder and end: `watchd run --once` and `rembg p`, each with its own defaults. The wall time is
that of the whole process; "net" takes off what the same command needs for an empty folder, for which both
load their session as well. The share is that of what the machine could do at most (limit.py).
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import chart
import dropping
import pictures
import u2net
from contest import Contest, Row
from figures import Figure, print_table
from PIL import Image
from place import BENCH, SHARED, WATCHD, BenchError, machine, model_file, scratch, versions, warn_if_busy
from rembghome import REMBG, ready_rembg

_SIZES = ("small", "medium", "large", "mixed")

_ASKED = {
    ("u2net", "fp32"): {"small": 1.08, "medium": 1.75, "large": 4.0, "mixed": 1.55},
    ("u2netp", "fp32"): {"small": 1.12, "medium": 2.3, "large": 4.5, "mixed": 1.8},
    ("u2netp", "bf16"): {"medium": 3.0, "mixed": 2.8},
}
"""The least net ratio by network, precision and size."""

_PRECISIONS = {"fp32": _SIZES, "bf16": ("medium", "mixed"), "int8": ("medium", "mixed")}
"""Which sizes are measured: of less precision those where most is to be gained."""

_MOST_WORKERS = 4


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--models", default="u2net,u2netp", help="names or .onnx files (%(default)s)")
    parser.add_argument("--sizes", default=",".join(_SIZES), help="some of %(default)s")
    parser.add_argument("--precisions", default=",".join(_PRECISIONS), help="some of %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each program and size (%(default)s)")
    parser.add_argument("--once", action="store_true", help="leave out what is dropped into watched folders")
    parser.add_argument("--quick", action="store_true", help="few pictures, one round: shows that it works")
    parser.add_argument("--markdown", action="store_true", help="print the tables of the README")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="draw the ratios as a PNG")


def run(asked: argparse.Namespace) -> None:
    sizes, precisions = _some(asked.sizes, _SIZES), _some(asked.precisions, tuple(_PRECISIONS))
    ready_rembg()
    warn_if_busy()
    rounds = 1 if asked.quick else asked.rounds
    rows: list[Row] = []
    for contest in _contests(asked.models.split(","), precisions):
        wanted = [size for size in sizes if size in _PRECISIONS[contest.precision]]
        for row in contest.rows(wanted, rounds, asked.quick):
            print(f"bench: {row.network}, {row.title}: ×{row.net_ratio:.2f}", file=sys.stderr)
            rows.append(row)
    _print(rows, asked.markdown)
    print(_about(rounds))
    if not asked.once:
        print()
        print_table(list(_dropped(asked.models.split(","), asked.quick)), asked.markdown)
    if asked.chart:
        chart.save([_drawn(rows)], asked.chart, columns=1)


def _some(given: str, known: Sequence[str]) -> list[str]:
    chosen = given.split(",")
    if unknown := set(chosen) - set(known):
        raise BenchError(f"one of {', '.join(known)}, and not {', '.join(sorted(unknown))}")
    return chosen


def _contests(models: Sequence[str], precisions: Sequence[str]) -> Iterator[Contest]:
    for name in models:
        for precision in precisions:
            if precision == "fp32" or name == "u2netp":  # of u2net there are no trained weights to judge by
                model = _int8_beside() if precision == "int8" else _model(name)
                asked = _ASKED.get((name, precision), {})
                yield Contest(Path(name).stem, model, precision, asked, trained=name != "u2net")


def _model(name: str) -> Path:
    return u2net.model_file() if name == "u2net" else model_file(name)


def _int8_beside() -> Path:
    """u2netp with its int8 network beside it, which `watchd models quantize` makes once, in some minutes."""
    model = BENCH / "int8/u2netp.onnx"
    if not model.with_suffix(".int8.onnx").is_file():
        model.parent.mkdir(parents=True, exist_ok=True)
        model.unlink(missing_ok=True)
        model.symlink_to(_model("u2netp"))
        print("bench: making an int8 network of u2netp, which takes minutes, once", file=sys.stderr)
        photos, sheet = SHARED / "eval/images", model.with_name("int8.png")
        command = (WATCHD, "models", "quantize", model, "--calibrate", photos, "--sheet", sheet)
        if subprocess.run(command, check=False).returncode != 0:
            raise BenchError("u2netp could not be made int8: why stands above")
    return model


def _dropped(models: Sequence[str], quick: bool) -> Iterator[Figure]:
    """What is dropped into watched folders all at once: time to the last cutout."""
    heavy = models[0]
    with scratch("dropped") as work:
        mixed = pictures.folder("mixed", quick)
        ours, theirs = (way(_model(heavy), mixed, work) for way in (dropping.watchd_s, dropping.rembg_s))
        yield Figure(
            f"{len(list(mixed.iterdir()))} pictures dropped into a watched folder, {heavy}; "
            f"both had {dropping.BEFORE} single ones before",
            f"{ours:.1f} s, rembg {theirs:.1f} s: ×{theirs / ours:.2f}",
            "×6",
        )
    workers = min(_MOST_WORKERS, len(os.sched_getaffinity(0)))
    with scratch("workers") as work:
        photos = pictures.folder("eight", quick)
        alone_s, together_s = (
            dropping.watchd_s(_model(heavy), photos, work, count) for count in (1, workers)
        )
        yield Figure(
            f"{len(list(photos.iterdir()))} photos at once, {heavy}, {workers} workers against 1",
            f"{together_s:.1f} s, {alone_s:.1f} s: ×{alone_s / together_s:.2f}",
            f"×{0.9 * workers:.1f}",
        )


def _about(rounds: int) -> str:
    ours = versions(Path(sys.executable), "watchd", "onnxruntime", "pillow")
    theirs = versions(REMBG / "bin/python", "rembg", "onnxruntime", "pillow")
    return f"{machine()}. {ours}; {theirs}. Median of {rounds} runs in turn."


_HEADS = (
    *("pictures", "network", "watchd /s", "rembg /s", "ratio", "net ratio", "asked", "share of the limit"),
    *("watchd CPU s", "rembg CPU s", "watchd MB", "rembg MB", "grey levels apart"),
)


def _print(rows: Sequence[Row], markdown: bool) -> None:
    table = [_HEADS, *(_cells(row) for row in rows)]
    if markdown:
        table.insert(1, ("---", "---", *["---:"] * (len(_HEADS) - 2)))
        print(*("| " + " | ".join(cells) + " |" for cells in table), sep="\n")
    else:
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        for cells in table:
            print(*(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)), sep="  ")
    print("\n/s: images a second, whole process; net: without start-up; CPU s: an image; MB: peak memory.")


def _cells(row: Row) -> tuple[str, ...]:
    ours, theirs = row.watchd, row.rembg
    return (
        *(row.title, row.network),
        *(f"{ours.per_s:.2f}", f"{theirs.per_s:.2f}", f"×{row.ratio:.2f}", f"×{row.net_ratio:.2f}"),
        "" if row.asked is None else f"×{row.asked:.2f}",
        "" if row.share is None else f"{row.share:.2f}",
        *(f"{ours.cpu_s:.2f}", f"{theirs.cpu_s:.2f}", f"{ours.peak_mb:.0f}", f"{theirs.peak_mb:.0f}"),
        f"{row.grey_levels:.2f}",
    )


def _drawn(rows: Sequence[Row]) -> Image.Image:
    """How many times as fast, by pictures and network."""
    groups: dict[str, dict[str, float]] = {}
    for row in rows:
        groups.setdefault(row.title, {})[row.network] = row.net_ratio
    return chart.bars("watchd run --once beside rembg p", "times as fast, without start-up", groups)
