"""Which names are of interest: pictures, and none of what systems, browsers and sync tools leave about."""

import re
from collections.abc import Iterable
from fnmatch import translate

from watchd.domain.profile import SUFFIXES

# Matched against every name of a path, so that what lies in such a folder is ignored with it.
IGNORED = (
    ".*",  # hidden: .DS_Store, ._x.jpg, rsync's .x.jpg.a1B2c3, .syncthing.*.tmp, .stversions, our own temps
    # macOS, Windows
    "__MACOSX",
    "Icon\r",
    "Thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "$RECYCLE.BIN",
    "System Volume Information",
    "~$*",
    # Synology, QNAP
    "@eaDir",
    "#recycle",
    "#snapshot",
    "@Recycle",
    "@Recently-Snapshot",
    # Syncthing, Resilio, Unison
    "~syncthing~*",
    "*.!sync",
    "*.bts",
    "*.unison.tmp",
    "*.sync-conflict-*.tmp",
    # unfinished downloads and uploads
    "*.part",
    "*.partial",
    "*.crdownload",
    "*.download",
    "*.opdownload",
    "*.filepart",
    "*.aria2",
    "*.!ut",
    "*.tmp",
    "*.temp",
    "*.upload",
    "*.uploading",
    "lost+found",
)


class Wanted:
    """Decides by name alone; `more` are the watch folder's own patterns (fnmatch, case ignored).

    A pattern with "/" is matched against the whole path below the inbox, any other against each name.
    """

    def __init__(self, more: Iterable[str] = ()) -> None:
        patterns = [*IGNORED, *more]
        self._names = _compile(pattern for pattern in patterns if "/" not in pattern)
        self._paths = _compile(pattern for pattern in patterns if "/" in pattern)

    def refusal(self, relative: str) -> str:
        """Why the file is ignored, or "" if it is wanted."""
        above, _, name = relative.rpartition("/")
        folders = above.split("/") if above else []
        for depth, folder in enumerate(folders, 1):
            if not self.enters("/".join(folders[:depth])):
                return f"it lies in {folder!r}, which is on the ignore list"
        if self._names.match(name) or self._paths.match(relative):
            return "its name is on the ignore list"
        # Not os.path.splitext, a half of the time of this: names that begin with a dot are refused by now.
        _, dot, end = name.rpartition(".")
        suffix = (dot + end).lower()
        if suffix not in SUFFIXES:
            return f"the suffix {suffix!r} is none of {' '.join(sorted(SUFFIXES))}"
        return ""

    def enters(self, folder: str) -> bool:
        """Whether a scan goes into a folder of that path."""
        return not self._names.match(folder.rpartition("/")[2]) and not self._paths.match(folder)


def _compile(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(translate(pattern) for pattern in patterns) or r"(?!)", re.IGNORECASE)
