"""The one oracle of all fault tests.

Every complete input ends in exactly one of: done with an intact output, or failed with a report; no
original is lost; no partial file stands under a final name; after restart and rescan the state converges.
"""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from house import files
from PIL import Image
from tally import TALLY


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def assert_nothing_lost(root: Path, inputs: Mapping[str, str]) -> None:
    """At any instant: `inputs` has the sha256 of every file that was dropped, by its name.

    Each is still whole in exactly one of inbox, originals and failed (or, for the instant of a move
    between file systems, in two), and whatever bears a final name in the outbox is a whole picture.
    """
    kept: dict[str, list[str]] = {}
    for place in ("inbox", "originals", "failed"):
        for name in files(root / place):
            if not name.endswith(".error.json") and not _hidden(name):
                kept.setdefault(digest(root / place / name), []).append(f"{place}/{name}")
    lost = {name for name, sha256 in inputs.items() if sha256 not in kept}
    partial = {
        name for name in files(root / "outbox") if not _hidden(name) and not _whole(root / "outbox" / name)
    }
    TALLY.add(len(inputs), len(lost), len(partial))
    assert not lost, f"lost: {sorted(lost)}"
    assert not partial, f"partial: {sorted(partial)}"


def assert_converged(root: Path, inputs: Mapping[str, str]) -> None:
    """After the last run: the inbox is empty, every input has its one outcome, no temp is left over."""
    assert_nothing_lost(root, inputs)
    assert files(root / "inbox") == set()
    failed = {name for name in files(root / "failed") if not name.endswith(".error.json")}
    done = files(root / "originals")
    assert len(done) + len(failed) == len(inputs)
    assert {name + ".error.json" for name in failed} == files(root / "failed") - failed
    assert files(root / "outbox") == {os.path.splitext(name)[0] + ".png" for name in done}
    places = [root / place for place in ("outbox", "originals", "failed")]
    left = {name for place in places for name in files(place) if _hidden(name)}
    assert not left, f"temps left: {left}"
    assert os.listdir(root / ".watchd" / "claims") == []


def _whole(picture: Path) -> bool:
    try:
        with Image.open(picture) as image:
            image.load()
    except (OSError, SyntaxError):
        return False
    return True


def _hidden(name: str) -> bool:
    return os.path.basename(name).startswith(".")
