"""The status that a terminal follows."""

import io
from collections.abc import Callable
from dataclasses import replace

from rich.console import Console
from statuses import AT_WORK, NOON, written_everywhere

from watchd.report.status import Recent, Status, Trouble
from watchd.report.statuswatch import Look, view, watch

STATUS = replace(
    AT_WORK,
    counts={"delivered": 5},
    cache={"miss": 5},
    stages={"decode": 0.014, "infer": 0.5},
    recent=(Recent(NOON, "photos", "b.jpg", "delivered", 0.25, "miss"),),
    errors=(Trouble(NOON, "photos", "a.jpg", "rejected", "truncated"),),
)


def shown(status: Status = STATUS, width: int = 100, stale: bool | None = False) -> list[str]:
    stream = io.StringIO()
    Console(file=stream, width=width).print(view([Look(status, stale)], NOON))
    return [line.rstrip() for line in stream.getvalue().splitlines()]


def looks(times: int) -> Callable[[float], bool]:
    """A wait that is over after so many looks."""
    left = iter(range(times))
    return lambda _: next(left) == times - 1


def test_view_has_queue_rate_stages_cache_outcomes_and_errors() -> None:
    lines = shown()

    for line in (
        "now      3 waiting, 2 in work, 1.5/s",
        "cache    5 miss",
        "         scans  paused: disk full",
        "decode  14 ms",
        "infer   500 ms",
    ):
        assert line in lines
    assert any(line.endswith("photos/b.jpg  delivered, 250 ms, miss") for line in lines)
    assert any(line.endswith("photos/a.jpg  rejected: truncated") for line in lines)


def test_terminal_of_40_columns_has_no_line_more_and_none_too_wide() -> None:
    long = replace(STATUS, recent=(Recent(NOON, "photos", "x" * 500, "delivered", 0.25, "miss"),))

    lines = shown(long, width=40)

    assert max(map(len, lines)) <= 40
    assert len([line for line in lines if "xxxx" in line]) == 1
    assert any("deliv" in line for line in lines)


def test_nothing_from_the_file_is_taken_for_markup_or_moves_the_cursor() -> None:
    text = "\n".join(shown(written_everywhere("[bold red]\x1b[2J\n"), width=1000))

    assert "\x1b" not in text
    assert text.count("[bold red]\\x1b[2J\\n") >= 12


def test_off_a_terminal_each_change_is_told_once_with_no_colour() -> None:
    stream = io.StringIO()
    moments = iter([STATUS, STATUS, replace(STATUS, state="draining")])

    watch(lambda: [Look(next(moments), False)], stream, looks(3), lambda: NOON)

    told = stream.getvalue()
    assert told.count("watchd is running") == 1
    assert told.count("watchd is draining") == 1
    assert "\x1b" not in told


def test_daemon_that_has_done_nothing_yet_is_shown() -> None:
    lines = shown(replace(STATUS, counts={}, cache={}, stages={}, recent=(), errors=()))

    assert "so far   nothing" in lines
    assert not any("last" in line for line in lines)
