"""Where the configuration is read from, again and again, and whether it has changed there since."""

import os
from collections.abc import Mapping
from pathlib import Path

from watchd.config.load import Loaded, load

_Look = tuple[int, ...]


class Source:
    """Looks at the file by its name alone: so it does not matter whether it is written in place, replaced,
    removed and made anew, or reached by a link that is turned, nor whether its disk tells of events.
    """

    def __init__(
        self,
        path: Path | None,
        root: Path | None,
        overrides: Mapping[str, object],
        environ: Mapping[str, str],
    ) -> None:
        """As for `load`."""
        self._path = path
        self._root = root
        self._overrides = overrides
        self._environ = environ
        self._read = self._seen = self._look()

    def read(self) -> Loaded:
        """ConfigError: among others where a file that was there is gone, for that is no wish for defaults."""
        self._read = self._seen = self._look()
        loaded = load(self._path, self._root, self._overrides, self._environ)
        self._path = loaded.file
        return loaded

    def changed(self) -> bool:
        """To be asked each second or so: tells once of a change, when it has lasted from one look to the
        next. So who saves twice, or writes slowly, is read once.
        """
        before, self._seen = self._seen, self._look()
        if self._seen == self._read or self._seen != before:
            return False
        self._read = self._seen
        return True

    def _look(self) -> _Look:
        """What is told of the file without reading it; nothing where none is, or none that can be reached."""
        file = self._path or (self._root / "config.yaml" if self._root else None)
        try:
            found = os.stat(file) if file else None
        except OSError:
            found = None
        if found is None:
            return ()
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
