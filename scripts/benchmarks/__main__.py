"""The benchmarks by name; `scripts/bench` starts this."""

import argparse
import sys
from types import ModuleType

import adaptive
import cache
import edges
import encode
import idle
import isolation
import latency
import peer
import scale
import start
import threads
from place import BenchError

BENCHMARKS: dict[str, ModuleType] = {
    "peer": peer,
    "adaptive": adaptive,
    "start": start,
    "latency": latency,
    "idle": idle,
    "isolation": isolation,
    "cache": cache,
    "edges": edges,
    "encode": encode,
    "threads": threads,
    "scale": scale,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measures watchd on this machine.")
    names = parser.add_subparsers(dest="name", required=True)
    for name, module in BENCHMARKS.items():
        about = (module.__doc__ or "").splitlines()[0]
        module.arguments(names.add_parser(name, help=about, description=about))
    asked = parser.parse_args()
    try:
        BENCHMARKS[asked.name].run(asked)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
