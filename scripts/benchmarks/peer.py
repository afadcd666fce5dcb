"""Throughput beside rembg: same model file, same pictures, in turn.

Both do a folder and end: `watchd run --once` and `rembg p`, each with its own defaults. The wall time is
that of the whole process; "without start-up" takes off what the same command needs for an empty folder,
for which both load their session as well.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import measure
import numpy as np
import pictures
from measure import Run
from PIL import Image
from place import (
    BENCH,
    WATCHD,
    BenchError,
    environment,
    machine,
    model_file,
    scratch,
    versions,
    warn_if_busy,
)

_HOME = BENCH / "rembg"
_SIZES = ("small", "medium", "large", "mixed")
# Both resize the mask with LANCZOS; more than this, as the mean of a picture, is another mask.
_MOST_GREY_LEVELS = 3.0


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", default="u2netp", help="builtin, u2netp or an .onnx file of that family")
    parser.add_argument("--sizes", default=",".join(_SIZES), help="some of %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each program and size (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="few pictures, one round: shows that it works")
    parser.add_argument("--markdown", action="store_true", help="print the table of the README")


def run(asked: argparse.Namespace) -> None:
    sizes = asked.sizes.split(",")
    if unknown := set(sizes) - set(_SIZES):
        raise BenchError(f"--sizes knows {', '.join(_SIZES)}, and not {', '.join(sorted(unknown))}")
    model = model_file(asked.model)
    ready_peer()
    warn_if_busy()
    rounds = 1 if asked.quick else asked.rounds
    with scratch("peer") as work:
        programs = (_watchd(model, work), _rembg(model, work))
        for program in programs if not asked.quick else ():
            program.on(pictures.folder("small", asked.quick), "warm-up")
        empty = work / "empty"
        empty.mkdir()
        start_s = [median(program.on(empty, "empty").wall_s for _ in range(rounds)) for program in programs]
        rows = [_row(size, programs, start_s, rounds, asked.quick) for size in sizes]
    _print(rows, asked.markdown, start_s, _about(asked.model, rounds))


@dataclass(frozen=True, slots=True)
class Program:
    """One of the two, ready to be run on a folder of pictures."""

    command: tuple[str | Path, ...]
    environment: dict[str, str]
    work: Path
    inbox: Callable[[Path], Path]
    outbox: Callable[[Path], Path]

    def on(self, source: Path, name: str) -> Run:
        """Runs on a copy of the pictures; the outputs stay until the next run."""
        root = self.work / Path(self.command[0]).name
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(source, self.inbox(root))
        command = [str(part).replace("ROOT", str(root)) for part in self.command]
        cost = measure.run(command, self.environment, self.work / "log")
        self._complete(source, self.outbox(root), name)
        return cost

    def outputs(self) -> Path:
        return self.outbox(self.work / Path(self.command[0]).name)

    def _complete(self, source: Path, outbox: Path, name: str) -> None:
        for picture in source.iterdir():
            output = outbox / f"{picture.stem}.png"
            if not output.is_file():
                said = measure.ending(self.work / "log")
                raise BenchError(f"{self.command[0]} made no {output.name} in the run {name!r}\n{said}")
            with Image.open(picture) as before, Image.open(output) as after:
                if (after.size, after.mode) != (before.size, "RGBA"):
                    raise BenchError(f"{self.command[0]}: {output} is {after.mode} {after.size}")


def _watchd(model: Path, work: Path) -> Program:
    return Program(
        (WATCHD, "run", "ROOT", "--once", "--model", model),
        environment(),
        work,
        inbox=lambda root: root / "inbox",
        outbox=lambda root: root / "outbox",
    )


def _rembg(model: Path, work: Path) -> Program:
    # Whatever the file is, rembg takes it for its u2netp, which is prepared and read the same way.
    home = work / "models"
    home.mkdir()
    (home / "u2netp.onnx").symlink_to(model)
    return Program(
        (_HOME / "bin/rembg", "p", "-m", "u2netp", "ROOT/in", "ROOT/out"),
        environment(U2NET_HOME=str(home), MODEL_CHECKSUM_DISABLED="1"),
        work,
        inbox=lambda root: root / "in",
        outbox=lambda root: root / "out",
    )


def ready_peer() -> None:
    """Brings .bench/rembg to the release that is current in the package index."""
    python = _HOME / "bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", _HOME], check=True)
    current, installed = _current_rembg(python), _installed_rembg(python)
    if current is None and installed is None:
        raise BenchError("rembg is not installed and the package index does not answer")
    if current is not None and current != installed:
        print(f"bench: installing rembg {current} into {_HOME.name}", file=sys.stderr)
        if _pip(python, "install", "--quiet", f"rembg[cpu,cli]=={current}").returncode != 0:
            raise BenchError(f"rembg {current} could not be installed; what pip says stands above")


def _current_rembg(python: Path) -> str | None:
    answer = _pip(python, "index", "versions", "rembg", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    first = answer.stdout.splitlines()[:1] if answer.returncode == 0 else []  # rembg (2.0.86)
    return first[0].partition("(")[2].rstrip(")") if first else None


def _installed_rembg(python: Path) -> str | None:
    answer = _pip(python, "list", "--format=json", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    found = {package["name"]: package["version"] for package in json.loads(answer.stdout)}
    return found.get("rembg")


def _pip(python: Path, *command: str, **streams: int) -> subprocess.CompletedProcess[str]:
    pip = [python, "-m", "pip", "--disable-pip-version-check", *command]
    return subprocess.run(pip, text=True, check=False, **streams)  # type: ignore[call-overload,no-any-return]  # streams


@dataclass(frozen=True, slots=True)
class Side:
    """One program's medians over the rounds of one size."""

    per_s: float
    without_start_per_s: float
    cpu_s: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class Row:
    title: str
    watchd: Side
    rembg: Side
    ratio: float
    without_start_ratio: float
    grey_levels: float


