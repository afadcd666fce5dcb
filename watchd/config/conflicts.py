"""What no single key of the config can show to be wrong: folders that feed each other, missing profiles."""

import difflib
import os
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from watchd.config.keys import KeyPath, dotted
from watchd.config.problems import Problem
from watchd.config.schema import Config
from watchd.domain.engine import Engine, Provider
from watchd.domain.profile import Deliver, Precision


class _Place(NamedTuple):
    entry: int
    key: str
    path: Path

    @property
    def at(self) -> KeyPath:
        return ("watch", self.entry, self.key)

    def __str__(self) -> str:
        return f"{dotted(self.at)} ({self.path})"


def conflicts(config: Config) -> Iterator[Problem]:
    """Every pair of keys that cannot both stand. Paths are compared with symbolic links resolved."""
    yield from _folders(config)
    yield from _cache(config)
    yield from _batches(config)
    yield from _names(config)
    yield from _profiles(config)
    yield from _engines(config)
    yield from _times(config)
    yield from _schedule(config)


def _folders(config: Config) -> Iterator[Problem]:
    places = [
        _Place(entry, key, path)
        for entry, watch in enumerate(config.watch)
        for key, path in watch.places().items()
    ]
    for one, other in combinations(places, 2):
        if one.path == other.path:
            if not _may_be_shared(one, other):
                yield other.at, f"{other.path} is {dotted(one.at)} already; each needs a folder of its own"
            continue
        inner, outer = (one, other) if other.path in one.path.parents else (other, one)
        if outer.key == "inbox" and outer.path in inner.path.parents and _sees(config, outer, inner):
            yield inner.at, f"{inner.path} lies inside {outer}, which would take in what comes there"


def _cache(config: Config) -> Iterator[Problem]:
    if config.cache.dir is None:
        return
    cache = Path(os.path.realpath(config.cache.dir))
    for entry, watch in enumerate(config.watch):
        inbox = _Place(entry, "inbox", watch.places()["inbox"])
        if cache == inbox.path or (inbox.path in cache.parents and watch.recursive):
            yield ("cache", "dir"), f"{cache} lies inside {inbox}, which would take in what comes there"


def _batches(config: Config) -> Iterator[Problem]:
    for entry, watch in enumerate(config.watch):
        if watch.deliver is Deliver.FOLDERS and not watch.recursive:
            recursive = dotted(("watch", entry, "recursive"))
            yield ("watch", entry, "deliver"), f"folders, but {recursive} is false: none would be watched"


def _may_be_shared(one: _Place, other: _Place) -> bool:
    """Only what is numbered on collision, and only by different watch folders."""
    return one.key == other.key and one.key in {"originals", "failed"}


def _sees(config: Config, inbox: _Place, inner: _Place) -> bool:
    return config.watch[inbox.entry].recursive or inner.key == "inbox"


def _names(config: Config) -> Iterator[Problem]:
    for (one, first), (other, second) in combinations(enumerate(config.watch), 2):
        if first.name is not None and first.name == second.name:
            taken = dotted(("watch", one, "name"))
            yield ("watch", other, "name"), f"{second.name!r} is {taken} already; each needs its own"


def _profiles(config: Config) -> Iterator[Problem]:
    for entry, watch in enumerate(config.watch):
        if watch.profile not in config.profiles:
            like = difflib.get_close_matches(watch.profile, config.profiles, 1)
            hint = f"did you mean {like[0]}?" if like else f"there are: {', '.join(config.profiles)}"
            yield ("watch", entry, "profile"), f"{watch.profile!r} is not a key of profiles, {hint}"


def _engines(config: Config) -> Iterator[Problem]:
    engine, providers = config.models.engine, config.models.providers
    if engine is Engine.OPENVINO:
        if providers != (Provider.CPU,):
            problem = (
                "these are for models.engine: onnxruntime; openvino runs on the CPU, and takes [cpu] only"
            )
            yield ("models", "providers"), problem
        if config.binding not in ("auto", "none"):
            problem = (
                "models.engine: openvino keeps to the CPUs of the process, not to a list: give auto or none, "
                f"and start watchd with `taskset -c {config.binding}` (systemd: CPUAffinity={config.binding})"
            )
            yield ("binding",), problem
        return
    for name, recipe in config.profiles.items():
        if recipe.precision is Precision.BF16:
            problem = "bf16 needs models.engine: openvino (pip install 'watchd[openvino]')"
            yield ("profiles", name, "precision"), problem


def _times(config: Config) -> Iterator[Problem]:
    for entry, watch in enumerate(config.watch):
        if watch.settle_timeout <= watch.settle:
            settle = dotted(("watch", entry, "settle"))
            problem = f"{watch.settle_timeout:g}s is not longer than {settle} ({watch.settle:g}s)"
            yield ("watch", entry, "settle_timeout"), problem


def _schedule(config: Config) -> Iterator[Problem]:
    for entry, quiet in enumerate(config.schedule):
        most = config.threads.workers
        if most is not None and quiet.workers > most:
            yield ("schedule", entry, "workers"), f"{quiet.workers} is more than threads.workers ({most})"
    for (one, first), (other, second) in combinations(enumerate(config.schedule), 2):
        if first.window().overlaps(second.window()):
            taken = dotted(("schedule", one))
            yield ("schedule", other, "hours"), f"overlaps {taken}: at any time only one may hold"
