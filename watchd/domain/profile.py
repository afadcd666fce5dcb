"""How a cutout shall look, and the folders that one entry of the config watches."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path

from watchd.domain.hook import Hooks
from watchd.domain.reuse import CachePolicy

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".tif", ".tiff", ".gif", ".bmp", ".avif"}
)

INPUTS = ("jpeg", "png", "webp", "tiff", "gif", "bmp", "avif")
"""The formats that can be decoded; JPEG includes MPO."""

_NOT_IN_THE_FILE = frozenset({"name", "inputs", "cache"})


class Encode(StrEnum):
    """What the encoder saves: time, or bytes."""

    FAST = "fast"
    SMALL = "small"


class Refine(StrEnum):
    """Whether the edges of a mask follow those of the picture; AUTO is what suits the network."""

    AUTO = "auto"
    NONE = "none"
    GUIDED = "guided"


class Precision(StrEnum):
    """How exactly the network reckons.

    BF16 needs OpenVINO and a CPU that has it, INT8 a second file, made by `watchd models quantize`.
    """

    FP32 = "fp32"
    BF16 = "bf16"
    INT8 = "int8"

    def of(self, model: str) -> str:
        """What the model of this precision is called: "u2netp.int8", or "/models/own.int8.onnx".

        bf16 has no file of its own: "u2netp.bf16", or "/models/own.onnx.bf16".
        """
        if self is Precision.FP32:
            return model
        if self is Precision.BF16:
            return f"{model}.bf16"
        is_file = model.endswith(".onnx") or "/" in model
        return f"{model.removesuffix('.onnx')}.int8{'.onnx' if is_file else ''}"


@dataclass(frozen=True, slots=True)
class Profile:
    """A named recipe for a cutout. `model` is a name of the table or the path of an .onnx file."""

    name: str = "default"
    model: str = "builtin"
    format: str = "png"
    encode: Encode = Encode.FAST
    refine: Refine = Refine.AUTO
    decontaminate: bool = False
    inputs: tuple[str, ...] = INPUTS
    cache: CachePolicy = field(default_factory=CachePolicy)

    def fingerprint(self) -> str:
        """16 hex digits over everything that changes a byte of the finished file."""
        recipe = {key: value for key, value in asdict(self).items() if key not in _NOT_IN_THE_FILE}
        return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:16]


class After(StrEnum):
    """What becomes of an original once its cutout is safely on disk."""

    MOVE = "move"
    KEEP = "keep"
    DELETE = "delete"


class Detect(StrEnum):
    """How new files are noticed; AUTO decides by the kind of mount."""

    AUTO = "auto"
    EVENTS = "events"
    POLLING = "polling"


class Ready(StrEnum):
    """When a whole file may be taken: at once, or when its sender has put a marker beside it."""

    AT_ONCE = "at_once"
    MARKER = "marker"


class Order(StrEnum):
    """Which of the files that wait is taken first, by the time of their last change or by their path."""

    OLDEST = "oldest"
    NEWEST = "newest"
    NAME = "name"


class Deliver(StrEnum):
    """What appears in the outbox at once: each cutout, or all that belong to one folder of the inbox."""

    FILES = "files"
    FOLDERS = "folders"


class Permissions(StrEnum):
    """Whose the cutouts are, and who may read them: as the umask says, or as the inbox folder does."""

    UMASK = "umask"
    INHERIT = "inherit"


@dataclass(frozen=True, slots=True)
class WatchFolder:
    """One entry of `watch`; every path is absolute."""

    name: str
    inbox: Path
    outbox: Path
    originals: Path
    failed: Path
    sidecar: Path
    root: Path | None = None
    profile: Profile = Profile()
    recursive: bool = True
    after: After = After.MOVE
    deliver: Deliver = Deliver.FILES
    detect: Detect = Detect.AUTO
    ready: Ready = Ready.AT_ONCE
    settle_s: float = 2.0
    settle_timeout_s: float = 300.0
    rescan_s: float = 300.0
    poll_s: float = 2.0
    ignore: tuple[str, ...] = ()
    permissions: Permissions = Permissions.UMASK
    group: str | None = None
    mode: int | None = None
    hooks: Hooks = field(default_factory=Hooks)
    order: Order = Order.OLDEST
    priority: int = 0
    choices: tuple[
        Profile, ...
    ] = ()  # what rules in the inbox may choose from; without any they are not read

    @property
    def models(self) -> frozenset[str]:
        """Those that its jobs may need."""
        return frozenset(profile.model for profile in (self.profile, *self.choices))

    def batch_of(self, relative: str) -> str:
        """The folder in the inbox with which a source is delivered; "" if that is done by itself."""
        source, inside, _ = relative.partition("/")
        return source if inside and self.deliver is Deliver.FOLDERS else ""

    def places(self) -> dict[str, Path]:
        """Every folder by its config key."""
        return {
            "inbox": self.inbox,
            "outbox": self.outbox,
            "originals": self.originals,
            "failed": self.failed,
            "sidecar": self.sidecar,
        }
