"""A file where the user wants one: whole or not at all, through links, with the rights of the one before."""

import os
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path

from watchd.domain.errors import StartupError
from watchd.store.atomic import publish
from watchd.store.rights import Rights
from watchd.tree import Tree


def write_for_user(
    path: Path, content: bytes, confirm: Callable[[], None] = lambda: None, *, replace: bool = True
) -> None:
    """`confirm` is called at the last moment, and raises if what is there must stay.

    StartupError: it cannot be written, or is there already and not to be replaced.
    """
    place = Path(os.path.realpath(path))
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        before = Rights.of(place) if place.exists() else Rights()
        tree = Tree(place.parent, before.give)
        publish(tree, place.name, content, secrets.token_hex(8), replace=replace, confirm=confirm)
    except OSError as error:
        raise StartupError(f"{path} cannot be written: {error.strerror}") from error


def try_place_for_user(path: Path) -> None:
    """Says what `write_for_user` would say, before there is anything to write: StartupError."""
    place = Path(os.path.realpath(path))
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=place.parent):
            pass
    except OSError as error:
        raise StartupError(f"{path} cannot be written: {error.strerror}") from error
