"""Latency: a 1-megapixel photo goes into an idle inbox, until its cutout is in the outbox."""

import argparse
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles

import numpy as np
import onnxruntime as ort
import pictures
from daemon import Daemon
from place import BenchError, machine, model_file, scratch, warn_if_busy

_WANTED_S = 0.5  # beyond one inference


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", default="u2netp", help="builtin, u2netp or an .onnx file")
    parser.add_argument(
        "--pause", type=float, default=1.0, help="seconds at rest between photos (%(default)s)"
    )
    parser.add_argument("--quick", action="store_true", help="few pictures: shows that it works")


def run(asked: argparse.Namespace) -> None:
    warn_if_busy()
    print(machine())
    model = model_file(asked.model)
    inference_s = _inference_s(model)
    print(f"one inference of {asked.model}, one thread: {inference_s:.3f} s")
    photos = sorted(pictures.folder("one", asked.quick).iterdir())
    for way, drop in (("copied", _copied), ("moved", _moved)):
        with scratch("latency") as work, Daemon(work / way, model) as daemon:
            taken_s = [_delivered_s(daemon.root, photo, drop, asked.pause) for photo in photos]
        _print(way, taken_s, inference_s)


def _delivered_s(root: Path, photo: Path, drop: Callable[[Path, Path], None], pause_s: float) -> float:
    """From the moment the file stands complete in the inbox, until its cutout bears its final name."""
    target = root / "outbox" / f"{photo.stem}.png"
    time.sleep(pause_s)
    drop(photo, root)
    begun = time.perf_counter()
    while not target.exists():
        if time.perf_counter() - begun > 60:
            raise BenchError(f"{photo.name} was not delivered within 60 s")
        time.sleep(0.0005)
    return time.perf_counter() - begun


def _copied(photo: Path, root: Path) -> None:
    shutil.copyfile(photo, root / "inbox" / photo.name)


def _moved(photo: Path, root: Path) -> None:
    shutil.copyfile(photo, root / photo.name)
    os.rename(root / photo.name, root / "inbox" / photo.name)


def _inference_s(model: Path, runs: int = 7) -> float:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    picture = np.random.default_rng(0).standard_normal((1, 3, 320, 320)).astype(np.float32)
    taken_s = []
    for _ in range(runs):
        begun = time.perf_counter()
        session.run(None, {name: picture})
        taken_s.append(time.perf_counter() - begun)
    return median(taken_s)


def _print(way: str, taken_s: list[float], inference_s: float) -> None:
    p95 = quantiles(taken_s, n=20, method="inclusive")[-1]
    print(
        f"{way:<7} {len(taken_s)} photos: median {median(taken_s):.3f} s, p95 {p95:.3f}, "
        f"{min(taken_s):.3f} to {max(taken_s):.3f}; beyond one inference "
        f"{median(taken_s) - inference_s:.3f}, at most {max(taken_s) - inference_s:.3f} (wanted: {_WANTED_S})"
    )
