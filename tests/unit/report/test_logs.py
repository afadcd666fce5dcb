"""Lines of the log, as people and as machines read them."""

import io
import json
import logging
import os
import re
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from watchd.report import logs

log = logging.getLogger("watchd.test")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("watchd")
    handlers, levels, hook = root.handlers[:], (root.level, ours.level), threading.excepthook
    yield
    threading.excepthook = hook
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])
    logging.captureWarnings(capture=False)


def text_log(level: str = "info", **environ: str) -> io.StringIO:
    stream = io.StringIO()
    logs.set_up(level, "text", stream, environ)
    return stream


def json_log() -> io.StringIO:
    stream = io.StringIO()
    logs.set_up("info", "json", stream, {})
    return stream


def test_a_line_for_people_has_time_level_message_and_fields():
    stream = text_log()

    log.info("delivered", extra={"path": "my photo.jpg", "seconds": 0.25, "output": 'a"b.png', "note": ""})

    expected = r'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d INFO    delivered path="my photo.jpg" seconds=0.25 '
    assert re.fullmatch(expected + r'output="a\\"b.png" note=""\n', stream.getvalue())


def test_no_name_can_forge_a_line_or_move_the_cursor():
    stream = text_log()

    log.info("seen %s", "a\nb", extra={"path": "x\n2026-01-01 ERROR\x1b[2J\udcff"})

    assert stream.getvalue().count("\n") == 1
    assert r'seen a\nb path="x\n2026-01-01 ERROR\x1b[2J\xff"' in stream.getvalue()


def test_a_traceback_stands_indented_below_its_line():
    stream = text_log()

    try:
        raise ValueError("first\nERROR forged")
    except ValueError:
        log.exception("failed")

    first, *below = stream.getvalue().splitlines()
    assert first.endswith("ERROR   failed")
    assert below[0] == "    Traceback (most recent call last):"
    assert all(line.startswith("    ") for line in below)


def test_a_traceback_may_come_as_a_field():
    stream = text_log()

    log.error("failed", extra={"traceback": "Traceback:\n  boom"})

    assert stream.getvalue().splitlines()[1:] == ["    Traceback:", "      boom"]


def test_a_line_for_machines_is_one_json_object_with_utc_time_and_fields():
    stream = json_log()

    log.warning("file waits", extra={"path": Path("a\nb\udcff"), "seconds": 0.25, "notes": ("x", "\udcfe")})

    line = json.loads(stream.getvalue())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line.pop("time"))
    assert line == {
        "level": "warning",
        "message": "file waits",
        "logger": "watchd.test",
        "path": "a\nb\\xff",
        "seconds": 0.25,
        "notes": ["x", "\\xfe"],
    }


def test_a_field_cannot_replace_what_every_json_line_has():
    stream = json_log()

    log.info("real", extra={"level": "forged", "time": "forged"})

    line = json.loads(stream.getvalue())
    assert line["level"] == "info"
    assert line["time"] != "forged"


def test_a_traceback_is_a_field_of_the_json_line():
    stream = json_log()

    try:
        raise ValueError("boom")
    except ValueError:
        log.exception("failed")

    assert stream.getvalue().count("\n") == 1
    assert json.loads(stream.getvalue())["traceback"].endswith("ValueError: boom")


def test_the_job_id_is_on_every_line_inside_its_context_and_on_no_other():
    stream = text_log()

    with logs.job_context("j1"):
        log.info("inside")
        thread = threading.Thread(target=lambda: log.info("elsewhere"))
        thread.start()
        thread.join()
    log.info("after")

    inside, elsewhere, after = stream.getvalue().splitlines()
    assert inside.endswith("inside job=j1")
    assert elsewhere.endswith("elsewhere")
    assert after.endswith("after")


def test_a_job_context_ends_with_an_error_too():
    stream = text_log()

    with pytest.raises(KeyError), logs.job_context("j1"):
        raise KeyError
    log.info("after")

    assert "job=" not in stream.getvalue()


