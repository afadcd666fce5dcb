"""Which remembered mask a picture may have: its own, or that of a picture that looks the same."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from watchd.domain.reuse import CachePolicy
from watchd.imaging.arrays import Mask
from watchd.imaging.fingerprint import Fingerprint, edge_agreement
from watchd.imaging.maskfile import MAX_BYTES, MaskEntry, pack, unpack
from watchd.store.entryname import EntryName
from watchd.store.maskcache import MaskCache

log = logging.getLogger(__name__)

Count = Callable[[str, float], None]
"""Is told what happened, by its name in `watchd cache stats`, and how often, or for how many seconds."""

_MOST_CANDIDATES = 8
_MOST_ALIASES = 10_000
_ASPECT_TOLERANCE = 1.015

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Match:
    """A remembered mask that the picture may have. `distance` and `edge` as in Reuse."""

    name: EntryName
    entry: MaskEntry
    distance: int = 0
    edge: float = 1.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entry that came near, and why it was refused; nothing where it was accepted."""

    match: Match | None
    name: EntryName
    distance: int
    edge: float | None
    refusal: str


class MaskMemory:
    """The masks of one model. Any thread."""

    def __init__(
        self,
        masks: MaskCache,
        count: Count,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._masks = masks
        self._count = count
        self._now = now
        self._aliases_guard = threading.Lock()
        # Files that were found to share the mask of a like picture; the oldest first.
        self._aliases: dict[str, EntryName] = {}

    def own(self, sha256: str) -> Match | None:
        """The mask that was made of this very file, or that it was found to share."""
        with self._aliases_guard:
            alias = self._aliases.get(sha256)
        name = alias or self._masks.find(sha256)
        entry = self._read(name) if name else None
        if name is None or entry is None:
            return None
        # An entry is found by 64 bits of the digest; its content has all of them.
        return Match(name, entry) if alias or entry.sha256 == sha256 else None

    def alike(
        self, sha256: str, looks: Fingerprint, size: Size, side: int, policy: CachePolicy
    ) -> tuple[Match | None, list[EntryName]]:
        """The nearest like picture's mask; or those to be replaced, since only their pictures were too small.

        `size` is that of the picture, `side` that of what the network sees.
        """
        outgrown: list[EntryName] = []
        if not policy.perceptual:
            return None, outgrown
        if looks.flat:
            self._count("rejected_flat", 1)
            return None, outgrown
        for candidate in self.candidates(looks, size, side, policy):
            self._count("candidates", 1)
            if candidate.match is not None:
                self._alias(sha256, candidate.name)
                return candidate.match, []
            self._count(f"rejected_{candidate.refusal}", 1)
            if candidate.refusal == "source_small":
                outgrown.append(candidate.name)
        return None, outgrown

    def candidates(
        self, looks: Fingerprint, size: Size, side: int, policy: CachePolicy
    ) -> Iterator[Candidate]:
        """What comes near, nearest first, each with its answer; eight are looked into at most."""
        looked_into = 0
        for distance, name in self._masks.near(looks.phash, policy.max_distance):
            if not _same_aspect(size, (name.width, name.height)):
                yield Candidate(None, name, distance, None, "aspect")
                continue
            if looked_into == _MOST_CANDIDATES:
                return
            looked_into += 1
            entry = self._read(name)
            if entry is not None:
                match = Match(name, entry, distance, edge_agreement(looks.thumb, entry.thumb))
                yield _judged(match, size, side, policy)

    def remember(
        self, sha256: str, looks: Fingerprint, size: Size, mask: Mask, inference_s: float
    ) -> EntryName:
        name = EntryName(looks.phash, *size, sha256[:16])
        entry = MaskEntry(mask, looks.thumb, sha256, *size, self._now(), inference_s)
        data = pack(entry)
        stored = len(data) <= MAX_BYTES and self._masks.add(name, data)  # noise does not compress
        self._count("writes" if stored else "errors", 1)
        return name

    def forget(self, name: EntryName) -> None:
        self._masks.discard(name)

    def look_again(self, sha256: str) -> None:
        """Another process may have remembered this file's mask just now."""
        self._masks.look_again(sha256)

    def _read(self, name: EntryName) -> MaskEntry | None:
        """An entry is what its name says, or it is removed."""
        data = self._masks.read(name)
        if data is None:
            return None
        try:
            entry = entry_of(name, data)
        except ValueError as error:
            log.warning("cache entry removed", extra={"entry": str(name), "reason": str(error)})
            self._count("corrupt", 1)
            self._masks.discard(name)
            return None
        return entry

    def _alias(self, sha256: str, name: EntryName) -> None:
        with self._aliases_guard:
            if len(self._aliases) >= _MOST_ALIASES:
                del self._aliases[next(iter(self._aliases))]
            self._aliases[sha256] = name


def entry_of(name: EntryName, data: bytes) -> MaskEntry:
    """ValueError: it is no entry, or not what its name says."""
    entry = unpack(data)
    if (entry.sha256[:16], entry.width, entry.height) != (name.sha16, name.width, name.height):
        raise ValueError("it is of another picture than its name says")
    return entry


def _judged(match: Match, size: Size, side: int, policy: CachePolicy) -> Candidate:
    refusal = ""
    if match.edge <= policy.min_edge_agreement:
        refusal = "edges"
    elif min(match.name.width, match.name.height) < min(side, *size):
        refusal = "source_small"  # a mask of a thumbnail would spoil the full picture
    return Candidate(None if refusal else match, match.name, match.distance, match.edge, refusal)


def _same_aspect(one: Size, other: Size) -> bool:
    ratio = one[0] * other[1] / (one[1] * other[0])
    return 1 / _ASPECT_TOLERANCE <= ratio <= _ASPECT_TOLERANCE
