"""How far a single run has come."""

import io

import pytest

from watchd.domain.events import StateChanged
from watchd.domain.outcome import Deferred, Delivered, Failed, Rejected, Skipped
from watchd.report.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def stream():
    return io.StringIO()


@pytest.fixture
def progress(stream, clock):
    return Progress(stream, clock)


def test_off_a_terminal_each_file_is_a_line(progress, stream, ended):
    with progress:
        progress.expect(40)
        progress(ended(Delivered("x/a.png"), "x/a.jpg"))
        progress(ended(Rejected("truncated"), "b\n.jpg"))

    assert stream.getvalue().splitlines() == [
        "1/40 delivered photos/x/a.jpg → x/a.png",
        "2/40 rejected photos/b\\n.jpg: truncated",
    ]


def test_the_total_is_never_less_than_what_is_done(progress, stream, ended):
    progress.expect(1)
    progress(ended(Skipped("gone"), "a.jpg"))
    progress(ended(Skipped("gone"), "b.jpg"))

    assert stream.getvalue().splitlines()[1].startswith("2/2 skipped")


def test_the_summary_counts_files_by_outcome_and_tells_the_rate(progress, clock, ended):
    for number in range(38):
        progress(ended(Delivered("a.png"), f"{number}.jpg"))
    progress(ended(Rejected("bad"), "x.jpg"))
    progress(ended(Rejected("bad"), "y.jpg"))
    clock.advance(12.5)

    assert progress.summary() == "40 files in 12.5 s: 38 delivered, 2 rejected; 3.2/s"


def test_of_a_file_that_is_tried_again_the_last_outcome_counts(progress, clock, ended):
    clock.advance(1)
    progress(ended(Failed("boom"), "a.jpg"))
    progress(ended(Deferred("full", 1.0), "a.jpg"))
    assert progress.failed

    progress(ended(Delivered("a.png"), "a.jpg"))

    assert not progress.failed
    assert progress.summary() == "1 file in 1.0 s: 1 delivered; 1.0/s"


@pytest.mark.parametrize(
    ("outcome", "failed"),
    [
        (Delivered("a.png"), False),
        (Skipped("gone"), False),
        (Deferred("full", 1.0), True),
        (Rejected("bad"), True),
        (Failed("boom"), True),
    ],
)
def test_a_run_failed_if_some_file_has_no_cutout_though_it_should(progress, ended, outcome, failed):
    progress(ended(outcome))

    assert progress.failed is failed


def test_a_run_with_nothing_to_do_says_so(progress):
    assert progress.summary() == "no files to process"


def test_other_events_are_no_progress(progress, stream):
    progress(StateChanged("running"))

    assert stream.getvalue() == ""
    assert progress.summary() == "no files to process"


def test_on_a_terminal_a_bar_shows_files_done_and_rate(clock, ended):
    terminal = Terminal()

    with Progress(terminal, clock) as progress:
        progress.expect(4)
        clock.advance(2)
        progress(ended(Delivered("a.png"), "a.jpg"))

    assert "1/4" in terminal.getvalue()
    assert "0.5/s" in terminal.getvalue()
    assert "a.jpg" not in terminal.getvalue()
