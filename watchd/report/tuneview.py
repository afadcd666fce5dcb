"""What `watchd tune` reports, as text for a terminal."""

from statistics import median

from watchd.domain.tunereport import Pace, Row, Tuning
from watchd.report.escape import escape

_BAR = 24
_EIGHTHS = " ▏▎▍▌▋▊▉"


def tuned(tuning: Tuning) -> str:
    measured = [(row, row.pace) for row in tuning.rows if row.pace]
    most = max(pace.per_second for _, pace in measured)
    width = max(len(row.title) for row in tuning.rows)
    lines = [
        f"{escape(tuning.model)} on {tuning.cpus} CPUs: pictures of 1.5 megapixels, {tuning.rounds} rounds",
        f"  {'workers × threads':{width + 5 + _BAR}} pictures/s      CPU s   p50 ms   p95 ms   peak MB",
        *(f"  {_row(row, pace, most, width)}{_mark(row, tuning)}" for row, pace in measured),
        *(f"  {row.title:{width}} {row.precision}: {escape(row.left_out)}" for row in _left_out(tuning)),
        f"  {tuning.choice}",
        *(f"  {escape(remark)}" for remark in tuning.remarks),
    ]
    if tuning.chart:
        lines.append(f"  drawn: {escape(tuning.chart)}")
    if tuning.written:
        lines.append(f"  written into {escape(tuning.written)}; the daemon takes it at its next start")
    return "\n".join(lines)


def _row(row: Row, pace: Pace, most: float, width: int) -> str:
    bar, speed = _bar(pace.per_second / most), f"{pace.per_second:.2f} ±{_spread(row) / 2:.0%}"
    return (
        f"{row.title:{width}} {row.precision:4} {bar} {speed:>10} {pace.cpu_s:10.3f} "
        f"{pace.latency_p50_s * 1000:8.0f} {pace.latency_p95_s * 1000:8.0f} {pace.peak_bytes / 1e6:9.0f}"
    )


def _spread(row: Row) -> float:
    """Between the rounds, of their median."""
    return (max(row.speeds) - min(row.speeds)) / median(row.speeds)


def _bar(share: float) -> str:
    eighths = round(share * _BAR * 8)
    return ("█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()).ljust(_BAR)


def _mark(row: Row, tuning: Tuning) -> str:
    return "  ← best" if row == tuning.best else ""


def _left_out(tuning: Tuning) -> list[Row]:
    return [row for row in tuning.rows if row.left_out]
