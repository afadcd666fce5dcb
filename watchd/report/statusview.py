"""The status as text for a terminal."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from watchd.report.escape import escape
from watchd.report.status import Status, Trouble

_AT_WORK = frozenset({"running", "reloading", "draining"})


def render(status: Status, now: datetime, stale: bool | None) -> str:
    """`stale` is the answer of `is_stale`. Nothing from the file reaches the terminal unescaped."""
    rows = [*facts(status), *([("stages", stages(status))] if status.stages else [])]
    lines = [headline(status, now, stale), *(f"  {name:8}{escape(text)}" for name, text in rows)]
    if status.errors:
        lines += ["", "last errors", *_columns(map(_cells, status.errors))]
    return "\n".join(lines)


def headline(status: Status, now: datetime, stale: bool | None) -> str:
    who = f"pid {status.pid} on {escape(status.host)}"
    running = f"since {local(status.since)} ({_span(status.since, now)})"
    last = f"{local(status.updated)} ({_span(status.updated, now)} ago)"
    if stale is None:
        return (
            f"watchd was {escape(status.state)} at {last}, {who}: only there can be told whether it still is"
        )
    if stale:
        return f"watchd is gone: {who} ended without a word; this is what it told at {last}"
    if status.state == "stopped":
        return f"watchd is stopped since {last}"
    return f"watchd is {escape(status.state)}, {who}, {running}"


def ailments(status: Status, now: datetime, stale: bool | None) -> Iterator[str]:
    """Why it does not work on all that it is there for; nothing of a daemon that is well.

    A changed configuration that is wrong is no ailment: the one before it holds. Nor is a pause that somebody
    has asked for.
    """
    if stale is not False or status.state not in _AT_WORK:
        yield headline(status, now, stale)
        return
    if status.stuck:
        yield f"no progress: {', '.join(map(escape, status.stuck))}"
    for name, reason in status.folders.items():
        if reason and name not in status.asked:
            yield f"{escape(name)} is paused: {escape(reason)}"


def facts(status: Status) -> Iterator[tuple[str, str]]:
    """Name and text, to be escaped."""
    yield "model", f"{status.model}, {_workers(status)}"
    rate = f"{status.images_per_second:g}/s"
    yield "now", f"{status.queue_depth} waiting, {status.in_flight} in work, {rate}"
    yield "so far", _counts(status.counts) or "nothing"
    if status.cache:
        yield "cache", _counts(status.cache)
    if status.stuck:
        yield "stuck", f"no progress: {', '.join(status.stuck)}"
    label = "folders"
    for name, paused in status.folders.items():
        yield label, f"{name}  paused: {paused}" if paused else name
        label = ""
    label, before = "config", "not reloaded: "
    for line in status.config_error.splitlines():
        yield label, f"{before}{line}"
        label = before = ""


def _workers(status: Status) -> str:
    if not status.workers_reason:
        return _count(status.workers, "worker")
    return f"{status.workers} of {_count(status.planned_workers, 'worker')} ({status.workers_reason})"


def stages(status: Status) -> str:
    """`settle 2.0 s, decode 14 ms, infer 58 ms`, to be escaped."""
    return ", ".join(f"{name} {took(seconds)}" for name, seconds in status.stages.items())


def outcomes(status: Status) -> Iterator[tuple[datetime, str, str]]:
    """When, which file, and how it ended: the newest first, to be escaped."""
    for job in reversed(status.recent):
        how = ", ".join(filter(None, [job.outcome, took(job.seconds), job.cache]))
        yield job.time, f"{job.folder}/{job.path}", how


def troubles(status: Status) -> Iterator[tuple[datetime, str, str]]:
    """As `outcomes`, of those that ended badly."""
    for error in reversed(status.errors):
        yield error.time, f"{error.folder}/{error.path}", f"{error.outcome}: {error.reason}"


def took(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def local(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {word}" for word, count in counts.items())


def _cells(error: Trouble) -> tuple[str, ...]:
    return (
        local(error.time),
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


def _span(start: datetime, end: datetime) -> str:
    seconds = max(0, int((end - start).total_seconds()))
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
