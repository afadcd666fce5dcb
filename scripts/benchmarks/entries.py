"""A cache folder with very many masks: how long its names take to be read, and one to be found."""

import os
import time
from pathlib import Path
from statistics import median

import numpy as np

from watchd.store.cachefolder import FORMAT, open_cache
from watchd.store.entryname import EntryName
from watchd.store.maskcache import MaskCache

_SPACE = "bench-000000000000"
_LOOKUPS = 2000
_MAX_DISTANCE = 16


class ManyMasks:
    """Only their names, below a folder which is made: no content is read at the start or in a lookup."""

    def __init__(self, root: Path, count: int) -> None:
        self._tree = open_cache(root)
        random = np.random.default_rng(0)
        self._names = [
            EntryName(random.bytes(32).hex(), 1500, 1000, random.bytes(8).hex()) for _ in range(count)
        ]
        by_shard: dict[str, list[str]] = {}
        for name in self._names:
            by_shard.setdefault(name.shard, []).append(str(name))
        for shard, names in by_shard.items():
            folder = root / FORMAT / _SPACE / shard
            folder.mkdir(parents=True)
            for each in names:
                os.close(os.open(folder / each, os.O_CREAT | os.O_WRONLY))

    def start_s(self, times: int = 5) -> float:
        """The files' names are in the kernel's memory, as after a restart of the daemon alone."""
        return median(self._started()[1] for _ in range(times))

    def lookup_s(self) -> float:
        """By digest and by likeness, as each picture is looked for that has no finished cutout."""
        masks, _ = self._started()
        chosen = np.random.default_rng(1).choice(len(self._names), _LOOKUPS)
        wanted = [self._names[number] for number in chosen]
        begun = time.perf_counter()
        found = [(masks.find(name.sha16), masks.near(name.phash, _MAX_DISTANCE)[0]) for name in wanted]
        taken_s = time.perf_counter() - begun
        assert found == [(name, (0, name)) for name in wanted]
        return taken_s / _LOOKUPS

    def _started(self) -> tuple[MaskCache, float]:
        masks = MaskCache(self._tree, _SPACE)
        begun = time.perf_counter()
        masks.refresh()
        taken_s = time.perf_counter() - begun
        assert len(masks) == len(self._names)
        return masks, taken_s
