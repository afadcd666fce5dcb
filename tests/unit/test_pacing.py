"""Which layouts are measured, and in which turn."""

import os
from pathlib import Path

import pytest
from fakes import FakeMeasure
from tiny_model import build_tiny_model

from watchd.config.load import load
from watchd.config.schema import Config
from watchd.domain.profile import Precision
from watchd.imaging.apart import ProbeError
from watchd.imaging.probe import Probe
from watchd.pacing import Case, cases_of, measured

MANY = 2 * (os.cpu_count() or 1) + 1
"""More workers than any layout has that is tried anyway."""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return build_tiny_model(tmp_path / "tiny.onnx")


def config_of(model: Path, **changes: object) -> Config:
    overrides = {"profiles.default.model": str(model)} | {
        key.replace("__", "."): value for key, value in changes.items()
    }
    return load(None, model.parent, overrides, {}).config


def cases(config: Config, seconds: float = 600) -> list[Case]:
    recipe = config.profiles["default"]
    return cases_of(config, recipe, {}, seconds)


def test_default_is_first_and_no_plan_is_measured_twice(model: Path) -> None:
    found = cases(config_of(model))

    assert found[0].row.layout.workers is None
    plans = [case.probe.plan for case in found]
    assert len(set(plans)) == len(plans)


def test_configured_layout_is_measured_too(model: Path) -> None:
    found = cases(config_of(model, threads__workers=MANY))

    assert (MANY, 1) in [(case.row.workers, case.row.intra_op) for case in found]


def test_bf16_is_measured_where_the_engine_has_it(model: Path) -> None:
    plain, fast = cases(config_of(model)), cases(config_of(model, models__engine="openvino"))

    assert Precision.BF16 not in {case.row.precision for case in plain}
    assert Precision.BF16 in {case.row.precision for case in fast}


def test_other_precision_is_measured_as_the_default_where_it_is_made(model: Path) -> None:
    before = len(cases(config_of(model)))
    build_tiny_model(model.with_name("tiny.int8.onnx"))

    found = cases(config_of(model))

    assert len(found) == before + 1
    [int8] = [case for case in found if case.row.precision == Precision.INT8]
    assert int8.probe.model == str(model.with_name("tiny.int8.onnx"))
    assert int8.probe.plan == found[0].probe.plan


def test_layout_that_wants_more_memory_than_there_is_is_left_out_with_the_limit(model: Path) -> None:
    found = cases(config_of(model, threads__workers=MANY, limits__memory="300MB"))

    [own] = [case.row for case in found if case.row.workers == MANY]
    assert "limits.memory, which is enough for 1" in own.left_out
    assert found[0].row.left_out == ""


def test_little_time_is_for_few_layouts(model: Path) -> None:
    build_tiny_model(model.with_name("tiny.int8.onnx"))

    found = cases(config_of(model, threads__workers=MANY), seconds=6)

    assert [bool(case.row.left_out) for case in found][:3] == [False, False, True]
    assert found[2].row.left_out == "no time was left for it (--seconds)"
    assert found[0].probe.seconds == pytest.approx(1.0)


def test_every_layout_has_its_turn_in_every_round(model: Path) -> None:
    some, measure = cases(config_of(model, threads__workers=MANY)), FakeMeasure()

    measured(some, measure, lambda _line: None)

    turns = [probe.plan for probe in measure.asked]
    assert turns == [case.probe.plan for case in some] * 3


def test_pace_is_the_median_of_the_rounds_and_the_peak_the_highest(model: Path) -> None:
    [case, *_], measure = cases(config_of(model)), FakeMeasure(lambda _probe, turn: (4.0, 9.0, 5.0)[turn])

    [row] = measured([case], measure, lambda _line: None)

    assert row.pace is not None
    assert (row.pace.per_second, row.pace.peak_bytes, row.speeds) == (5.0, 9_000_000, (4.0, 9.0, 5.0))


def test_layout_whose_process_died_is_left_out_and_not_tried_again(model: Path) -> None:
    [dying, living, *_] = cases(config_of(model, threads__workers=MANY))
    told: list[str] = []

    def speed(probe: Probe, _turn: int) -> float:
        if probe.plan == dying.probe.plan:
            raise ProbeError("its process died of SIGKILL")
        return 5.0

    measure = FakeMeasure(speed)

    rows = measured([dying, living], measure, told.append)

    assert (rows[0].left_out, rows[0].pace) == ("its process died of SIGKILL", None)
    assert rows[1].pace is not None
    assert len(measure.asked) == 4
    assert "its process died of SIGKILL" in told[0]
