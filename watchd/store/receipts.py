"""Receipts: one small JSON file per source that says what was tried and how it ended."""

import contextlib
import errno
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from watchd.domain.job import SourceFile, Stamp, source_key
from watchd.domain.outcome import Deferred, Delivered, Failed, Outcome, Rejected, Skipped, word
from watchd.domain.reuse import Reuse, Tier
from watchd.store.atomic import publish, replace_quickly
from watchd.tree import Tree

_FOLDER = "receipts"
_SUFFIX = ".json"
_MAX_BYTES = 256 * 1024
_MOST_KNOWN = 200_000
_NO_FILE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EINVAL)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What is known of one source. `state` is "begun" or the word of the last outcome.

    `output` and `digest` (sha256 of its bytes) say which file of the outbox belongs to this source: they
    are on the disk before that file is. `at` and `not_before` are seconds since the epoch.
    """

    relative: str
    stamp: Stamp
    state: str = "begun"
    attempts: int = 0
    token: str = ""
    flight: str = ""
    output: str = ""
    digest: str = ""
    reason: str = ""
    notes: tuple[str, ...] = ()
    model: str = ""
    reuse: Reuse = field(default_factory=Reuse)
    at: float = 0.0
    not_before: float = 0.0

    @property
    def ended(self) -> bool:
        """Whether the file as it was then needs nothing more."""
        return self.state in ("delivered", "rejected") or (self.state == "failed" and not self.not_before)

    def in_words(self) -> str:
        """For people: how it stands, since when, and why."""
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.at))
        facts = [f"{self.state} at {when}", f"attempt {self.attempts}"]
        facts += [f"outbox: {self.output}"] if self.output else []
        facts += [f"model {self.model}"] if self.model else []
        facts += [f"cache {self.reuse}"] if self.reuse.tier is not Tier.OFF else []
        facts += [self.reason] if self.reason else []
        return ", ".join([*facts, *self.notes])


class Receipts:
    """The receipts of one watch folder. Any thread; one source has one writer, the holder of its claim."""

    def __init__(self, sidecar: Tree, clock: Callable[[], float] = time.time) -> None:
        self._tree = sidecar
        self._clock = clock
        # Sources that stay in the inbox (`after: keep`), so that a scan need not read their receipts.
        self._known: dict[str, Stamp] = {}

    def read(self, relative: str) -> Receipt | None:
        """The receipt of a source, or None; a torn or foreign file counts as none."""
        receipt = self._parse_at(_path(relative))
        return receipt if receipt is not None and receipt.relative == relative else None

    def ended(self, source: SourceFile) -> Receipt | None:
        """The receipt of exactly this content, if nothing more is to be done about it."""
        receipt = self.read(source.relative)
        if receipt is None or not receipt.ended or receipt.stamp != source.stamp:
            return None
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()  # the receipts know it still
        self._known[source.relative] = source.stamp
        return receipt

    def knows(self, relative: str, stamp: Stamp) -> bool:
        """Whether `ended` has said yes to it before; costs no disk."""
        return self._known.get(relative) == stamp

    def begin(self, source: SourceFile, token: str, flight: str = "", forgiven: bool = False) -> Receipt:
        """Counts an attempt, on disk, before it is made. New content starts at one again.

        `flight` names this process's list of what is in flight; with `forgiven` the last attempt, which
        came to no end, does not count.
        """
        before = self.read(source.relative)
        receipt = Receipt(source.relative, source.stamp, "begun", 1, token, flight, at=self._clock())
        if before is not None:
            made = before.attempts - forgiven if before.stamp == source.stamp else 0
            receipt = replace(receipt, attempts=made + 1, output=before.output, digest=before.digest)
        self._write(receipt)
        return receipt

    def intend(self, receipt: Receipt, output: str, digest: str) -> Receipt:
        """Says durably which name the cutout is about to get, so that a crash leaves no stranger there."""
        receipt = replace(receipt, output=output, digest=digest)
        publish(self._tree, _path(receipt.relative), _text(receipt), receipt.token, replace=True)
        return receipt

    def end(self, receipt: Receipt, outcome: Outcome) -> None:
        """Writes how the attempt ended; a deferral takes the attempt back."""
        now = self._clock()
        receipt = replace(
            receipt, state=word(outcome), at=now, not_before=0.0, reason="", notes=(), reuse=Reuse()
        )
        match outcome:
            case Delivered(output, model, notes, reuse):
                receipt = replace(receipt, output=output, model=model, notes=notes, reuse=reuse)
            case Skipped(reason):
                receipt = replace(receipt, reason=reason, attempts=receipt.attempts - 1)
            case Deferred(reason, wait_s):
                receipt = replace(
                    receipt, reason=reason, attempts=receipt.attempts - 1, not_before=now + wait_s
                )
            case Rejected(reason):
                receipt = replace(receipt, reason=reason)
            case Failed(reason, _, final, wait_s):
                receipt = replace(receipt, reason=reason, not_before=0.0 if final else now + wait_s)
        self._write(receipt)

    def rename_output(self, receipt: Receipt, output: str) -> None:
        """Its cutout bears another name now."""
        self._write(replace(receipt, output=output))

    def forget(self, relative: str) -> None:
        """The source starts afresh; what it delivered before stays its own."""
        self._known.pop(relative, None)
        receipt = self.read(relative)
        if receipt is not None and receipt.output:
            self._write(replace(receipt, state="begun", attempts=0, reason="", not_before=0.0))
        else:
            self._tree.unlink(_path(relative))

    def wait_s(self, receipt: Receipt, longest_s: float) -> float:
        """How long the source must still wait; a clock that was set back cannot make it wait for ever."""
        wait = receipt.not_before - self._clock()
        return wait if 0 < wait <= longest_s else 0.0

    def keys(self) -> set[str]:
        """Of every source that has a receipt, of whatever content; reads none."""
        return {path.rpartition("/")[2].removesuffix(_SUFFIX) for path in self._paths()}

    def all(self) -> Iterator[Receipt]:
        """Every receipt that can be read."""
        for path in self._paths():
            receipt = self._parse_at(path)
            if receipt is not None:
                yield receipt

    def prune(self, keep_s: float, still_there: Callable[[str], bool]) -> int:
        """Removes receipts older than `keep_s` of sources that have left the inbox; returns how many."""
        pruned = 0
        for path in self._older_than(keep_s):
            receipt = self._parse_at(path)
            if receipt is None or not still_there(receipt.relative):
                self._tree.unlink(path)
                pruned += 1
        return pruned

    def _older_than(self, keep_s: float) -> Iterator[str]:
        oldest = self._clock() - keep_s
        for path in self._paths():
            with contextlib.suppress(FileNotFoundError):
                if self._tree.stat(path).st_mtime < oldest:
                    yield path

    def _paths(self) -> Iterator[str]:
        for shard in self._tree.names(_FOLDER):
            for name in self._tree.names(f"{_FOLDER}/{shard}"):
                yield f"{_FOLDER}/{shard}/{name}"

    def _parse_at(self, path: str) -> Receipt | None:
        """None if there is none, or a torn or foreign file. A disk in trouble is an OSError: who took that
        for "no receipt" would forget the attempts and whose the cutout is."""
        try:
            return _parse(self._tree.read(path, _MAX_BYTES))
        except (ValueError, KeyError, TypeError, RecursionError):
            return None
        except OSError as error:
            if error.errno not in _NO_FILE:
                raise
            return None

    def _write(self, receipt: Receipt) -> None:
        """Attempts may be told again after a power cut; which cutout belongs to the source may not."""
        path, token = _path(receipt.relative), receipt.token or "receipt"
        replace_quickly(self._tree, path, _text(receipt), token, sync=bool(receipt.output))


def _path(relative: str) -> str:
    key = source_key(relative)
    return f"{_FOLDER}/{key[:2]}/{key}{_SUFFIX}"


def _text(receipt: Receipt) -> bytes:
    # ensure_ascii keeps surrogates of undecodable names as \udcXX, which json reads back the same.
    return json.dumps(asdict(receipt), ensure_ascii=True, indent=1).encode("ascii") + b"\n"


def _parse(text: bytes) -> Receipt:
    """ValueError, KeyError, TypeError or RecursionError for what is no receipt."""
    fields: dict[str, Any] = json.loads(text)
    stamp = Stamp(**fields["stamp"])
    reuse = fields.get("reuse", {})
    reuse = Reuse(**reuse | {"tier": Tier(reuse.get("tier", Tier.OFF))})
    receipt = Receipt(**fields | {"stamp": stamp, "notes": tuple(fields["notes"]), "reuse": reuse})
    blank = Receipt("", stamp)
    for name in Receipt.__slots__:
        if type(getattr(receipt, name)) is not type(getattr(blank, name)):
            raise TypeError(f"{name} has no such values")
    return receipt
