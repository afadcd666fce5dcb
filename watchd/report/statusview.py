"""The status as text for a terminal."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from watchd.report.escape import escape
from watchd.report.status import Status, Trouble


def render(status: Status, now: datetime, stale: bool | None) -> str:
    """`stale` is the answer of `is_stale`. Nothing from the file reaches the terminal unescaped."""
    rows = [
        ("model", f"{escape(status.model)}, {_count(status.workers, 'worker')}"),
        (
            "now",
            f"{status.queue_depth} waiting, {status.in_flight} in work, {status.images_per_second:g}/s",
        ),
        ("so far", _counts(status.counts) or "nothing"),
        *([("cache", _counts(status.cache))] if status.cache else []),
        *_folders(status),
    ]
    lines = [_headline(status, now, stale), *(f"  {name:8}{text}" for name, text in rows)]
    if status.errors:
        lines += ["", "last errors", *_columns(map(_cells, status.errors))]
    return "\n".join(lines)


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {escape(word)}" for word, count in counts.items())


def _headline(status: Status, now: datetime, stale: bool | None) -> str:
    who = f"pid {status.pid} on {escape(status.host)}"
    running = f"since {_local(status.since)} ({_span(status.since, now)})"
    last = f"{_local(status.updated)} ({_span(status.updated, now)} ago)"
    if stale is None:
        return (
            f"watchd was {escape(status.state)} at {last}, {who}: only there can be told whether it still is"
        )
    if stale:
        return f"watchd is gone: {who} ended without a word; this is what it told at {last}"
    if status.state == "stopped":
        return f"watchd is stopped since {last}"
    return f"watchd is {escape(status.state)}, {who}, {running}"


def _folders(status: Status) -> Iterator[tuple[str, str]]:
    label = "folders"
    for name, paused in status.folders.items():
        yield label, f"{escape(name)}{f'  paused: {escape(paused)}' if paused else ''}"
        label = ""


def _cells(error: Trouble) -> tuple[str, ...]:
    return (
        _local(error.time),
        escape(error.outcome),
        escape(f"{error.folder}/{error.path}"),
        escape(error.reason),
    )


def _columns(rows: Iterable[tuple[str, ...]]) -> list[str]:
    table = list(rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  " + "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    ]


def _local(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _span(start: datetime, end: datetime) -> str:
    seconds = max(0, int((end - start).total_seconds()))
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
