"""The status of a daemon at work, which tests of what is shown of it vary."""

from dataclasses import replace
from datetime import UTC, datetime

from watchd.report.status import Recent, Status, Trouble

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
AT_WORK = Status(
    state="running",
    pid=4711,
    started_ticks=99,
    host="nas",
    since=NOON,
    updated=NOON,
    model="builtin",
    workers=4,
    folders={"photos": "", "scans": "disk full"},
    queue_depth=3,
    in_flight=2,
    images_per_second=1.5,
    counts={"delivered": 5},
)


def written_everywhere(text: str) -> Status:
    """The same, with the text wherever a status file holds text."""
    return replace(
        AT_WORK,
        state=text,
        host=text,
        model=text,
        folders={text: text},
        counts={text: 1},
        cache={text: 1},
        stages={text: 1.0},
        recent=(Recent(NOON, text, text, text, 1.0, text),),
        errors=(Trouble(NOON, text, text, text, text),),
    )
