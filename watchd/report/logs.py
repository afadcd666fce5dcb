"""The log: one line for each record, text for people or JSON for machines."""

import json
import logging
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TextIO

from watchd.report.escape import escape, without_surrogates

log = logging.getLogger(__name__)

_job_id: ContextVar[str | None] = ContextVar("job_id", default=None)

# What a record has by itself; everything else on it is a field.
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

_COLOURS = {"DEBUG": "2", "WARNING": "33", "ERROR": "31", "CRITICAL": "31;1"}
_PRIORITIES = {"DEBUG": 7, "INFO": 6, "WARNING": 4, "ERROR": 3, "CRITICAL": 2}


def set_up(level: str, log_format: str, stream: TextIO | None, environ: Mapping[str, str]) -> None:
    """Sends the log to `stream`, or if None, to what stderr is at each line. May be called again.

    `level` (debug, info, ...) is that of watchd; libraries are heard from warning on.
    """
    root = logging.getLogger()
    for old in [handler for handler in root.handlers if isinstance(handler, _Handler)]:
        root.removeHandler(old)
    handler = _Handler(stream)
    handler.setFormatter(_formatter(log_format, stream or sys.stderr, environ))
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    set_level(level)
    logging.captureWarnings(capture=True)
    threading.excepthook = _log_death


def set_level(level: str) -> None:
    """Of watchd itself, from the next line on."""
    logging.getLogger("watchd").setLevel(level.upper())


@contextmanager
def job_context(job_id: str) -> Iterator[None]:
    """Every line logged inside, on this thread, bears the id of the job."""
    token = _job_id.set(job_id)
    try:
        yield
    finally:
        _job_id.reset(token)


def _log_death(args: threading.ExceptHookArgs) -> None:
    """Of a thread that a library has started; what it did for us is looked after by whoever needs it."""
    if args.exc_type is SystemExit or args.exc_value is None:
        return
    name = args.thread.name if args.thread else "unknown"
    trace = (args.exc_type, args.exc_value, args.exc_traceback)
    log.warning("thread ended by an error", exc_info=trace, extra={"thread_name": name})


def _formatter(log_format: str, stream: TextIO, environ: Mapping[str, str]) -> logging.Formatter:
    json_lines = JsonFormatter() if log_format == "json" else None
    if _is_journal(stream, environ):
        return JournalFormatter(json_lines)
    return json_lines or TextFormatter(colour=_shows_colour(stream, environ))


def _shows_colour(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether the stream is a terminal that has them, and nobody has asked for none (https://no-color.org)."""
    return stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def _is_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """JOURNAL_STREAM is inherited by terminals, too, so it counts only if it names this stream."""
    try:
        stat = os.fstat(stream.fileno())
    except (OSError, ValueError):  # not a stream of the operating system, or closed
        return False
    return environ.get("JOURNAL_STREAM") == f"{stat.st_dev}:{stat.st_ino}"


class _Handler(logging.StreamHandler[TextIO]):
    """Without a stream of its own asks for stderr at each line: a progress bar takes its place at times."""

    def __init__(self, stream: TextIO | None) -> None:
        super().__init__(stream)
        self._fixed = stream

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = self._fixed or sys.stderr
        super().emit(record)


class TextFormatter(logging.Formatter):
    """`2026-01-31 12:00:00 INFO    delivered job=4f2a path=a.jpg`; a traceback is indented below."""

    def __init__(self, *, colour: bool = False) -> None:
        super().__init__()
        self._colour = colour

    def format(self, record: logging.LogRecord) -> str:
        time = _time(record).astimezone().strftime("%Y-%m-%d %H:%M:%S")
        return f"{time} {self._level(record.levelname)} {_words(record, self)}"

    def _level(self, name: str) -> str:
        code = _COLOURS.get(name) if self._colour else None
        return f"\x1b[{code}m{name:7}\x1b[0m" if code else f"{name:7}"


class JournalFormatter(logging.Formatter):
    """Each line with the priority that journald takes off it; without `inner` the time is journald's, too."""

    def __init__(self, inner: logging.Formatter | None = None) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        priority = _PRIORITIES.get(record.levelname, 5)
        text = self._inner.format(record) if self._inner else _words(record, self)
        return "\n".join(f"<{priority}>{line}" for line in text.splitlines())


class JsonFormatter(logging.Formatter):
    """One object to a line, times in UTC."""

    def format(self, record: logging.LogRecord) -> str:
        own: dict[str, object] = {
            "time": _time(record).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": without_surrogates(record.getMessage()),
            "logger": record.name,
        }
        # Mentioned twice: first for the order, last because a field must not replace them.
        return json.dumps({**own, **_fields(record, self), **own})


def _words(record: logging.LogRecord, formatter: logging.Formatter) -> str:
    """Message and fields on one line; below it the traceback, indented so that it can forge no line."""
    fields = _fields(record, formatter)
    traceback = str(fields.pop("traceback", ""))
    pairs = [f"{key}={_quoted(value)}" for key, value in fields.items()]
    below = [f"    {escape(line)}" for line in traceback.splitlines()]
    return "\n".join([" ".join([escape(record.getMessage()), *pairs]), *below])


def _fields(record: logging.LogRecord, formatter: logging.Formatter) -> dict[str, object]:
    job = _job_id.get()
    fields: dict[str, object] = {} if job is None else {"job": job}
    fields |= {key: _plain(value) for key, value in vars(record).items() if key not in _OWN}
    if record.exc_info:
        fields["traceback"] = _plain(formatter.formatException(record.exc_info))
    return fields


def _plain(value: object) -> object:
    match value:
        case None | bool() | int() | float():
            return value
        case list() | tuple():
            return [_plain(each) for each in value]
        case dict():
            return {str(key): _plain(each) for key, each in value.items()}
        case _:
            return without_surrogates(str(value))


def _quoted(value: object) -> str:
    text = escape(
        " ".join(f"{key}:{each}" for key, each in value.items()) if isinstance(value, dict) else value
    )
    if text and not set(text) & set(' "='):
        return text
    return '"{}"'.format(text.replace('"', '\\"'))


def _time(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)
