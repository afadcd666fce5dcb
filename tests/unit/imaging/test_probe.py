"""The measuring in a process of its own: what it finds, and what becomes of the process."""

import signal
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path

import psutil
import pytest
from fakes import wait_until
from tiny_model import build_tiny_model

from watchd.config.schema import Models
from watchd.domain.profile import Encode
from watchd.imaging.cpus import ThreadPlan
from watchd.imaging.decode import open_picture
from watchd.imaging.probe import Probe, ProbeError, drawn_photo, measure
from watchd.pacing import load_one

LOAD = partial(load_one, environ={}, settings=Models())


@pytest.fixture
def probe(tmp_path: Path) -> Probe:
    model = build_tiny_model(tmp_path / "tiny.onnx")
    return Probe(str(model), ThreadPlan(2, 1, 1, (None, None)), LOAD, Encode.FAST, seconds=0.1)


def child() -> psutil.Process | None:
    children = psutil.Process().children()
    return next((each for each in children if "watchd.imaging.probe" in " ".join(each.cmdline())), None)


def test_pace_is_measured_by_a_process_that_is_gone_afterwards(probe: Probe) -> None:
    found = measure(probe)

    assert found.per_second > 0
    assert found.cpu_s > 0
    assert found.peak_bytes > 20_000_000
    assert child() is None


def test_network_that_cannot_be_loaded_is_told(probe: Probe, tmp_path: Path) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"no network")

    with pytest.raises(ProbeError, match=r"broken\.onnx cannot be loaded"):
        measure(replace(probe, model=str(tmp_path / "broken.onnx")))


def test_plan_for_a_cpu_that_is_not_there_is_told_with_the_last_line_of_the_child(probe: Probe) -> None:
    with pytest.raises(ProbeError, match="its process ended with code 1: OSError"):
        measure(replace(probe, plan=ThreadPlan(1, 1, 1, (8191,))))


def test_process_that_is_killed_is_told_with_what_kills_most_often(probe: Probe) -> None:
    def kill() -> None:
        wait_until(lambda: child() is not None, within_s=20)
        child().kill()

    killing = threading.Thread(target=kill)
    killing.start()

    with pytest.raises(ProbeError, match="died of SIGKILL, often for want of memory"):
        measure(replace(probe, seconds=60))
    killing.join()


def test_interruption_leaves_no_process(probe: Probe) -> None:
    def interrupt() -> None:
        wait_until(lambda: child() is not None, within_s=20)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    interrupting = threading.Thread(target=interrupt)
    interrupting.start()

    with pytest.raises(KeyboardInterrupt):
        measure(replace(probe, seconds=60))
    interrupting.join()
    wait_until(lambda: child() is None, within_s=20)  # one that was just being started ends by itself


def test_drawn_photo_is_one_and_a_half_megapixels(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(drawn_photo())

    with (tmp_path / "photo.jpg").open("rb") as file:
        header = open_picture(file, "photo.jpg", 1 << 24)
        assert header.width * header.height == 1_500_000
