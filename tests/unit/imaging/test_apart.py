"""A process of its own: what it answers, and what becomes of it."""

import os
import signal
import threading
from functools import partial

import psutil
import pytest
from fakes import wait_until
from processes import words

from watchd.imaging.apart import ProbeError, apart
from watchd.imaging.models import find


def child() -> psutil.Process | None:
    children = psutil.Process().children()
    return next((each for each in children if "watchd.imaging.apart" in words(each)), None)


def test_answer_is_that_of_another_process_which_is_gone_afterwards() -> None:
    found = apart(os.getpid, 60)

    assert found != os.getpid()
    assert child() is None


def test_what_it_prints_is_not_taken_for_the_answer() -> None:
    assert apart(partial(os.write, 1, b"hello"), 60) == 5


def test_what_watchd_raises_there_is_told_here() -> None:
    with pytest.raises(ProbeError, match="no model is called 'nothing'"):
        apart(partial(find, "nothing", {}), 60)


def test_other_error_is_told_with_the_last_line_of_the_child() -> None:
    with pytest.raises(ProbeError, match="its process ended with code 1: OSError"):
        apart(partial(os.sched_setaffinity, 0, {8191}), 60)


def test_process_that_takes_too_long_is_ended() -> None:
    with pytest.raises(ProbeError, match="took more than 1 s"):
        apart(signal.pause, 1)


def test_process_that_is_killed_is_told_with_what_kills_most_often() -> None:
    def kill() -> None:
        wait_until(lambda: child() is not None, within_s=20)
        child().kill()

    killing = threading.Thread(target=kill)
    killing.start()

    with pytest.raises(ProbeError, match="died of SIGKILL, often for want of memory"):
        apart(signal.pause, 60)
    killing.join()


def test_interruption_leaves_no_process() -> None:
    def interrupt() -> None:
        wait_until(lambda: child() is not None, within_s=20)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    interrupting = threading.Thread(target=interrupt)
    interrupting.start()

    with pytest.raises(KeyboardInterrupt):
        apart(signal.pause, 60)
    interrupting.join()
    wait_until(lambda: child() is None, within_s=20)  # one that was just being started ends by itself
