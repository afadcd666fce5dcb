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
    assert not lost, f"lost: {sorted(lost)}"
    for name in files(root / "outbox"):
        if not _hidden(name):
            with Image.open(root / "outbox" / name) as image:
                image.load()


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


def _hidden(name: str) -> bool:
    return os.path.basename(name).startswith(".")
