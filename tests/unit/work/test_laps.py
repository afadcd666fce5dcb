"""A stopwatch for the stages of one job."""

import pytest
from fakes import ManualClock

from watchd.domain.stages import Stage
from watchd.work.laps import Laps


def test_what_was_over_before_stays(clock: ManualClock) -> None:
    assert Laps({Stage.SETTLE: 2.0}, clock).seconds == {Stage.SETTLE: 2.0}


def test_time_between_stages_is_nobody_s(clock: ManualClock) -> None:
    laps = Laps({}, clock)

    for stage in (Stage.DECODE, Stage.INFER):
        clock.advance(10)
        with laps.time(stage):
            clock.advance(1)

    assert laps.seconds == {Stage.DECODE: 1.0, Stage.INFER: 1.0}


def test_a_stage_that_is_entered_again_adds_up(clock: ManualClock) -> None:
    laps = Laps({}, clock)

    for _ in range(3):
        with laps.time(Stage.INFER):
            clock.advance(1)

    assert laps.seconds == {Stage.INFER: 3.0}


def test_a_stage_inside_of_another_takes_its_time_from_it(clock: ManualClock) -> None:
    laps = Laps({}, clock)

    with laps.time(Stage.ENCODE):
        clock.advance(1)
        for _ in range(2):
            with laps.time(Stage.COMPOSE):
                clock.advance(4)
            clock.advance(1)

    assert laps.seconds == {Stage.ENCODE: 3.0, Stage.COMPOSE: 8.0}


def test_a_stage_that_raises_ends_there(clock: ManualClock) -> None:
    laps = Laps({}, clock)

    def fail() -> None:
        with laps.time(Stage.DECODE):
            clock.advance(1)
            raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        fail()
    clock.advance(9)

    assert laps.seconds == {Stage.DECODE: 1.0}
