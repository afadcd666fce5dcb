"""A table of figures beside what was wanted of them."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    what: str
    measured: str
    wanted: str = ""


def print_table(figures: Sequence[Figure], markdown: bool) -> None:
    rows = [("figure", "measured", "wanted"), *((each.what, each.measured, each.wanted) for each in figures)]
    if markdown:
        rows.insert(1, ("---", "---", "---"))
        print(*("| " + " | ".join(cells) + " |" for cells in rows), sep="\n")
        return
    widths = [max(len(row[0]) for row in rows), max(len(row[1]) for row in rows if len(row[1]) < 50)]
    for what, measured, wanted in rows:
        print(f"{what:<{widths[0]}}  {measured:<{widths[1]}}  {wanted}".rstrip())
