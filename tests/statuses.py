"""The status of a daemon at work, which tests of what is shown of it vary."""

from datetime import UTC, datetime

from watchd.report.status import Status

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
