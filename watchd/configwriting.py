"""Sets keys in the user's config file, which stays valid, whole, and the user's own."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from watchd.config.edit import edited
from watchd.config.keys import KeyPath
from watchd.config.load import load, text_of
from watchd.domain.errors import ConfigError
from watchd.store.userfile import write_for_user


def set_keys(file: Path, root: Path | None, values: Mapping[KeyPath, str], *, try_only: bool = False) -> None:
    """ConfigError: it is not edited, and why; StartupError: it cannot be written. It is as it was then.

    `root` is the one that it was loaded with. With `try_only` it is as it was in any case.
    """
    _must_be_ours(file)
    text = text_of(file)
    changed = edited(text, values, str(file))
    load(file, root, {}, {}, text=changed)

    def unchanged() -> None:
        if text_of(file) != text:
            raise ConfigError(f"{file} was edited by somebody else just now: nothing is written, try again")

    if not try_only and changed != text:
        write_for_user(file, changed.encode(), confirm=unchanged)


def _must_be_ours(file: Path) -> None:
    """A rename would replace what the user has locked, and make ours what is another's."""
    found = file.stat()
    if not stat.S_ISREG(found.st_mode):
        raise ConfigError(f"{file} is no regular file, so nothing can be written into it")
    if not found.st_mode & 0o222 or not os.access(file, os.W_OK):
        raise ConfigError(f"{file} is read-only: make it writable (chmod u+w), or set the keys by hand")
    if os.geteuid() not in (0, found.st_uid):
        raise ConfigError(f"{file} belongs to another user: run this as that one, or set the keys by hand")
