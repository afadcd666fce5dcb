"""What `watchd models compare` has found: how fast each network is, and how far they say the same."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one network at work, decoding and writing left out.

    `start_s` is from nothing to its first answer. `one_core_s` is the median for a picture on one core,
    `configured_s` what a picture takes with all `workers` × `intra_op` threads busy; `peak_bytes` is of a
    process with these that does nothing else.
    """

    start_s: float
    one_core_s: float
    configured_s: float
    workers: int
    intra_op: int
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class Contender:
    """`figures` are None where it was left out, for the reason `left_out`."""

    label: str
    file: str
    megabytes: float
    licence: str
    good_for: str
    figures: Figures | None = None
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class Photo:
    """`agreement` is the mean overlap of each two networks' cutouts of it; 1 with fewer than two."""

    path: str
    width: int
    height: int
    agreement: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """`found` is how many photos there are in `folder`, of which `photos` were looked at.

    `agreement` has a row and a column for each contender that was not left out. `skipped` are the photos that
    cannot be read, with the reason; `remarks` are what else a user should know.
    """

    folder: str
    found: int
    photos: tuple[Photo, ...]
    skipped: tuple[str, ...]
    contenders: tuple[Contender, ...]
    agreement: tuple[tuple[float, ...], ...]
    sheets: tuple[str, ...]
    remarks: tuple[str, ...] = ()
