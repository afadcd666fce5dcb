"""kill -9: at random instants of a busy daemon, and at every N-th call that changes a folder."""

import random
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from commands import kill, start, watchd
from daemons import configure, in_flight
from house import files
from oracle import assert_converged, assert_nothing_lost
from strace import injected

from watchd.domain.job import source_key

Drop = Callable[[str, bytes], str]

# Each with the stride that is enough for a look at it; with --all it is 1.
_CALLS = {
    "rename,renameat,renameat2": 4,
    "fsync": 5,
    "unlink,unlinkat": 4,
    "openat": 30,
    "link,linkat": 1,
    "mkdir,mkdirat": 4,
}
_ATTEMPTS = 3


def test_killed_at_random_instants_a_busy_daemon_loses_doubles_and_fails_nothing(
    root: Path, drop: Drop, photos: list[bytes], tiny: Path, pytestconfig: pytest.Config
) -> None:
    _kill_at_random(8, root, drop, photos, tiny)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_200_times_a_busy_daemon_loses_doubles_and_fails_nothing(
    root: Path, drop: Drop, photos: list[bytes], tiny: Path
) -> None:
    _kill_at_random(200, root, drop, photos, tiny)


def _kill_at_random(times: int, root: Path, drop: Drop, photos: list[bytes], tiny: Path) -> None:
    configure(root)
    chance = random.Random(20)
    inputs: dict[str, str] = {}
    killed_alone: Counter[str] = Counter()
    for turn in range(times):
        for number, data in enumerate(photos):
            name = f"{turn}-{number}.jpg"
            inputs[name] = drop(name, data + name.encode())
        process = start(root, "--model", tiny)
        threading.Event().wait(chance.uniform(0.3, 2.0))  # the instant is the test's input, no waiting for
        kill(process)
        assert_nothing_lost(root, inputs)
        flying = in_flight(root).get(process.pid, [])
        killed_alone.update(flying if len(flying) == 1 else [])

    result = watchd("run", "--once", root, "--model", tiny, within_s=300)

    assert result.returncode in (0, 1), result.stderr
    assert_converged(root, inputs)
    # Only what was alone at work at as many kills as there are attempts may have been given up.
    guilty = {name for name in inputs if killed_alone[source_key(name)] >= _ATTEMPTS}
    assert {name for name in files(root / "failed") if name in inputs} <= guilty


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("calls", _CALLS, ids=lambda calls: calls.partition(",")[0])
def test_killed_at_every_nth_call_it_loses_and_doubles_nothing(
    root: Path,
    drop: Drop,
    photos: list[bytes],
    broken: bytes,
    tiny: Path,
    calls: str,
    pytestconfig: pytest.Config,
) -> None:
    stride = 1 if pytestconfig.getoption("--all") else _CALLS[calls]
    number = 1
    while _killed(root, drop, photos, broken, tiny, f"inject={calls}:signal=KILL:when={number}"):
        number += stride
    assert number > 1 or calls.startswith("link"), "the sweep met no such call"


def _killed(root: Path, drop: Drop, photos: list[bytes], broken: bytes, tiny: Path, injection: str) -> bool:
    """A run with that fault and one without; whether the first was killed."""
    shutil.rmtree(root, ignore_errors=True)
    inputs = {f"{n}.jpg": drop(f"{n}.jpg", data) for n, data in enumerate(photos[:2])}
    inputs["bad.png"] = drop("bad.png", broken)
    if _run(root, tiny, inputs, injection) in (0, 1):
        return False
    assert_nothing_lost(root, inputs)

    result = watchd("run", "--once", root, "--model", tiny)

    assert result.returncode in (0, 1), result.stderr  # 1 if bad.png was left for this run
    assert_converged(root, inputs)
    assert files(root / "failed") == {"bad.png", "bad.png.error.json"}
    return True


def _run(root: Path, tiny: Path, inputs: Iterable[str], injection: str) -> int:
    with injected(root, tiny, inputs, injection) as process:
        return process.wait(120)
