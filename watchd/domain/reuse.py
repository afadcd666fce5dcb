"""What the cache may be asked for, and what it gave for one picture."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class CachePolicy:
    """What of the cache a profile uses.

    `max_distance` is in bits of the 256 of a perceptual hash, `min_edge_agreement` and `audit_rate` are
    from 0 to 1: the part of the perceptual hits for which the network runs all the same.
    """

    enabled: bool = True
    outputs: bool = True
    perceptual: bool = True
    max_distance: int = 16
    min_edge_agreement: float = 0.75
    audit_rate: float = 0.01


class Tier(StrEnum):
    """Where a cutout came from: a finished one, the mask of the same file, of a like picture, or none."""

    OFF = "off"
    OUTPUT = "output"
    EXACT = "exact"
    PERCEPTUAL = "perceptual"
    MISS = "miss"


@dataclass(frozen=True, slots=True)
class Reuse:
    """`entry` is the name of what was used (or, on a miss, made); `distance` and `edge` are those of a
    perceptual hit: bits of the hash, and agreement of the edges from 0 to 1."""

    tier: Tier = Tier.OFF
    entry: str = ""
    distance: int = 0
    edge: float = 0.0

    def __str__(self) -> str:
        """As the log and `watchd explain` write it."""
        parts = [str(self.tier)]
        if self.tier is Tier.PERCEPTUAL:
            parts += [f"d={self.distance}", f"edge={self.edge:.2f}"]
        return " ".join([*parts, *([f"entry={self.entry}"] if self.entry else [])])
