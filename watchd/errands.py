"""What the commands do to a watch folder themselves, daemon or not: explain a path, put failed files back."""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from watchd.branch import admission
from watchd.domain.job import Stamp
from watchd.domain.profile import WatchFolder
from watchd.intake.admission import Gate
from watchd.store.places import Places
from watchd.store.receipts import Receipt
from watchd.tree import Tree

_NO_LEASE_S = 60.0


def below(path: Path, place: Path) -> str | None:
    """The path inside a place of the watch folder, or None. No link is followed, so a link can be named."""
    absolute = Path(os.path.abspath(path))
    real = Path(os.path.realpath(absolute.parent)) / absolute.name
    return str(real.relative_to(place)) if real != place and real.is_relative_to(place) else None


def explain(folder: WatchFolder, relative: str) -> tuple[list[Gate], Receipt | None]:
    """Every gate's answer for a path of the inbox, and what the receipt says of it."""
    places = Places.of(folder, _NO_LEASE_S)
    return admission(folder, places).explain(relative), places.receipts.read(relative)


def put_back(folder: WatchFolder, wanted: Path | None) -> Iterator[str]:
    """Moves a file of failed/, a folder's files, or (None) all of them to the inbox, to start afresh.

    Yields the paths in the inbox.
    """
    places = Places.of(folder, _NO_LEASE_S)
    name = None if wanted is None else below(wanted, folder.failed)
    for path in sorted(places.failed.files()):
        if wanted is None or path == name or path.startswith(f"{name}/"):
            back = places.failed.put_back(path, secrets.token_hex(8))
            places.receipts.forget(back)
            yield back
    if wanted is None:
        yield from _forget_kept(folder, places)


def _forget_kept(folder: WatchFolder, places: Places) -> Iterator[str]:
    """Failed files that never left the inbox (`after: keep`): only their receipts keep them from a try."""
    inbox = Tree(folder.inbox)
    for receipt in places.receipts.all():
        relative = receipt.relative
        if receipt.state not in ("rejected", "failed") or not inbox.exists(relative):
            continue
        if Stamp.of(inbox.stat(relative)) == receipt.stamp:
            places.receipts.forget(relative)
            yield relative
