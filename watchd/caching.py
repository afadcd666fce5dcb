"""Says what each watch folder remembers with: builds the parts of the caches from a Config."""

import math
import random
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from watchd.background import Grace, OnCrash
from watchd.config.schema import Config
from watchd.domain.profile import Profile, WatchFolder
from watchd.imaging.segment import Segmenter
from watchd.store.cachefolder import CacheTree, open_cache
from watchd.store.claims import FileClaims
from watchd.store.counters import Counters
from watchd.store.eviction import CacheLimits, sweep
from watchd.store.maskcache import MaskCache
from watchd.store.outputcache import OutputCache
from watchd.store.room import Room
from watchd.work.janitor import Chore
from watchd.work.maskmemory import MaskMemory
from watchd.work.processor import MAKER
from watchd.work.recall import Recall, recipe_of, space_of
from watchd.work.singleflight import SingleFlight

if TYPE_CHECKING:
    from watchd.lending import Lending

_REFRESH_EVERY_S = 30.0
_SAVE_EVERY_S = 60.0
_STOPPED_EVERY_S = 60.0
_LOOK_EVERY_S = 10.0  # whether a sweep is due, for its interval may change


class CacheFolder:
    """One folder of the cache, with the masks of every model in use; several watch folders may share it."""

    def __init__(self, root: Path, config: Config, lending: "Lending | None") -> None:
        self._lending = lending
        self._tree = CacheTree(root)
        self._room = Room(self._tree)
        self._counters = Counters(self._tree)
        self._masks: dict[str, MaskCache] = {}
        self._outputs = OutputCache(self._tree, room=self._room)
        self._claims = FileClaims(self._tree, config.lease)
        self._flights = SingleFlight()
        self._limits, self._sweep_every_s = CacheLimits(), 0.0
        self._swept_at = -math.inf
        self._jitter = 1.0
        self._closing = threading.Event()
        self.chores = (
            Chore(f"sweep the cache {root}", _LOOK_EVERY_S, self._sweep_if_due, at_start=True),
            Chore(f"save the counters of {root}", _SAVE_EVERY_S, self._counters.save),
            Chore(f"look for news in {root}", _REFRESH_EVERY_S, self._refresh, at_start=True),
        )
        self.urgent_chores = (Chore(f"refresh the claims of {root}", config.lease / 4, self._refresh_claims),)
        self.follow(config)

    def recall(self, profile: Profile, segmenter: Segmenter) -> Recall:
        space = space_of(profile.model, segmenter)
        if space not in self._masks:
            self._masks[space] = self._space(space, segmenter)
        return Recall(
            masks=MaskMemory(self._masks[space], self._count),
            outputs=self._outputs,
            segmenter=segmenter,
            profile=profile,
            maker=MAKER,
            flights=self._flights,
            count=self._count,
        )

    def follow(self, config: Config) -> None:
        """What is live of it holds from now on."""
        cache = config.cache
        self._in_use = any(
            profile.cache.enabled
            for folder in config.watch_folders()
            for profile in (folder.profile, *folder.choices)
        )
        self._limits = CacheLimits(cache.ttl, cache.max_age, cache.max_size, cache.outputs.max_size)
        self._sweep_every_s = cache.cleanup_interval
        among_us = self._claims if cache.shared else None
        self._flights.claims = self._lending.claims if self._lending else among_us

    def close(self) -> None:
        """Ends a sweep that is under way."""
        self._closing.set()
        with suppress(OSError):
            self._counters.save()

    def _space(self, space: str, segmenter: Segmenter) -> MaskCache:
        remote = self._lending.remote(space) if self._lending else None
        recipe = recipe_of(segmenter)
        masks = MaskCache(self._tree, space, remote=remote, room=self._room, recipe=recipe)
        if self._lending is not None:
            self._lending.follow(space, masks)
        return masks

    def _count(self, name: str, by: float) -> None:
        if not by:
            return
        self._counters.add(name, by)
        if self._lending is not None:
            self._lending.count(name, by)

    @property
    def _claiming(self) -> bool:
        return self._in_use and self._flights.claims is self._claims

    def _refresh_claims(self) -> None:
        if self._claiming:
            self._claims.refresh()

    def _sweep_if_due(self) -> None:
        """Sooner where the cache has stopped writing: a sweep may make room."""
        every_s = self._sweep_every_s * self._jitter
        if self._room.stopped:
            every_s = min(every_s, _STOPPED_EVERY_S)
        if time.monotonic() - self._swept_at >= every_s:
            self._swept_at, self._jitter = time.monotonic(), random.uniform(0.8, 1.2)
            self._sweep()

    def _sweep(self) -> None:
        swept = sweep(self._tree, self._limits, time.time(), self._closing.is_set)
        self._room.look()
        if swept is not None:
            self._count("evicted_ttl", swept.masks.by_ttl + swept.outputs.by_ttl)
            self._count("evicted_size", swept.masks.by_size + swept.outputs.by_size)
        if self._claiming:
            self._claims.sweep()

    def _refresh(self) -> None:
        for masks in tuple(self._masks.values()):
            masks.refresh()


class Caches:
    """The caches of all watch folders, one a place; open while entered.

    One thread opens and closes them, and may while others use them.
    """

    def __init__(self, config: Config, lending: "Lending | None" = None) -> None:
        self._config = config
        self._lending = lending
        self._by_root: dict[Path, CacheFolder] = {}
        self._life = ExitStack()

    def recall(self, folder: WatchFolder, profile: Profile, segmenter: Segmenter) -> Recall:
        """What a watch folder remembers with. Makes the cache's folder, if it is used, and reads nothing.

        Any thread, of a place and a network that were asked for before.
        """
        root = self._config.cache_of(folder)
        if root not in self._by_root:
            self._by_root[root] = CacheFolder(root, self._config, self._lending)
        if profile.cache.enabled:
            open_cache(root)
        return self._by_root[root].recall(profile, segmenter)

    def __enter__(self) -> Self:
        if self._lending is not None:
            self._life.enter_context(self._lending)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._life.close()
        self.keep(())

    def keep(self, folders: Iterable[WatchFolder]) -> None:
        """Closes the caches that none of these watch folders use."""
        used = {self._config.cache_of(folder) for folder in folders}
        for root in self._by_root.keys() - used:
            self._by_root.pop(root).close()

    def follow(self, config: Config) -> None:
        """What is live of it holds from now on."""
        self._config = config
        for cache in self._by_root.values():
            cache.follow(config)

    def chores(self) -> Iterator[Chore]:
        for cache in self._by_root.values():
            yield from cache.chores
        if self._lending is not None:
            yield from self._lending.chores

    def urgent_chores(self) -> Iterator[Chore]:
        for cache in self._by_root.values():
            yield from cache.urgent_chores
        if self._lending is not None:
            yield from self._lending.urgent_chores


def lending_of(config: Config, on_crash: OnCrash, grace: Grace) -> "Lending | None":
    """What shares masks with other hosts, if that is configured. ConfigError: its package is missing."""
    if config.cache.redis is None or not config.cache.enabled:
        return None
    from watchd.lending import Lending

    return Lending(config.cache.redis, config.cache.ttl, config.lease, on_crash, grace)
