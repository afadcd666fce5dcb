"""The status as a person at a terminal sees it."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from statuses import AT_WORK, NOON

from watchd.report.status import Status, Trouble
from watchd.report.statusview import ailments, render

STATUS = replace(
    AT_WORK,
    counts={"delivered": 5, "rejected": 2},
    errors=(
        Trouble(NOON, "photos", "a.jpg", "rejected", "truncated"),
        Trouble(NOON, "scans", "deep/b.jpg", "failed", "boom"),
    ),
)


def rendered(status: Status, after: timedelta = timedelta(hours=2), stale: bool | None = False) -> list[str]:
    """The lines, with local times (which depend on the machine) shortened to TIME."""
    text = render(status, NOON + after, stale)
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "TIME", text).splitlines()


def test_a_running_daemon_is_shown_with_everything_aligned():
    assert rendered(STATUS) == [
        "watchd is running, pid 4711 on nas, since TIME (2 h)",
        "  model   builtin, 4 workers",
        "  now     3 waiting, 2 in work, 1.5/s",
        "  so far  5 delivered, 2 rejected",
        "  folders photos",
        "          scans  paused: disk full",
        "",
        "last errors",
        "  TIME  rejected  photos/a.jpg      truncated",
        "  TIME  failed    scans/deep/b.jpg  boom",
    ]


@pytest.mark.parametrize("state", ["running", "reloading", "draining"])
def test_a_daemon_at_work_has_no_ailment_and_an_old_configuration_is_none(state):
    well = replace(STATUS, state=state, folders={"photos": ""}, config_error="config.yaml:1: unknown key")

    assert list(ailments(well, NOON, False)) == []


@pytest.mark.parametrize(
    ("state", "stale", "words"),
    [
        ("running", True, "watchd is gone"),
        ("running", None, "only there can be told"),
        ("stopped", False, "watchd is stopped"),
        ("starting", False, "watchd is starting"),
    ],
)
def test_a_daemon_that_is_not_at_work_has_one_ailment(state, stale, words):
    [ailment] = ailments(replace(STATUS, state=state), NOON, stale)

    assert words in ailment


def test_a_folder_that_somebody_has_paused_is_no_ailment():
    assert list(ailments(replace(STATUS, asked=("scans",)), NOON, False)) == []


def test_paused_folders_and_threads_that_hang_are_ailments_and_told_unescaped_nowhere():
    ill = replace(STATUS, stuck=("feeder", "a worker"), folders={"photos": "", "sc\x1b": "disk\nfull"})

    assert list(ailments(ill, NOON, False)) == [
        "no progress: feeder, a worker",
        "sc\\x1b is paused: disk\\nfull",
    ]
    assert "  stuck   no progress: feeder, a worker" in rendered(ill)


def test_stages_are_told_in_the_order_of_the_line():
    measured = replace(STATUS, stages={"settle": 2.04, "decode": 0.0142})

    assert "  stages  settle 2.0 s, decode 14 ms" in rendered(measured)


def test_a_daemon_that_has_done_nothing_yet_is_shown_without_errors():
    young = replace(STATUS, counts={}, errors=(), workers=1)

    lines = rendered(young)

    assert "  model   builtin, 1 worker" in lines
    assert "  so far  nothing" in lines
    assert "last errors" not in lines


@pytest.mark.parametrize(
    ("state", "stale", "headline"),
    [
        (
            "running",
            True,
            "watchd is gone: pid 4711 on nas ended without a word; .* told at TIME \\(2 h ago\\)",
        ),
        (
            "running",
            None,
            "watchd was running at TIME \\(2 h ago\\), pid 4711 on nas: only there can be told .*",
        ),
        ("stopped", False, "watchd is stopped since TIME \\(2 h ago\\)"),
    ],
)
def test_the_first_line_tells_whether_to_believe_the_rest(state, stale, headline):
    assert re.fullmatch(headline, rendered(replace(STATUS, state=state), stale=stale)[0])


@pytest.mark.parametrize(
    ("after", "span"),
    [
        (timedelta(seconds=-5), "(0 s)"),
        (timedelta(seconds=59), "(59 s)"),
        (timedelta(minutes=59), "(59 min)"),
        (timedelta(hours=30), "(1 d)"),
    ],
)
def test_a_span_is_told_in_its_largest_unit(after, span):
    assert rendered(STATUS, after)[0].endswith(span)


def test_nothing_from_the_file_reaches_the_terminal_unescaped():
    evil = "\x1b[2J\n"
    trouble = Trouble(NOON, evil, evil, evil, evil)
    status = replace(
        STATUS, state=evil, host=evil, model=evil, counts={evil: 1}, folders={evil: evil}, errors=(trouble,)
    )

    for stale in (True, False, None):
        text = render(status, NOON, stale)
        assert "\x1b" not in text
        assert len(text.splitlines()) == 8


def test_every_line_of_what_is_wrong_with_the_config_is_shown():
    broken = replace(STATUS, config_error="c.yaml:2: cache: wrong\nc.yaml:3: log: \x1b[31m")

    lines = rendered(broken)

    at = lines.index("  config  not reloaded: c.yaml:2: cache: wrong")
    assert lines[at + 1] == "          c.yaml:3: log: \\x1b[31m"


def test_workers_that_do_not_work_are_shown_with_the_reason():
    less = replace(STATUS, workers=1, planned_workers=4, workers_reason="others need the CPU")

    assert "  model   builtin, 1 of 4 workers (others need the CPU)" in rendered(less)
