"""What a cache folder holds and has done, in numbers."""

from collections.abc import Iterable

from watchd.domain.cachereport import COUNTS, Shelf, Stock
from watchd.store.counters import total
from watchd.store.inventory import Found, masks_of, outputs, spaces
from watchd.tree import Tree


def take_stock(tree: Tree) -> Stock:
    """Looks at every entry's size and time, 1 s for 100 000. A space that holds nothing is left out."""
    shelves = [_shelf(space, masks_of(tree, space)) for space in spaces(tree)]
    counted = total(tree)
    counts = {name: counted.get(name, 0) for name in COUNTS}
    audits = counts["audits"]
    return Stock(
        cache=str(tree.root),
        spaces=tuple(shelf for shelf in shelves if shelf.entries),
        outputs=_shelf("outputs", outputs(tree)),
        counts=counts,
        error_rate=counts["audits_apart"] / audits if audits else None,
        mean_overlap=counts["audit_overlap"] / audits if audits else None,
    )


def _shelf(name: str, entries: Iterable[Found]) -> Shelf:
    count, size_bytes, oldest_s = 0, 0, None
    for each in entries:
        count += 1
        size_bytes += each.size_bytes
        oldest_s = each.used_s if oldest_s is None else min(oldest_s, each.used_s)
    return Shelf(name, count, size_bytes, oldest_s)
