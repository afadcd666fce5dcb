"""Many files, for a long time: memory stays flat, and neither threads nor descriptors pile up."""

import os
import random
from pathlib import Path

import numpy as np
import psutil
import pytest
from commands import daemon
from fakes import SUFFIXES, draw, encoded, wait_until
from fuzzer import mutants
from tally import TALLY

SIZES = ((60, 40), (300, 200), (640, 480), (1500, 1000), (2400, 1600))
BATCH = 20
WARM_UP = 12  # batches: arenas and caches grow to what the largest pictures need
MOST_BYTES_A_FILE = 40_000


@pytest.mark.alone
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("isolation", "cache"),
    [
        ("none", "false"),
        pytest.param("process", "false", marks=pytest.mark.slow),
        pytest.param("none", "true", marks=pytest.mark.slow),
    ],
)
def test_memory_is_flat_and_nothing_leaks(
    root: Path, tiny: Path, isolation: str, cache: str, pytestconfig: pytest.Config
) -> None:
    batches = (2000 if pytestconfig.getoption("--all") else 600) // BATCH
    # Both sides of the house: whole pictures, and broken ones that take the ways of errors.
    whole = [
        (suffix, encoded(kind, draw(*SIZES[number % len(SIZES)])))
        for number, (kind, suffix) in enumerate(SUFFIXES.items())
    ]
    chance = random.Random(11)
    damaged = list(mutants(batches, seed=6))
    environ = {
        "WATCHD_THREADS_WORKERS": "2",
        "WATCHD_ISOLATION": isolation,
        "WATCHD_CACHE_ENABLED": cache,
        "WATCHD_LIMITS_MAX_PIXELS": "10MP",
    }
    (root).mkdir()
    (root / "config.yaml").write_text("watch:\n  - root: .\n    settle: 200ms\n    settle_timeout: 1s\n")
    with daemon(root, "--model", tiny, **environ) as process:
        tree = psutil.Process(process.pid)
        memory, threads, descriptors, done = list[int](), list[int](), list[int](), 0
        for batch in range(batches):
            files = [*(chance.choice(whole) for _ in range(BATCH - 1)), damaged[batch]]
            for number, (suffix, data) in enumerate(files):
                _drop(root, f"{batch}-{number}.{suffix}", data)
            wait_until(lambda: not os.listdir(root / "inbox"), within_s=120)
            wait_until(lambda: not os.listdir(root / ".watchd" / "claims"), within_s=30)
            done += BATCH
            memory.append(_resident(tree))
            threads.append(len(os.listdir(f"/proc/{process.pid}/task")))
            descriptors.append(len(os.listdir(f"/proc/{process.pid}/fd")))

    grown = np.polyfit(np.arange(len(memory) - WARM_UP) * BATCH, memory[WARM_UP:], 1)[0]
    assert grown < MOST_BYTES_A_FILE, f"{grown:.0f} bytes a file: {memory}"
    assert max(threads[WARM_UP:]) <= max(threads[:WARM_UP]), threads
    assert max(descriptors[WARM_UP:]) <= max(descriptors[:WARM_UP]) + 2, descriptors
    outcomes = len(list((root / "originals").iterdir())) + len(list((root / "failed").glob("*.error.json")))
    assert outcomes == done
    TALLY.add(done, lost=0, partial=0)


def _drop(root: Path, name: str, data: bytes) -> None:
    (root / "inbox" / f"{name}.part").write_bytes(data)
    (root / "inbox" / f"{name}.part").rename(root / "inbox" / name)


def _resident(tree: psutil.Process) -> int:
    """Of the daemon and its decoders."""
    return sum(each.memory_info().rss for each in [tree, *tree.children(recursive=True)])
