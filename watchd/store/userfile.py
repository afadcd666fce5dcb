"""A file where the user wants one: whole or not at all, through links, with the rights of the one before."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from watchd.domain.errors import StartupError
from watchd.store.atomic import publish
from watchd.store.rights import Rights
from watchd.tree import Tree


def write_for_user(path: Path, content: bytes, confirm: Callable[[], None] = lambda: None) -> None:
    """Replaces what is there; `confirm` is called at the last moment, and raises if it must stay.

    StartupError: it cannot be written.
    """
    place = Path(os.path.realpath(path))
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        before = Rights.of(place) if place.exists() else Rights()
        tree = Tree(place.parent, before.give)
        publish(tree, place.name, content, secrets.token_hex(8), replace=True, confirm=confirm)
    except OSError as error:
        raise StartupError(f"{path} cannot be written: {error.strerror}") from error
