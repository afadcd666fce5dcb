"""One event to many listeners, some of them broken."""

import logging

from watchd.domain.events import StateChanged
from watchd.report.fanout import Fanout

RUNNING = StateChanged("running")


def broken(event):
    raise RuntimeError("broken on purpose")


def test_every_listener_is_told_in_turn():
    heard = []

    Fanout([lambda event: heard.append((1, event)), lambda event: heard.append((2, event))])(RUNNING)

    assert heard == [(1, RUNNING), (2, RUNNING)]


def test_a_broken_listener_harms_neither_the_caller_nor_the_listeners_after_it(caplog):
    heard = []

    Fanout([broken, heard.append])(RUNNING)

    assert heard == [RUNNING]


def test_a_broken_listener_is_told_again_but_logged_once(caplog):
    calls = []

    def breaks_twice(event):
        calls.append(event)
        raise RuntimeError("broken on purpose")

    fanout = Fanout([breaks_twice, broken])
    for _ in range(3):
        fanout(RUNNING)

    assert len(calls) == 3
    assert [record.getMessage() for record in caplog.records] == ["listener is broken"] * 2
    assert all(record.levelno == logging.ERROR and record.exc_info for record in caplog.records)
