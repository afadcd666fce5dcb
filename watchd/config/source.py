"""Where the configuration is read from, again and again, and whether it has changed there since."""

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from watchd.config.load import Loaded, load

LASTS_S = 0.5
"""How long a change must last: so who saves twice, or writes slowly, is read once."""

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
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """As for `load`."""
        self._path = path
        self._root = root
        self._overrides = overrides
        self._environ = environ
        self._clock = clock
        self._read = self._seen = self._look()
        self._since = clock()

    @property
    def folder(self) -> Path | None:
        """Where the file lies, or would lie."""
        return self._path.parent if self._path else self._root

    @property
    def unsettled(self) -> bool:
        """Whether a change has been seen that has still to last."""
        return self._seen != self._read

    def read(self) -> Loaded:
        """ConfigError: among others where a file that was there is gone, for that is no wish for defaults."""
        self._read = self._seen = self._look()
        loaded = load(self._path, self._root, self._overrides, self._environ)
        self._path = loaded.file
        return loaded

    def changed(self) -> bool:
        """To be asked now and again: tells once of a change, when it has been seen for `LASTS_S`."""
        now, look = self._clock(), self._look()
        if look != self._seen:
            self._seen, self._since = look, now
        if not self.unsettled or now - self._since < LASTS_S:
            return False
        self._read = look
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