def _row(size: str, programs: tuple[Program, Program], start_s: list[float], rounds: int, quick: bool) -> Row:
    source = pictures.folder(size, quick)
    count = len(list(source.iterdir()))
    turns: list[tuple[Run, Run]] = []
    for number in range(rounds):
        print(f"bench: {size}, round {number + 1} of {rounds}", file=sys.stderr)
        turns.append((programs[0].on(source, size), programs[1].on(source, size)))
    watchd, rembg = (
        _side([turn[which] for turn in turns], count, start_s[which]) for which in range(len(programs))
    )
    return Row(
        f"{pictures.KINDS[size].title} ({count})",
        watchd,
        rembg,
        median(theirs.wall_s / ours.wall_s for ours, theirs in turns),
        median(_net_s(theirs, start_s[1]) / _net_s(ours, start_s[0]) for ours, theirs in turns),
        _same_masks(programs[0].outputs(), programs[1].outputs()),
    )


def _side(runs: list[Run], count: int, start_s: float) -> Side:
    return Side(
        median(count / run.wall_s for run in runs),
        median(count / _net_s(run, start_s) for run in runs),
        median(run.cpu_s / count for run in runs),
        median(run.peak_bytes for run in runs) / 2**20,
    )


def _net_s(run: Run, start_s: float) -> float:
    return max(run.wall_s - start_s, 0.001)  # few small pictures drown in the start-up's own noise


def _same_masks(ours: Path, theirs: Path) -> float:
    """The largest mean difference of a picture's opacity; a figure for other work would be worth nothing."""
    worst = max(
        float(np.abs(_alpha(path) - _alpha(theirs / path.name)).mean()) for path in ours.glob("*.png")
    )
    if worst > _MOST_GREY_LEVELS:
        raise BenchError(f"the two did not make the same masks: they differ by {worst:.1f} grey levels")
    return worst


def _alpha(path: Path) -> "np.ndarray[tuple[int, ...], np.dtype[np.float32]]":
    with Image.open(path) as cutout:
        return np.asarray(cutout.getchannel("A"), np.float32)


def _about(model: str, rounds: int) -> str:
    ours = versions(Path(sys.executable), "watchd", "onnxruntime", "pillow")
    theirs = versions(_HOME / "bin/python", "rembg", "onnxruntime", "pillow")
    name = Path(model).name
    return f"{machine()}. {ours}; {theirs}. Model {name}, median of {rounds} runs in turn."


def _print(rows: list[Row], markdown: bool, start_s: list[float], about: str) -> None:
    heads = (
        *("pictures", "watchd /s", "rembg /s", "ratio", "watchd net /s", "rembg net /s", "net ratio"),
        *("watchd CPU s", "rembg CPU s", "watchd MB", "rembg MB"),
    )
    table = [heads, *(_cells(row) for row in rows)]
    if markdown:
        table.insert(1, ("---", *["---:"] * (len(heads) - 1)))
        print(*("| " + " | ".join(cells) + " |" for cells in table), sep="\n")
    else:
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        for first, *rest in table:
            right = (cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True))
            print(first.ljust(widths[0]), *right, sep="  ")
    print("\n/s: images a second, whole process; net: without start-up; CPU s: an image; MB: peak memory.")
    print(about)
    grey_levels = max(row.grey_levels for row in rows)
    print(f"Start-up {start_s[0]:.2f} s, rembg {start_s[1]:.2f} s. ", end="")
    print(f"The masks of any picture differ by at most {grey_levels:.2f} grey levels of 255 (mean).")


def _cells(row: Row) -> tuple[str, ...]:
    ours, theirs = row.watchd, row.rembg
    return (
        row.title,
        *(f"{ours.per_s:.2f}", f"{theirs.per_s:.2f}", f"×{row.ratio:.2f}"),
        *(f"{ours.without_start_per_s:.2f}", f"{theirs.without_start_per_s:.2f}"),
        f"×{row.without_start_ratio:.2f}",
        *(f"{ours.cpu_s:.2f}", f"{theirs.cpu_s:.2f}"),
        *(f"{ours.peak_mb:.0f}", f"{theirs.peak_mb:.0f}"),
    )
