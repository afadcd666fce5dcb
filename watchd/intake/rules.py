"""The rules in an inbox: which profile a file is made by, and which files wait since their rule is wrong."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from watchd.domain.errors import ConfigError
from watchd.domain.job import Stamp
from watchd.domain.profile import Profile
from watchd.tree import Tree

log = logging.getLogger(__name__)

RULE = ".watchd.yml"

_LONGEST = 4096  # bytes; nobody needs more for five keys
_MOST_KNOWN = 1000

ReadRule = Callable[[bytes, str], Profile]
"""What the text of a rule, which lies at that path, makes of the folder's own profile. ConfigError."""

Report = Callable[[str, str], None]
"""Is told of a folder of the inbox and of what is wrong with its rule; "" once it is right, or gone."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """By what a file is made, if a rule says so; or why it waits."""

    profile: Profile | None = None
    problem: str = ""


_NO_RULE = Verdict()


class Rules:
    """Of one inbox. Of a file's folder and those above it the nearest rule holds, alone; without `read` none
    does. One thread.
    """

    def __init__(
        self, tree: Tree, read: ReadRule | None = None, report: Report = lambda _folder, _problem: None
    ) -> None:
        self._tree = tree
        self._read = read
        self._report = report
        self._known: dict[str, tuple[Stamp | None, Verdict]] = {}  # by the folder that the rule lies in

    def of(self, relative: str) -> Verdict:
        """Of a file."""
        folder = relative if self._read else ""
        while folder:
            folder = folder.rpartition("/")[0]
            if (verdict := self._look(folder)) is not None:
                return verdict
        return _NO_RULE

    def folder_of(self, relative: str) -> str | None:
        """The folder that a path of the inbox is the rule of, if it is one."""
        folder, _, name = relative.rpartition("/")
        return folder if self._read and name == RULE else None

    @property
    def wrong(self) -> dict[str, str]:
        """What is wrong with each rule that files wait for."""
        return {
            _in(folder): verdict.problem for folder, (_, verdict) in self._known.items() if verdict.problem
        }

    def mended(self) -> list[str]:
        """The folders whose rule was wrong, and is right or gone now."""
        wrong = [folder for folder, (_, verdict) in self._known.items() if verdict.problem]
        return [folder for folder in wrong if not (self._look(folder) or _NO_RULE).problem]

    def _look(self, folder: str) -> Verdict | None:
        """What the rule in that very folder says now; None if there is none."""
        stamp, trouble = None, ""
        try:
            stamp = Stamp.of(self._tree.stat(_in(folder)))
        except (FileNotFoundError, NotADirectoryError):
            self._forget(folder)
            return None
        except OSError as error:
            trouble = f"{_in(folder)}: it cannot be reached: {error.strerror}"
        if folder in self._known and self._known[folder][0] == stamp:
            return self._known[folder][1]
        verdict = Verdict(problem=trouble) if trouble else self._judge(folder)
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[folder] = stamp, verdict
        self._tell(folder, verdict.problem)
        return verdict

    def _forget(self, folder: str) -> None:
        """There is none any more."""
        if folder in self._known:
            del self._known[folder]
            self._tell(folder, "")

    def _judge(self, folder: str) -> Verdict:
        assert self._read is not None
        try:
            text = self._tree.read(_in(folder), _LONGEST + 1)
        except OSError as error:  # a link, a folder, or nobody may read it
            return Verdict(problem=f"{_in(folder)}: it cannot be read: {error.strerror}")
        if not text.strip():  # it may be being written just now
            return Verdict(problem=f"{_in(folder)}: it is empty: give a key, or remove it")
        if len(text) > _LONGEST:
            return Verdict(problem=f"{_in(folder)}: it has more than {_LONGEST} bytes")
        try:
            return Verdict(self._read(text, _in(folder)))
        except ConfigError as error:
            return Verdict(problem=str(error))

    def _tell(self, folder: str, problem: str) -> None:
        if problem:
            log.warning("rule is wrong, its files wait", extra={"path": _in(folder), "reason": problem})
        else:
            log.info("rule changed", extra={"path": _in(folder)})
        try:
            self._report(folder, problem)
        except OSError as error:
            log.warning("error of a rule not shown", extra={"path": _in(folder), "reason": error.strerror})


def _in(folder: str) -> str:
    return f"{folder}/{RULE}" if folder else RULE
