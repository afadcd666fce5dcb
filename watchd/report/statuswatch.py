"""The status as a view of the terminal that follows the daemon."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TextIO

from watchd.report.escape import escape
from watchd.report.status import Status
from watchd.report.statusview import facts, headline, local, outcomes, render, took, troubles

if TYPE_CHECKING:
    from rich.console import RenderableType

_EVERY_S = 1.0
_COLOURS = {"rejected": "yellow", "deferred": "yellow", "failed": "red"}


@dataclass(frozen=True, slots=True)
class Look:
    """One daemon as it was found; `stale` is the answer of `is_stale`."""

    status: Status
    stale: bool | None


def watch(
    look: Callable[[], Sequence[Look]],
    stream: TextIO,
    wait: Callable[[float], bool],
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> None:
    """Until `wait`, which gets the seconds between two looks, says that it is enough.

    Off a terminal each change is told as text.
    """
    if stream.isatty():
        _draw(look, stream, wait, now)
    else:
        _tell(look, stream, wait, now)


def _draw(
    look: Callable[[], Sequence[Look]],
    stream: TextIO,
    wait: Callable[[float], bool],
    now: Callable[[], datetime],
) -> None:
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(file=stream), screen=True, auto_refresh=False) as live:
        while True:
            live.update(view(look(), now()), refresh=True)
            if wait(_EVERY_S):
                return


def _tell(
    look: Callable[[], Sequence[Look]],
    stream: TextIO,
    wait: Callable[[float], bool],
    now: Callable[[], datetime],
) -> None:
    told: Sequence[Look] = ()
    while True:
        found = look()
        if found != told:
            texts = [render(each.status, now(), each.stale) for each in found]
            print("\n\n".join(texts), end="\n\n", file=stream, flush=True)
            told = found
        if wait(_EVERY_S):
            return


def view(looks: Sequence[Look], now: datetime) -> "RenderableType":
    from rich.console import Group

    return Group(*(part for look in looks for part in _parts(look, now)))


def _parts(look: Look, now: datetime) -> Iterator["RenderableType"]:
    from rich.text import Text

    status = look.status
    well = look.stale is False and status.state == "running"
    yield Text(headline(status, now, look.stale), style="bold green" if well else "bold red")
    yield _grid("", facts(status))
    yield _grid("stages, mean of the last jobs", ((name, took(s)) for name, s in status.stages.items()))
    yield _grid("last outcomes", ((_clock(when), *rest) for when, *rest in outcomes(status)))
    yield _grid("last errors", ((_clock(when), *rest) for when, *rest in troubles(status)))


def _clock(moment: datetime) -> str:
    return local(moment).partition(" ")[2]


def _grid(title: str, rows: Iterable[tuple[str, ...]]) -> "RenderableType":
    """A line for each row, however narrow the terminal: the widest columns are cut first."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2, 0, 0))
    for row in rows:
        style = next((colour for word, colour in _COLOURS.items() if row[-1].startswith(word)), "")
        cells = (Text(escape(cell), style, no_wrap=True, overflow="ellipsis") for cell in row)
        grid.add_row(*cells)
    if title and grid.rows:
        return Group(Text(f"\n{title}", "bold"), grid)
    return grid
