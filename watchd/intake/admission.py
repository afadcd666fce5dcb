"""The door: what may become a job, and what explains why something may not."""

import os
import stat
from collections.abc import Callable, Set
from dataclasses import dataclass

from watchd.domain.job import UNTIMED, Arrival, Job, JobId, SourceFile, Stamp, source_key
from watchd.domain.ports import Claims
from watchd.domain.profile import Ready, WatchFolder
from watchd.intake.complete import Finding, Wholeness, inspect
from watchd.intake.markers import Markers
from watchd.intake.rules import Rules
from watchd.intake.wanted import Wanted
from watchd.tree import Tree

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a link; links are never followed",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


@dataclass(frozen=True, slots=True)
class History:
    """What the receipts say of a source: `ended` (with what came of it), or how long it must still wait."""

    ended: str = ""
    wait_s: float = 0.0
    wait_reason: str = ""


@dataclass(frozen=True, slots=True)
class Gate:
    """One question at the door and its answer, for `watchd explain`."""

    name: str
    passed: bool
    answer: str


class Admission:
    """The gates of one watch folder. `history` asks the receipts; `knows` is its form without a disk.
    `with_receipt` lists the keys of all sources that have one.

    `local` says whether the inbox is on a file system that only this kernel writes to: a share may be
    mounted at any time.
    """

    def __init__(
        self,
        folder: WatchFolder,
        claims: Claims,
        history: Callable[[SourceFile], History],
        knows: Callable[[str, Stamp], bool],
        local: Callable[[], bool],
        with_receipt: Callable[[], Set[str]],
        rules: Rules | None = None,
    ) -> None:
        self._folder = folder
        self._tree = Tree(folder.inbox)
        self._wanted = Wanted(folder.ignore)
        self._claims = claims
        self._history = history
        self._local = local
        self._knows = knows
        self._with_receipt = with_receipt
        self.rules = rules or Rules(self._tree)
        self.markers = Markers(self._tree, folder.ready is Ready.MARKER)

    @property
    def wanted(self) -> Wanted:
        return self._wanted

    def kind(self, relative: str) -> tuple[Stamp | None, str]:
        """The stamp of a regular file; of anything else no stamp, and what it is.

        Raises FileNotFoundError where nothing is.
        """
        found = self._tree.stat(relative)
        if stat.S_ISREG(found.st_mode):
            return Stamp.of(found), ""
        return None, f"it is {_KINDS.get(stat.S_IFMT(found.st_mode), 'no regular file')}"

    def open_to(self, relative: str, stamp: Stamp) -> bool:
        """Whether it is worth a look: not known to be done, ready if somebody must say so, under no wrong
        rule.
        """
        known = self._knows(relative, stamp)
        return not known and self.markers.ready(relative) and not self.rules.of(relative).problem

    def met_before(self) -> Callable[[str], bool]:
        """Tells of any path whether it has a receipt, by one listing of them. OSError: the disk."""
        keys = self._with_receipt()
        return lambda relative: source_key(relative) in keys

    def inspect(self, relative: str) -> Finding:
        return inspect(self._tree, relative, self._local())

    def history(self, source: SourceFile) -> History:
        return self._history(source)

    def done(self, relative: str, stamp: Stamp) -> bool:
        """Whether nothing more is to be made of what stands there: it is no picture, or has its outcome."""
        if self._wanted.refusal(relative) or self._knows(relative, stamp):
            return True
        return bool(self._history(SourceFile(relative, stamp)).ended)

    def admit(self, source: SourceFile, fault: str = "", arrival: Arrival = UNTIMED) -> Job | None:
        """Claims the source and makes the job; None while someone else has it."""
        verdict = self.rules.of(source.relative)
        if verdict.problem:  # since the look
            return None
        token = self._claims.acquire(source.key)
        if token is None:
            return None
        try:
            ended = self._history(source).ended  # by another daemon, between our look and our claim
        except BaseException:
            self._claims.release(source.key, token)
            raise
        if ended:
            self._claims.release(source.key, token)
            return None
        return Job(JobId(source.key[:8]), self._folder, source, token, fault, arrival, verdict.profile)

    def give_back(self, job: Job) -> None:
        """Of a job that was refused: the source is free again."""
        self._claims.release(job.source.key, job.token)

    def explain(self, relative: str) -> list[Gate]:
        """Every gate's answer, from the functions that decide; stops where none could follow."""
        refusal = self._wanted.refusal(relative)
        gates = [Gate("name", not refusal, refusal or "wanted")]
        try:
            stamp, other = self.kind(relative)
        except OSError as error:
            return [
                *gates,
                Gate("there", False, f"{self._folder.inbox / relative}: {os.strerror(error.errno or 0)}"),
            ]
        gates.append(Gate("regular file", stamp is not None, other or f"{self._size(stamp)} bytes"))
        if stamp is None:
            return gates
        finding = self.inspect(relative)
        whole = finding.wholeness in (Wholeness.PROVEN, Wholeness.ENDED, Wholeness.PLAIN)
        gates.append(Gate("whole", whole, finding.reason or finding.wholeness.name.lower()))
        if self.markers.asked_for:
            gates.append(Gate("ready", self.markers.ready(relative), self.markers.explain(relative)))
        if problem := self.rules.of(relative).problem:
            gates.append(Gate("rule", False, problem))
        past = self._history(SourceFile(relative, stamp))
        gates.append(Gate("not done before", not past.ended, past.ended or "no receipt for this content"))
        waits = f"{past.wait_reason}; next try in {past.wait_s:.0f} s"
        gates.append(Gate("not waiting", not past.wait_s, waits if past.wait_s else "no earlier trouble"))
        return gates

    @staticmethod
    def _size(stamp: Stamp | None) -> int:
        return stamp.size if stamp else 0
