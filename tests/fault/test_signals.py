"""Signals: storms of them, one while the model loads, and one that cannot wait for the work."""

import random
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from commands import start, watchd
from daemons import configure, crowd, said, stop
from fakes import wait_until
from house import files
from oracle import assert_converged, assert_nothing_lost
from tiny_model import save

Drop = Callable[[str, bytes], str]

_ENDING = (signal.SIGTERM, signal.SIGINT)
_STORM = (*_ENDING, signal.SIGHUP)


@pytest.fixture(scope="module")
def heavy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that gives what the tiny one gives, and has 100 MB of weights to load before."""
    weights = np.random.default_rng(1).random((1, 1, 5000, 5000), np.float32)
    nodes = [
        onnx.helper.make_node("ReduceMean", ["image"], ["mean"], axes=[1], keepdims=1),
        onnx.helper.make_node("ReduceMean", ["weights"], ["one"], axes=[2, 3], keepdims=1),
        onnx.helper.make_node("Add", ["mean", "one"], ["sum"]),
        onnx.helper.make_node("Sigmoid", ["sum"], ["mask"]),
    ]
    floats = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        nodes,
        "heavy",
        [onnx.helper.make_tensor_value_info("image", floats, [1, 3, 32, 32])],
        [onnx.helper.make_tensor_value_info("mask", floats, [1, 1, 32, 32])],
        [onnx.numpy_helper.from_array(weights, "weights")],
    )
    return save(graph, tmp_path_factory.mktemp("model") / "heavy.onnx")


@pytest.mark.timeout(180)
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2, 3))])
def test_storm_of_signals_loses_nothing(
    root: Path, drop: Drop, photos: list[bytes], tiny: Path, seed: int
) -> None:
    configure(root)
    chance = random.Random(seed)
    with crowd(root, tiny, 1) as [daemon]:
        inputs = {f"{n}.jpg": drop(f"{n}.jpg", photos[n % 5] + bytes([n])) for n in range(20)}
        wait_until(lambda: said(root, "delivered"), within_s=60)
        for _ in range(50):
            daemon.send_signal(chance.choice(_STORM))
        code = daemon.wait(60)
    assert_nothing_lost(root, inputs)

    result = watchd("run", "--once", root, "--model", tiny)

    assert code in {0, *(128 + number for number in _ENDING), *(-number for number in _ENDING)}
    assert result.returncode == 0, result.stderr
    assert_converged(root, inputs)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("number", _ENDING, ids=lambda number: number.name)
def test_signal_while_the_model_loads_ends_it_cleanly(
    root: Path, drop: Drop, photos: list[bytes], heavy: Path, number: signal.Signals
) -> None:
    configure(root)
    inputs = {f"{n}.jpg": drop(f"{n}.jpg", data) for n, data in enumerate(photos)}
    daemon = start(root, "--model", heavy)
    wait_until(lambda: _heeds(daemon, number), within_s=60)
    assert not said(root, "running", "state")

    daemon.send_signal(number)

    assert daemon.wait(60) == 0
    assert_nothing_lost(root, inputs)
    assert said(root, "stopped", "state")
    result = watchd("run", "--once", root, "--model", heavy)
    assert result.returncode == 0, result.stderr
    assert_converged(root, inputs)


@pytest.mark.timeout(180)
def test_jobs_longer_than_the_drain_are_left_for_the_next_start_and_the_end_is_clean(
    root: Path, drop: Drop, photos: list[bytes], slow: Path
) -> None:
    """Threads are deep in native code when the process ends, and must not crash it."""
    configure(root, drain="0s", threads="{workers: 6}")
    with crowd(root, slow, 1) as [daemon]:
        inputs = {f"{n}.jpg": drop(f"{n}.jpg", photos[n % 5] + b"%d" % n) for n in range(60)}
        wait_until(lambda: said(root, "delivered"), within_s=60)
        code = stop(daemon)
    assert_nothing_lost(root, inputs)
    left = files(root / "inbox")

    result = watchd("run", "--once", root, "--model", slow, within_s=120)

    assert code == 0
    assert left
    assert result.returncode == 0, result.stderr
    assert_converged(root, inputs)


def _heeds(daemon: "subprocess.Popen[str]", number: signal.Signals) -> bool:
    """Whether the process has a handler for that signal; Python alone has one for SIGINT."""
    status = Path(f"/proc/{daemon.pid}/status").read_text()
    [caught] = [line.split()[1] for line in status.splitlines() if line.startswith("SigCgt")]
    wanted = (signal.SIGTERM, number)
    return all(int(caught, 16) >> (each - 1) & 1 for each in wanted)
