"""What the commands of the cache report; every field is a key of their --json."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from watchd.domain.reuse import Tier

COUNTS = (
    "lookups",
    "hit_output",
    "hit_exact",
    "hit_perceptual",
    "miss",
    "coalesced",
    "candidates",
    "rejected_flat",
    "rejected_aspect",
    "rejected_edges",
    "rejected_source_small",
    "writes",
    "evicted_ttl",
    "evicted_size",
    "corrupt",
    "errors",
    "audits",
    "audits_apart",
    "audit_overlap",
    "saved_seconds",
)
"""What the cache counts: each is there in the statistics, if only as 0."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """Entries of one kind: how many, their bytes on the disk, the oldest last use in seconds since 1970."""

    name: str
    entries: int
    size_bytes: int
    oldest_use_s: float | None


@dataclass(frozen=True, slots=True)
class Stock:
    """What one cache folder holds, and what it has done since it was made.

    `error_rate` is the part of the audited hits whose mask was another than the network's own;
    `mean_overlap` how far these masks agreed on average. None where nothing was audited.
    """

    cache: str
    spaces: tuple[Shelf, ...]
    outputs: Shelf
    counts: Mapping[str, float]
    error_rate: float | None
    mean_overlap: float | None


@dataclass(frozen=True, slots=True)
class Near:
    """A mask of a picture that looks like another; `refusal` is empty where it would be used."""

    entry: str
    distance: int
    edge: float | None
    refusal: str


@dataclass(frozen=True, slots=True)
class Explained:
    """What a watch folder's cache knows of a picture. `output` and `mask` are its own, empty if none."""

    folder: str
    cache: str
    space: str
    sha256: str
    width: int
    height: int
    output: str
    mask: str
    phash: str
    flat: bool
    candidates: tuple[Near, ...]
    decision: Tier


@dataclass(frozen=True, slots=True)
class Purged:
    """What was removed, or would be; `stuck` are those that could not be."""

    cache: str
    masks: tuple[str, ...]
    outputs: tuple[str, ...]
    size_bytes: int
    stuck: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """An entry that is not what it should be."""

    entry: str
    reason: str
    removed: bool


@dataclass(frozen=True, slots=True)
class Verified:
    """How many entries were read, and those that were wrong."""

    cache: str
    masks: int
    outputs: int
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Recomputed:
    """A remembered mask beside the one that the network gives today: how far they agree, 0..1."""

    entry: str
    source: str
    overlap: float


class Warmth(StrEnum):
    """What became of a photo: its mask was made, taken from a cutout, there before, or lent by a like one."""

    MADE = "made"
    TAKEN = "taken"
    KNOWN = "known"
    LIKE = "like"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Warmed:
    folder: str
    path: str
    state: Warmth
    entry: str = ""
    reason: str = ""
