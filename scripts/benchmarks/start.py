"""Start: from exec until the session is loaded and the observer runs, and `watchd --help`."""

import argparse
from statistics import median

import measure
from daemon import Daemon
from place import WATCHD, environment, machine, model_file, scratch, warn_if_busy

_WANTED_S = {"builtin": 1.0, "u2netp": 1.5, "--help": 0.3}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=5, help="starts of each (%(default)s)")


def run(asked: argparse.Namespace) -> None:
    warn_if_busy()
    print(machine())
    with scratch("start") as work:
        for model in ("builtin", "u2netp"):
            taken_s = []
            for number in range(asked.rounds):
                with Daemon(work / f"{model}-{number}", model_file(model)) as daemon:
                    taken_s.append(daemon.ready_s)
            _print(f"ready with {model}", taken_s, _WANTED_S[model])
        helped = [
            measure.run([WATCHD, "--help"], environment(), work / "log").wall_s for _ in range(asked.rounds)
        ]
        _print("watchd --help", helped, _WANTED_S["--help"])


def _print(what: str, taken_s: list[float], wanted_s: float) -> None:
    print(
        f"{what:<20} {median(taken_s):.3f} s  ({min(taken_s):.3f} to {max(taken_s):.3f}, "
        f"wanted: {wanted_s:.1f})"
    )
