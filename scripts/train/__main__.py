"""The steps of training by name; `scripts/train/run` starts this."""

import argparse
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import torch

from train import pairs
from train.encoder import published
from train.export import export
from train.fit import Fit, Plan
from train.network import Network
from train.score import score
from train.teach import teach
from watchd.domain.errors import ModelError

_TOLD_EVERY = 100
"""Steps, or pictures. The state is saved as often."""


def main() -> int:
    asked = _parser().parse_args()
    try:
        asked.does(asked)
    except (ModelError, OSError, ValueError) as error:
        print(f"train: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    usual = Plan(steps=4_000)
    parser = argparse.ArgumentParser(prog="scripts/train/run", description="Trains the builtin network.")
    steps = parser.add_subparsers(required=True, metavar="STEP")

    def step(name: str, does: Callable[[argparse.Namespace], None], about: str) -> argparse.ArgumentParser:
        parser = steps.add_parser(name, help=about, description=about)
        parser.set_defaults(does=does)
        return parser

    pack = step("pack", _pack, "Packs photographs and masks into arrays.")
    pack.add_argument("source", type=Path, help="a folder with images/ and masks/, or with *.tar of these")
    pack.add_argument("packed", type=Path, help="the folder for the arrays")
    taught = step("teach", _teach, "Adds a larger network's masks, as a second target.")
    taught.add_argument("packed", type=Path, help="what pack has made")
    taught.add_argument("model", help="a name of `watchd models list`, or an .onnx file")
    fit = step("fit", _fit, "Fits the network; goes on where it was stopped.")
    fit.add_argument("packed", type=Path, help="what pack has made")
    fit.add_argument("state", type=Path, help="the file of this fit; goes on with it if it is there")
    fit.add_argument(
        "--from",
        dest="source",
        type=Path,
        metavar="FILE",
        default=published(),
        help="what to start from: an exported .onnx; without it the published encoder, the rest at random",
    )
    fit.add_argument(
        "--steps", type=int, default=usual.steps, help="in all; may be another number when going on"
    )
    fit.add_argument("--batch", type=int, default=usual.batch, help="pictures a step")
    fit.add_argument("--seed", type=int, default=usual.seed)
    fit.add_argument("--rate", type=float, default=usual.rate, help="the learning rate at its highest")
    fit.add_argument("--sides", type=int, nargs="+", default=usual.sides, help="of the pictures, in turn")
    fit.add_argument("--threads", type=int, default=os.cpu_count())
    exported = step("export", _export, "Writes the averaged weights of a fit as a network.")
    exported.add_argument("state", type=Path, help="the file of the fit")
    exported.add_argument("file", type=Path, help="the .onnx file to write")
    scored = step("score", _score, "Measures a network on photographs with human masks.")
    scored.add_argument("model", help="a name of `watchd models list`, or an .onnx file")
    scored.add_argument("folder", type=Path, help="with images/ and masks/; nothing of it may be trained on")
    return parser


def _pack(asked: argparse.Namespace) -> None:
    print(f"{pairs.pack(asked.source, asked.packed)} pairs")


def _teach(asked: argparse.Namespace) -> None:
    def told(done: int, of: int) -> None:
        if done % _TOLD_EVERY == 0 or done == of:
            print(f"{done} of {of} masks", flush=True)

    teach(asked.packed, asked.model, told)


def _fit(asked: argparse.Namespace) -> None:
    torch.set_num_threads(asked.threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    stopped: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _frame: stopped.append(number))
    plan = Plan(asked.steps, asked.batch, asked.seed, asked.rate, tuple(asked.sides))
    begun = asked.state.is_file()
    run = Fit(pairs.load(asked.packed), plan, None if begun else asked.source, device)
    if begun:
        run.resume(asked.state)
    losses: deque[float] = deque(maxlen=_TOLD_EVERY)
    since = time.monotonic()
    while not run.done and not stopped:
        losses.append(run.advance())
        if run.step % _TOLD_EVERY == 0:
            run.save(asked.state)
            pace, since = _TOLD_EVERY / (time.monotonic() - since), time.monotonic()
            loss = sum(losses) / len(losses)
            print(f"step {run.step} of {plan.steps}, loss {loss:.4f}, {pace:.2f} steps/s", flush=True)
    run.save(asked.state)


def _export(asked: argparse.Namespace) -> None:
    network = Network()
    network.load_state_dict(torch.load(asked.state, map_location="cpu", weights_only=True)["average"])
    export(network, asked.file)
    print(f"{asked.file}: {asked.file.stat().st_size:,} bytes")


def _score(asked: argparse.Namespace) -> None:
    found = score(asked.model, asked.folder)
    print(
        f"{found.photos} photographs: max F-beta {found.f_beta:.3f}, MAE {found.mae:.3f}, "
        f"{found.milliseconds:.0f} ms a photograph on one core"
    )


if __name__ == "__main__":
    sys.exit(main())
