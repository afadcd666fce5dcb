"""kill -9: at random instants of a busy daemon, and at every N-th call that changes a folder."""

import random
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from commands import WATCHD, kill, start, watchd
from oracle import assert_converged, assert_nothing_lost

from watchd.domain.job import source_key

Drop = Callable[[str, bytes], str]

_CALLS = ("rename,renameat,renameat2", "fsync", "unlink,unlinkat", "openat", "link,linkat", "mkdir,mkdirat")


def test_killed_at_random_instants_a_busy_daemon_loses_and_doubles_nothing(
    root: Path, drop: Drop, photos: list[bytes], tiny: Path, pytestconfig: pytest.Config
) -> None:
    chance = random.Random(20)
    inputs: dict[str, str] = {}
    for round_number in range(12):
        for number, data in enumerate(photos):
            name = f"{round_number}-{number}.jpg"
            inputs[name] = drop(name, data + name.encode())
        process = start(root, "--model", tiny)
        threading.Event().wait(chance.uniform(0.3, 1.2))
        kill(process)
        assert_nothing_lost(root, inputs)

    result = watchd("run", "--once", root, "--model", tiny)

    assert result.returncode == 0, result.stderr
    assert_converged(root, inputs)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("calls", _CALLS, ids=lambda calls: calls.partition(",")[0])
def test_killed_at_every_nth_call_it_loses_and_doubles_nothing(
    root: Path, drop: Drop, photos: list[bytes], broken: bytes, tiny: Path, calls: str
) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed; scripts/test installs it where it may")
    number = 0
    while True:
        number += 1
        shutil.rmtree(root, ignore_errors=True)
        inputs = {f"{n}.jpg": drop(f"{n}.jpg", data) for n, data in enumerate(photos[:2])}
        inputs["bad.png"] = drop("bad.png", broken)
        killed = _run_under(strace, root, tiny, inputs, f"inject={calls}:signal=KILL:when={number}")
        if not killed:
            break
        assert_nothing_lost(root, inputs)

        result = watchd("run", "--once", root, "--model", tiny)

        assert result.returncode in (0, 1), result.stderr  # 1 if bad.png was left for this run
        assert_converged(root, inputs)
    assert number > 1 or calls.startswith("link"), "the sweep met no such call"


def _run_under(strace: str, root: Path, model: Path, inputs: Iterable[str], injection: str) -> bool:
    """A single run under strace; whether it was killed. Only calls inside the watch folder count."""
    shards = {f".watchd/receipts/{source_key(name)[:2]}" for name in inputs}
    places = [
        "inbox",
        "outbox",
        "originals",
        "failed",
        ".watchd",
        ".watchd/claims",
        ".watchd/receipts",
        *shards,
    ]
    command = [strace, "-f", "-qq", "-o", "/dev/null", "-e", injection]
    command += [word for place in places for word in ("-P", root / place)]
    command += [WATCHD, "run", "--once", root, "--model", model]
    return subprocess.run(list(map(str, command)), check=False, capture_output=True).returncode not in (0, 1)