def test_libraries_are_heard_from_warning_on_whatever_our_level_is():
    stream = text_log("debug")

    log.debug("ours")
    logging.getLogger("PIL").debug("theirs")
    logging.getLogger("PIL").warning("important")

    assert [line.split()[-1] for line in stream.getvalue().splitlines()] == ["ours", "important"]


def test_setting_up_again_replaces_the_level_and_the_stream():
    first, second = text_log("info"), text_log("warning")

    log.info("quiet")
    log.warning("loud")

    assert first.getvalue() == ""
    assert second.getvalue().count("\n") == 1


def test_a_python_warning_becomes_a_line_of_the_log():
    stream = json_log()

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)
        logs.set_up("info", "json", stream, {})
        warnings.warn("odd picture", UserWarning, stacklevel=1)

    assert "odd picture" in json.loads(stream.getvalue())["message"]


def test_colour_is_for_terminals_only_and_not_against_the_will_of_the_user():
    terminal, plain, unwanted, unable = Terminal(), io.StringIO(), Terminal(), Terminal()
    wishes = ((terminal, {}), (plain, {}), (unwanted, {"NO_COLOR": "1"}), (unable, {"TERM": "dumb"}))

    for stream, environ in wishes:
        logs.set_up("info", "text", stream, environ)
        log.warning("look")

    assert "\x1b[33mWARNING\x1b[0m look" in terminal.getvalue()
    assert "\x1b" not in plain.getvalue() + unwanted.getvalue() + unable.getvalue()


def test_the_journal_gets_priorities_on_each_line_and_no_time(tmp_path):
    with (tmp_path / "journal").open("w+") as stream:
        stat = os.fstat(stream.fileno())
        logs.set_up("debug", "text", stream, {"JOURNAL_STREAM": f"{stat.st_dev}:{stat.st_ino}"})

        log.info("fine")
        log.error("failed", extra={"traceback": "one\ntwo"})

        stream.seek(0)
        assert stream.read().splitlines() == ["<6>fine", "<3>failed", "<3>    one", "<3>    two"]


def test_the_journal_gets_priorities_before_json_too(tmp_path):
    with (tmp_path / "journal").open("w+") as stream:
        stat = os.fstat(stream.fileno())
        logs.set_up("info", "json", stream, {"JOURNAL_STREAM": f"{stat.st_dev}:{stat.st_ino}"})

        log.warning("look")

        stream.seek(0)
        [line] = stream.read().splitlines()
        assert line.startswith("<4>{")
        assert json.loads(line[3:])["message"] == "look"


def test_a_field_of_named_numbers_stays_one_for_machines_and_is_one_word_each_for_people():
    machines, people = json_log(), io.StringIO()
    log.info("delivered", extra={"stages": {"decode": 0.012, "infer": 0.5}})
    logs.set_up("info", "text", people, {})
    log.info("delivered", extra={"stages": {"decode": 0.012, "infer": 0.5}})

    assert json.loads(machines.getvalue())["stages"] == {"decode": 0.012, "infer": 0.5}
    assert people.getvalue().endswith('delivered stages="decode:0.012 infer:0.5"\n')


def test_a_terminal_that_inherited_the_name_of_the_journal_gets_plain_lines(tmp_path):
    with (tmp_path / "other").open("w+") as stream:
        logs.set_up("info", "text", stream, {"JOURNAL_STREAM": "8:12345"})

        log.info("fine")

        stream.seek(0)
        assert stream.read().endswith(" INFO    fine\n")


def test_without_a_stream_each_line_goes_to_what_stderr_is_then(monkeypatch):
    logs.set_up("info", "text", None, {})
    bar = io.StringIO()

    monkeypatch.setattr(sys, "stderr", bar)
    log.info("above the bar")

    assert bar.getvalue().endswith("above the bar\n")


def test_end_of_a_library_s_thread_is_one_line_of_the_log() -> None:
    stream = json_log()

    def die() -> None:
        raise RuntimeError("no more events")

    thread = threading.Thread(target=die, name="emitter")
    thread.start()
    thread.join()

    line = json.loads(stream.getvalue())
    assert line["level"] == "warning"
    assert line["thread_name"] == "emitter"
    assert "RuntimeError: no more events" in line["traceback"]
