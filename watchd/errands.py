"""What the commands do to a watch folder themselves, daemon or not: explain, pause, put failed files back."""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from watchd.branch import admission
from watchd.domain.errors import FolderError
from watchd.domain.job import Stamp
from watchd.domain.profile import WatchFolder
from watchd.intake.admission import Admission, Gate
from watchd.intake.pausing import NAME, asked_to_pause, pause_files, pause_place
from watchd.intake.rules import ReadRule
from watchd.intake.stillness import Stillness
from watchd.store.atomic import publish
from watchd.store.places import Places
from watchd.store.receipts import Receipt
from watchd.tree import Tree

_NO_LEASE_S = 60.0
_PAUSED = b"watchd takes nothing from this watch folder until this file is removed.\n"


def below(path: Path, place: Path) -> str | None:
    """The path inside a place of the watch folder, or None. No link is followed, so a link can be named."""
    absolute = Path(os.path.abspath(path))
    real = Path(os.path.realpath(absolute.parent)) / absolute.name
    return str(real.relative_to(place)) if real != place and real.is_relative_to(place) else None


def explain(
    folder: WatchFolder, relative: str, read_rule: ReadRule | None = None
) -> tuple[list[Gate], Receipt | None]:
    """Every gate's answer for a path of the inbox, and what the receipt says of it."""
    places = Places.of(folder, _NO_LEASE_S)
    asked = asked_to_pause(folder)
    paused = Gate("not paused", not asked, asked or "nobody has paused the folder")
    door = admission(folder, places, read_rule)
    gathered = _gathered(folder, places, door, relative)
    return [*door.explain(relative), paused, *gathered], places.receipts.read(relative)


def _gathered(folder: WatchFolder, places: Places, door: Admission, relative: str) -> Iterator[Gate]:
    """What a folder of the inbox waits for whose cutouts are out of sight still; also of a file in it."""
    source = relative.partition("/")[0]
    if any(batch.source == source for batch in places.staging.gathered()):
        to_do = Stillness(Tree(folder.inbox), door.done).to_do(source)
        rest = f"nothing is left to do: once nothing has changed in {source} for {folder.hooks.rest_s:g} s"
        answer = f"{to_do} has no outcome yet" if to_do else rest
        yield Gate("delivered with its folder", False, answer)


def pause(folder: WatchFolder) -> bool:
    """Asks whoever watches the folder to take nothing new; False: that was asked before. FolderError."""
    if asked_to_pause(folder):
        return False
    place = pause_place(folder)
    try:
        publish(Tree(place), NAME, _PAUSED, secrets.token_hex(8), replace=False)
    except FileExistsError:
        return False
    except OSError as error:
        raise FolderError(f"{folder.name} cannot be paused: {place / NAME}: {error.strerror}") from error
    return True


def resume(folder: WatchFolder) -> bool:
    """Lets it go on; False: it was not paused. FolderError."""
    found = list(pause_files(folder))
    for path in found:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise FolderError(f"{folder.name} cannot go on: remove {path}: {error.strerror}") from error
    return bool(found)


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
