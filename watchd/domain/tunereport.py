"""What `watchd tune` has found: how fast each layout of threads is, and which one it recommends."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Layout:
    """As the config writes it; None is auto."""

    workers: int | None
    intra_op: int | None
    binding: str


@dataclass(frozen=True, slots=True)
class Pace:
    """`latency_p50_s` and `latency_p95_s` are of one picture while all workers are busy."""

    per_second: float
    cpu_s: float
    latency_p50_s: float
    latency_p95_s: float
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class Row:
    """One layout, and what auto has come to in it.

    `pace` has the medians over all rounds, `speeds` the pictures a second of each; None and none where it
    was left out, for the reason `left_out`.
    """

    layout: Layout
    precision: str
    workers: int
    intra_op: int
    pinned: bool
    pace: Pace | None = None
    speeds: tuple[float, ...] = ()
    left_out: str = ""

    @property
    def title(self) -> str:
        """`2 × 1 pinned`: workers × threads of each; `auto, ` before it where the config says only that."""
        auto = "auto, " if self.layout == Layout(None, None, "auto") else ""
        return f"{auto}{self.workers} × {self.intra_op} {'pinned' if self.pinned else 'free'}"


@dataclass(frozen=True, slots=True)
class Tuning:
    """`rows` has the default first. `best` is the layout that is recommended, for the reason `choice`.

    `remarks` are what else a user should know, `written` is the file that has it now.
    """

    model: str
    precision: str
    cpus: int
    rounds: int
    rows: tuple[Row, ...]
    best: Row
    choice: str
    remarks: tuple[str, ...] = ()
    chart: str = ""
    written: str = ""
