"""Every key of the config: its default, unit and range, what it means, and whether it reloads live."""

import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from watchd.config import references, units, written
from watchd.domain.address import Address
from watchd.domain.engine import Engine, Provider
from watchd.domain.hook import CommandHook, Hook, Hooks, WebHook
from watchd.domain.hours import Hours
from watchd.domain.profile import (
    INPUTS,
    After,
    Deliver,
    Detect,
    Encode,
    Order,
    Permissions,
    Precision,
    Profile,
    Ready,
    Refine,
    WatchFolder,
)
from watchd.domain.reuse import CachePolicy

T = TypeVar("T")


def live(default: T, description: str) -> T:
    """A key that may change while the daemon runs."""
    return Field(default, description=description, json_schema_extra={"live": True})


def restart(default: T, description: str) -> T:
    """A key that is read at the start only."""
    return Field(default, description=description, json_schema_extra={"live": False})


def section(default: T, description: str) -> T:
    return Field(default, description=description)


class Section(BaseModel):
    """A mapping of the config; one with nothing in it (all commented out, say) has every default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _empty_means_defaults(cls, given: object) -> object:
        return {} if given is None else given


_OF_ADDRESSES = ("attempts", "secret", "details")


class Tell(Section):
    """One hook: a program to be run, or an address to be written to."""

    command: Annotated[tuple[str, ...] | None, references.command()] = live(
        None, "The program that is run, with the event in its environment and, as JSON, on its stdin."
    )
    url: Annotated[str | None, references.web_address()] = live(
        None, "Or else the address that the event is sent to, as JSON in a POST."
    )
    timeout: Annotated[float, units.seconds("100ms", "1h")] = live(
        30.0, "How long it may take; a program is then killed with all that it has started."
    )
    attempts: Annotated[int, units.whole(1, 20)] = live(
        5, "Of a url: how often it is tried, 1 s, 2 s, 4 s and so on later."
    )
    secret: Annotated[str | None, references.secret()] = live(
        None, "Of a url: the file whose content signs what is sent; without it nothing is signed."
    )
    details: Annotated[bool, units.flag()] = live(
        False, "Of a url: whether full paths and error traces are sent, too."
    )

    @model_validator(mode="after")
    def _either_or(self) -> Self:
        if (self.command is None) == (self.url is None):
            given = "neither command nor url" if self.url is None else "both command and url"
            problem = f"{given}: give exactly one of them"
        elif self.command is not None and (of_url := [key for key in _OF_ADDRESSES if self._has(key)]):
            problem = f"{', '.join(of_url)}: of a url only, and this is a command"
        else:
            return self
        raise PydanticCustomError("conflict", "{problem}", {"problem": problem})

    def hook(self) -> Hook:
        if self.url is not None:
            return WebHook(self.url, self.timeout, self.attempts, self.secret or "", self.details)
        return CommandHook(self.command or (), self.timeout)

    def _has(self, key: str) -> bool:
        return key in self.model_fields_set


class Telling(Section):
    """Who is told of what happens in a watch folder."""

    rest: Annotated[float, units.seconds("100ms", "1d")] = live(
        10.0,
        "How long nothing must happen in the watch folder until a batch is done, and in a folder of the "
        "inbox until that is delivered (deliver: folders).",
    )
    on_delivered: tuple[Tell, ...] = section((), "Who is told of each cutout that is in the outbox.")
    on_failed: tuple[Tell, ...] = section((), "Who is told of each file that has come to failed.")
    on_batch_done: tuple[Tell, ...] = section((), "Who is told that the watch folder has come to rest.")

    @field_validator("on_delivered", "on_failed", "on_batch_done", mode="before")
    @classmethod
    def _nobody(cls, given: object) -> object:
        return () if given is None else given

    def hooks(self) -> Hooks:
        return Hooks(
            tuple(each.hook() for each in self.on_delivered),
            tuple(each.hook() for each in self.on_failed),
            tuple(each.hook() for each in self.on_batch_done),
            self.rest,
        )


class Watch(Section):
    """One watch folder: its root, or each of its five folders."""

    root: Annotated[Path | None, references.folder()] = live(
        None, "The folder that holds the five below; not needed where each of them is given."
    )
    name: Annotated[str | None, written.text("a name")] = live(
        None, "What the log and the status call this watch folder; by default the last part of its root."
    )
    inbox: Annotated[Path | None, references.folder()] = live(
        None, "Where files are dropped; by default inbox in the root."
    )
    outbox: Annotated[Path | None, references.folder()] = live(
        None, "Where cutouts appear; by default outbox in the root."
    )
    originals: Annotated[Path | None, references.folder()] = live(
        None, "Where an original goes once its cutout is safe; by default originals in the root."
    )
    failed: Annotated[Path | None, references.folder()] = live(
        None, "Where a file goes that could not be processed; by default failed in the root."
    )
    sidecar: Annotated[Path | None, references.folder()] = live(
        None, "Where watchd keeps claims, receipts and its status; by default .watchd in the root."
    )
    profile: Annotated[str, written.text("the name of a profile")] = live(
        "default", "Which of the profiles makes the cutouts of this watch folder."
    )
    recursive: Annotated[bool, units.flag()] = live(True, "Whether subfolders of the inbox are watched, too.")
    after: Annotated[After, units.choice(After)] = live(
        After.MOVE, "What becomes of an original once its cutout is safely on disk."
    )
    deliver: Annotated[Deliver, units.choice(Deliver)] = live(
        Deliver.FILES,
        "What appears in the outbox at once: files, each by itself, or folders, with all that belongs to one "
        "folder in the inbox, once nothing more has come there for hooks.rest.",
    )
    permissions: Annotated[Permissions, units.choice(Permissions)] = live(
        Permissions.UMASK,
        "Mode, owner and group of what watchd makes: umask, or inherit for those of the inbox folder.",
    )
    group: Annotated[str | None, units.or_auto(references.group())] = live(
        None, "The group of what watchd makes in outbox, originals and failed; auto is as permissions says."
    )
    mode: Annotated[int | None, units.or_auto(units.mode())] = live(
        None,
        "The mode of files made there, and of folders, which get x where r is; auto is as permissions says.",
    )
    detect: Annotated[Detect, units.choice(Detect)] = live(
        Detect.AUTO, "How new files are noticed; auto decides by the kind of mount."
    )
    ready: Annotated[Ready, units.choice(Ready)] = live(
        Ready.AT_ONCE,
        "When a file may be taken: at_once, or with a marker: x.jpg.ready beside x.jpg, or .done beside all.",
    )
    order: Annotated[Order, units.choice(Order)] = live(
        Order.OLDEST, "Which of the files that wait is taken first: by their last change, or by their path."
    )
    rules: Annotated[bool, units.flag()] = live(
        False, "Whether a .watchd.yml in a folder of the inbox changes how what lies there and below is made."
    )
    priority: Annotated[int, units.priority()] = live(
        0, "Files of a folder with a higher one go first; folders with the same one take turns."
    )
    settle: Annotated[float, units.seconds("100ms", "1h")] = live(
        2.0, "How long a file must stay unchanged before it is taken."
    )
    settle_timeout: Annotated[float, units.seconds("1s", "7d")] = live(
        300.0, "How long a file may keep changing before a warning names it."
    )
    rescan: Annotated[float, units.seconds("1s", "1d")] = live(
        300.0, "How often the inbox is walked to find what no event has told."
    )
    poll: Annotated[float, units.seconds("100ms", "1h")] = live(
        2.0, "How often the inbox is looked at where it is polled."
    )
    ignore: Annotated[tuple[str, ...], written.texts("a list of patterns")] = live(
        (), 'Names that are left alone, such as "*.draft.jpg", besides the known names of temporary files.'
    )
    hooks: Telling = section(Telling(), "Who is told of what happens here: programs, or addresses.")

    @model_validator(mode="after")
    def _every_folder_has_a_place(self) -> Self:
        missing = [key for key, place in self._given().items() if place is None]
        if missing and self.root is None:
            problem = (
                f"no root, and no folder for {', '.join(missing)}: give root, or each of the five folders"
            )
            raise PydanticCustomError("conflict", "{problem}", {"problem": problem})
        return self

    def places(self) -> dict[str, Path]:
        """Every folder by its key, absolute, symbolic links resolved."""
        root = self.root or Path()
        names = {"sidecar": ".watchd"}
        return {
            key: Path(os.path.realpath(given or root / names.get(key, key)))
            for key, given in self._given().items()
        }

    def _given(self) -> dict[str, Path | None]:
        return {
            "inbox": self.inbox,
            "outbox": self.outbox,
            "originals": self.originals,
            "failed": self.failed,
            "sidecar": self.sidecar,
        }


class Format(StrEnum):
    PNG = "png"


class Use(Section):
    """What one profile reuses, where it shall differ from the section `cache`."""

    enabled: Annotated[bool | None, units.or_auto(units.flag())] = live(
        None, "Whether anything is reused; auto is what the section cache says."
    )
    outputs: Annotated[bool | None, units.or_auto(units.flag())] = live(
        None, "Whether finished cutouts of the same file are reused; auto is what the section cache says."
    )
    perceptual: Annotated[bool | None, units.or_auto(units.flag())] = live(
        None, "Whether masks of like pictures are reused; auto is what the section cache says."
    )
    strict: Annotated[bool | None, units.or_auto(units.flag())] = live(
        None, "Whether a like picture must be more alike; auto is what the section cache says."
    )


class Recipe(Section):
    """How a cutout shall look."""

    model: Annotated[str, references.model()] = live(
        "builtin", "The network that finds the foreground: builtin needs no download, u2net has finer edges."
    )
    precision: Annotated[Precision, units.choice(Precision)] = live(
        Precision.FP32,
        "How exactly it reckons; faster with other masks are bf16 (needs models.engine: openvino) and int8 "
        "(once `watchd models quantize` has made it).",
    )
    refine: Annotated[Refine, units.choice(Refine)] = live(
        Refine.AUTO,
        "How the mask is laid over the picture: none smoothly, guided along the picture's own edges; auto is "
        "guided for builtin, none for the others.",
    )
    decontaminate: Annotated[bool, units.flag()] = live(
        False, "Whether soft edges lose the colours of the old background."
    )
    format: Annotated[Format, units.choice(Format)] = live(Format.PNG, "The file format of the cutouts.")
    encode: Annotated[Encode, units.choice(Encode)] = live(
        Encode.FAST, "What the encoder saves: fast saves time, small saves bytes."
    )
    inputs: Annotated[tuple[str, ...], units.choices(INPUTS)] = live(
        INPUTS, "The formats that are decoded; a file of another one is rejected."
    )
    cache: Use = section(Use(), "What this profile reuses.")


class Threads(Section):
    workers: Annotated[int | None, units.or_auto(units.whole(1, 1024))] = live(
        None, "How many pictures are worked on at once; auto is one for each core, if memory allows."
    )
    intra_op: Annotated[int | None, units.or_auto(units.whole(1, 1024))] = live(
        None, "How many threads one inference uses; auto is 1, or more where memory allows few workers."
    )
    inter_op: Annotated[int | None, units.or_auto(units.whole(1, 1024))] = live(
        None, "How many branches of the network run side by side; auto is 1, for few networks have any."
    )
    adaptive: Annotated[bool, units.flag()] = live(
        False, "Whether fewer workers are at work while others need the CPU, or memory runs short."
    )
    polite: Annotated[bool, units.flag()] = live(
        False, "Whether workers let others on the CPU first; with adaptive also down to no worker at all."
    )


class QuietHours(Section):
    """A part of the week."""

    days: Annotated[frozenset[int], units.days()] = live(
        frozenset(range(7)), "On which days of the week it begins."
    )
    hours: Annotated[tuple[int, int] | None, units.hours()] = live(
        None, "From when to when, by the local clock; 22:00-06:00 ends on the next day."
    )
    workers: Annotated[int, units.whole(0, 1024)] = live(
        0, "How many workers may be at work then; with 0 what comes waits in the inbox."
    )

    @model_validator(mode="after")
    def _some_hours(self) -> Self:
        if self.hours is None:
            problem = "no hours: give from when to when, such as hours: 22:00-06:00"
            raise PydanticCustomError("conflict", "{problem}", {"problem": problem})
        return self

    def window(self) -> Hours:
        begin, end = self.hours or (0, 0)
        return Hours(self.days, begin, end, self.workers)


class Models(Section):
    engine: Annotated[Engine, units.choice(Engine)] = restart(
        Engine.ONNXRUNTIME, "The library that runs the networks; openvino needs watchd[openvino]."
    )
    providers: Annotated[tuple[Provider, ...], units.choices(tuple(Provider))] = restart(
        (Provider.CPU,),
        "Where ONNX Runtime runs them; all but cpu need another build of it, such as onnxruntime-gpu.",
    )
    resident: Annotated[int, units.whole(1, 100)] = live(
        2, "How many networks are in memory at once; of more, the longest unused is loaded again when needed."
    )


class Queue(Section):
    size: Annotated[int, units.whole(1, 100_000)] = live(
        64, "How many jobs wait in memory; whatever is more waits as files in the inbox."
    )


class Limits(Section):
    max_pixels: Annotated[int, units.pixels("1", "10000MP")] = live(
        200_000_000, "A picture of more pixels is rejected before it is decoded."
    )
    max_bytes: Annotated[int, units.size("1kB", "1TB")] = live(
        500_000_000, "A file of more bytes is rejected before it is read."
    )
    memory: Annotated[int | None, units.or_auto(units.size("64MB", "64TB"))] = live(
        None, "What all pictures in work may take together; auto is a share of the machine's memory."
    )
    job_timeout: Annotated[float, units.seconds("1s", "1d")] = live(
        600.0, "How long one picture may take before the process ends itself to be started again."
    )
    decode_timeout: Annotated[float, units.seconds("100ms", "1h")] = restart(
        60.0, "How long decoding one picture may take where it is done by a process of its own (isolation)."
    )
    pending: Annotated[int, units.whole(1, 10_000_000)] = restart(
        10_000, "How many files are followed until they settle; the next scan finds the others."
    )


class Outputs(Section):
    enabled: Annotated[bool, units.flag()] = live(
        True, "Whether the cutout of a file that comes again is copied, nothing decoded."
    )
    max_size: Annotated[int, units.size("1MB", "64TB")] = live(
        2_147_483_648, "How much room finished cutouts may take; the longest unused go first."
    )


_EVEN = "perceptual hashes differ in even numbers of bits, and above 32 unrelated pictures come near"
_AGREEMENT = "below 0.7 a picture with something added passes for the one without, above 0.9 not even a copy"


class Perceptual(Section):
    enabled: Annotated[bool, units.flag()] = live(
        True, "Whether a picture gets the mask of a like one: recompressed, resized, another colour."
    )
    max_distance: Annotated[int, units.even(0, 32, _EVEN)] = live(
        16, "In how many of the 256 bits of their perceptual hashes two like pictures may differ."
    )
    min_edge_agreement: Annotated[float, units.part(0.7, 0.9, _AGREEMENT)] = live(
        0.75, "How well the edges of two like pictures must agree at every place."
    )
    strict: Annotated[bool, units.flag()] = live(
        False, "Whether the two above are at most 8 and at least 0.8: fewer hits, for small added objects."
    )
    audit_rate: Annotated[float, units.part(0.0, 1.0)] = live(
        0.01, "For which part of these hits the network runs all the same, to count how often they err."
    )


class Cache(Section):
    enabled: Annotated[bool, units.flag()] = live(True, "Whether results are remembered and reused.")
    dir: Annotated[Path | None, units.or_auto(references.folder())] = restart(
        None, "Where they are remembered; auto is cache in the sidecar of each watch folder."
    )
    ttl: Annotated[float, units.seconds("0s", "3650d")] = live(
        604_800.0, "How long what is not used is remembered; 0s is for ever."
    )
    max_age: Annotated[float, units.seconds("0s", "3650d")] = live(
        0.0, "How long anything is remembered at all, used or not; 0s is for ever."
    )
    max_size: Annotated[int, units.size("1MB", "64TB")] = live(
        1_073_741_824, "How much room masks may take, 15 kB each; the longest unused go first."
    )
    cleanup_interval: Annotated[float, units.seconds("1s", "7d")] = live(
        3600.0, "How often the cache is swept."
    )
    outputs: Outputs = section(Outputs(), "Finished cutouts of the very same file.")
    perceptual: Perceptual = section(Perceptual(), "Masks of pictures that look the same.")
    shared: Annotated[bool, units.flag()] = live(
        False, "Whether daemons on other hosts use the same folder, so that one waits for another's result."
    )
    redis: Annotated[str | None, references.redis()] = restart(
        None, "A Redis server that lends masks to hosts that share no folder; needs watchd[redis]."
    )


class Isolation(StrEnum):
    NONE = "none"
    PROCESS = "process"


class Receipts(Section):
    keep: Annotated[float, units.seconds("1h", "3650d")] = live(
        7_776_000.0, "How long the written outcome of a file is kept after the file has left the inbox."
    )


class Level(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    TEXT = "text"
    JSON = "json"


class Log(Section):
    level: Annotated[Level, units.choice(Level)] = live(
        Level.INFO, "The least important kind of line that is logged."
    )
    format: Annotated[LogFormat, units.choice(LogFormat)] = live(
        LogFormat.TEXT, "Text for people, or JSON for machines, one object to a line."
    )


class Reloads(StrEnum):
    AUTO = "auto"
    SIGNAL = "signal"


class Config(Section):
    """The configuration of watchd."""

    watch: tuple[Watch, ...] = section(
        (), "The folders to watch; a relative path starts at the folder of this file."
    )
    profiles: Mapping[str, Recipe] = section(
        {"default": Recipe()}, "Named recipes for a cutout; the one named default exists in any case."
    )
    threads: Threads = section(Threads(), "How the CPUs are shared out.")
    schedule: tuple[QuietHours, ...] = section((), "Parts of the week in which fewer workers are at work.")
    binding: Annotated[str, units.cpus()] = live(
        "auto", "Which CPUs the workers are pinned to; auto takes one of each core first, none pins nothing."
    )
    models: Models = section(Models(), "The networks, of which each profile names one.")
    queue: Queue = section(Queue(), "The jobs between the inbox and the workers.")
    attempts: Annotated[int, units.whole(1, 100)] = live(
        3, "How often a file is tried before it goes to failed."
    )
    lease: Annotated[float, units.seconds("1s", "1h")] = restart(
        60.0, "How long the claim on a file outlives a daemon that died."
    )
    drain: Annotated[float, units.seconds("0s", "1h")] = live(
        30.0, "How long begun jobs may take to finish once the daemon is asked to stop."
    )
    umask: Annotated[int | None, units.or_auto(units.umask())] = restart(
        None, "Which rights no file gets that watchd makes; auto is the umask that it was started with."
    )
    isolation: Annotated[Isolation, units.choice(Isolation)] = restart(
        Isolation.NONE, "Where pictures are decoded; process survives files that crash or hang a decoder."
    )
    limits: Limits = section(Limits(), "What is too much.")
    cache: Cache = section(Cache(), "Results that are reused; a cutout always has its own picture's pixels.")
    receipts: Receipts = section(Receipts(), "What is remembered of files that are done.")
    log: Log = section(Log(), "What is logged, and how.")
    metrics: Annotated[Address | None, references.address()] = restart(
        None, "Where Prometheus reads figures, as 127.0.0.1:9108; needs watchd[metrics]."
    )
    reload: Annotated[Reloads, units.choice(Reloads)] = live(
        Reloads.AUTO, "When this file is read again: by a signal alone, or also whenever it has changed."
    )

    @field_validator("watch", "schedule", mode="before")
    @classmethod
    def _empty_list(cls, given: object) -> object:
        return () if given is None else given

    @field_validator("profiles", mode="before")
    @classmethod
    def _default_profile_exists(cls, given: object) -> object:
        return {"default": {}, **(given or {})} if isinstance(given, dict | None) else given

    def profile(self, name: str) -> Profile:
        recipe = self.profiles[name]
        return Profile(
            name,
            recipe.precision.of(recipe.model),
            recipe.format.value,
            recipe.encode,
            recipe.refine,
            recipe.decontaminate,
            recipe.inputs,
            self._policy(recipe.cache),
        )

    def cache_of(self, folder: WatchFolder) -> Path:
        """Where the results of a watch folder are remembered."""
        return Path(os.path.realpath(self.cache.dir)) if self.cache.dir else folder.sidecar / "cache"

    def watch_folders(self) -> tuple[WatchFolder, ...]:
        """Every watch folder with a name of its own and absolute paths, symbolic links resolved."""
        return tuple(
            WatchFolder(
                name=name,
                **watch.places(),
                root=Path(os.path.realpath(watch.root)) if watch.root else None,
                profile=self.profile(watch.profile),
                recursive=watch.recursive,
                after=watch.after,
                deliver=watch.deliver,
                detect=watch.detect,
                ready=watch.ready,
                settle_s=watch.settle,
                settle_timeout_s=watch.settle_timeout,
                rescan_s=watch.rescan,
                poll_s=watch.poll,
                ignore=watch.ignore,
                permissions=watch.permissions,
                group=watch.group,
                mode=watch.mode,
                hooks=watch.hooks.hooks(),
                order=watch.order,
                choices=tuple(map(self.profile, self.profiles)) if watch.rules else (),
                priority=watch.priority,
            )
            for name, watch in zip(self.names(), self.watch, strict=True)
        )

    def _policy(self, use: Use) -> CachePolicy:
        like = self.cache.perceptual
        strict = _first(use.strict, like.strict)
        return CachePolicy(
            enabled=_first(use.enabled, self.cache.enabled),
            outputs=_first(use.outputs, self.cache.outputs.enabled),
            perceptual=_first(use.perceptual, like.enabled),
            max_distance=min(like.max_distance, 8) if strict else like.max_distance,
            min_edge_agreement=max(like.min_edge_agreement, 0.8) if strict else like.min_edge_agreement,
            audit_rate=like.audit_rate,
        )

    def names(self) -> list[str]:
        """The given names; else the last part of the root, with the entry's number if that is taken."""
        names: list[str] = []
        given = {watch.name for watch in self.watch}
        for number, watch in enumerate(self.watch, start=1):
            last = os.path.basename(os.path.realpath(watch.root)) if watch.root else ""
            name = watch.name or last or f"watch-{number}"
            if watch.name is None and name in given | set(names):
                name = f"{name}-{number}"
            names.append(name)
        return names


def _first(own: bool | None, common: bool) -> bool:
    return common if own is None else own


def json_schema() -> dict[str, Any]:
    """The schema that lets an editor complete and check a config.yaml."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        # In this mode a default is written as people write it: 5m, not 300.0.
        **Config.model_json_schema(mode="serialization"),
    }
