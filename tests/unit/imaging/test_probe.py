"""What is measured in a process of its own."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from watchd.config.schema import Models
from watchd.domain.profile import Encode
from watchd.imaging.apart import ProbeError
from watchd.imaging.cpus import ThreadPlan
from watchd.imaging.decode import open_picture
from watchd.imaging.probe import Probe, drawn_photo, measure, measure_network
from watchd.pacing import load_one

LOAD = partial(load_one, environ={}, settings=Models())


@pytest.fixture
def probe(tiny: Path) -> Probe:
    return Probe(str(tiny), ThreadPlan(2, 1, 1, (None, None)), LOAD, Encode.FAST, seconds=0.1)


def test_pace_of_the_line_is_measured(probe: Probe) -> None:
    found = measure(probe)

    assert found.per_second > 0
    assert found.cpu_s > 0
    assert found.peak_bytes > 20_000_000


def test_network_alone_is_measured_from_its_start_on(probe: Probe) -> None:
    start_s, found = measure_network(probe.model, probe.plan, LOAD, seconds=0.1)

    assert start_s > 0
    assert found.per_second > 0


def test_network_that_cannot_be_loaded_is_told(probe: Probe, tmp_path: Path) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"no network")

    with pytest.raises(ProbeError, match=r"broken\.onnx cannot be loaded"):
        measure(replace(probe, model=str(tmp_path / "broken.onnx")))


def test_plan_for_a_cpu_that_is_not_there_is_told(probe: Probe) -> None:
    with pytest.raises(ProbeError, match="its process ended with code 1: OSError"):
        measure(replace(probe, plan=ThreadPlan(1, 1, 1, (8191,))))


def test_drawn_photo_is_one_and_a_half_megapixels(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(drawn_photo())

    with (tmp_path / "photo.jpg").open("rb") as file:
        header = open_picture(file, "photo.jpg", 1 << 24)
        assert header.width * header.height == 1_500_000
