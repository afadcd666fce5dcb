"""One fake per seam, drawn pictures, and the few words that many tests share."""

import io
import os
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from watchd.domain.events import Event
from watchd.domain.job import Job, JobId, SourceFile, Stamp
from watchd.domain.profile import WatchFolder
from watchd.domain.tunereport import Pace
from watchd.imaging.probe import Probe
from watchd.imaging.segment import Segmenter
from watchd.store.cachefolder import CacheTree
from watchd.store.claims import Holder
from watchd.store.maskcache import MaskCache
from watchd.store.outputcache import OutputCache
from watchd.work.maskmemory import MaskMemory
from watchd.work.recall import Recall, space_of
from watchd.work.singleflight import SingleFlight

SUFFIXES = {
    "JPEG": "jpg",
    "PNG": "png",
    "WEBP": "webp",
    "TIFF": "tif",
    "GIF": "gif",
    "BMP": "bmp",
    "AVIF": "avif",
}
"""Every format that is read, and how its files are called."""


class ManualClock:
    """Seconds that pass only when a test says so."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class FakeClaims:
    """Claims in memory; `others` are the keys that another daemon has."""

    def __init__(self) -> None:
        self.held: dict[str, str] = {}
        self.others: set[str] = set()
        self.released: list[str] = []
        self.trouble: OSError | None = None
        self._count = 0

    def acquire(self, key: str) -> str | None:
        self._perhaps_trouble()
        if key in self.held or key in self.others:
            return None
        self._count += 1
        self.held[key] = f"fake-{self._count}"
        return self.held[key]

    def holds(self, key: str, token: str) -> bool:
        self._perhaps_trouble()
        return self.held.get(key) == token

    def release(self, key: str, token: str) -> None:
        self._perhaps_trouble()
        if self.held.get(key) == token:
            del self.held[key]
            self.released.append(key)

    def refresh(self) -> None:
        self._perhaps_trouble()

    def sweep(self) -> None:
        self._perhaps_trouble()

    def lose(self, key: str) -> None:
        """Another daemon takes the source over."""
        del self.held[key]
        self.others.add(key)

    def _perhaps_trouble(self) -> None:
        if self.trouble is not None:
            raise self.trouble


class RecordingListener:
    """Remembers every event it is told."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.events.append(event)

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


class FakeSegmenter:
    """Says that the middle of every picture is the subject; `meanwhile` runs while it thinks."""

    def __init__(self) -> None:
        self.recipe: dict[str, object] = {"weights": "fake"}
        self.sizes: list[tuple[int, int]] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def shrink(self, image: Image.Image) -> Image.Image:
        return image.resize((320, 320), Image.Resampling.LANCZOS)

    def __call__(self, small: Image.Image) -> np.ndarray:
        self.sizes.append(small.size)
        self.meanwhile()
        mask = np.zeros((32, 32), np.uint8)
        mask[8:24, 8:24] = 255
        return mask


def recall_of(
    folder: WatchFolder,
    segmenter: Segmenter,
    counts: Counter[str] | None = None,
    flights: SingleFlight | None = None,
    **changes: Any,
) -> Recall:
    """What is remembered in the sidecar of a watch folder."""
    counted: Counter[str] = Counter() if counts is None else counts

    def count(name: str, by: float) -> None:
        counted[name] += by  # type: ignore[assignment]  # seconds, too

    tree = CacheTree(folder.sidecar / "cache")
    masks = MaskCache(tree, space_of(folder.profile.model, segmenter))
    return Recall(
        masks=MaskMemory(masks, count),
        outputs=OutputCache(tree),
        segmenter=segmenter,
        profile=folder.profile,
        maker="test",
        flights=flights or SingleFlight(),
        count=count,
        **changes,
    )


class FakeMeasure:
    """Says how many pictures a second; `speed` is asked with the probe and how often it came before."""

    def __init__(self, speed: Callable[[Probe, int], float] = lambda _probe, _turn: 5.0) -> None:
        self.asked: list[Probe] = []
        self._speed = speed

    def __call__(self, probe: Probe) -> Pace:
        turn = self.asked.count(probe)
        self.asked.append(probe)
        speed = self._speed(probe, turn)
        return Pace(speed, 1 / speed, 2 / speed, 3 / speed, int(speed * 1e6))


class Crashes:
    """An `OnCrash` that remembers; `told` is set with the first."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, BaseException]] = []
        self.told = threading.Event()

    def __call__(self, thread: str, error: BaseException) -> None:
        self.seen.append((thread, error))
        self.told.set()


def wait_until(condition: Callable[[], object], within_s: float = 20.0) -> None:
    """Returns once `condition()` is true; AssertionError when that takes longer than `within_s`."""
    deadline = time.monotonic() + within_s
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, f"did not become true within {within_s} s"
        pause.wait(0.005)


def free_port() -> int:
    """One that nobody listens at, below those that the kernel gives to whoever asks for any."""
    while True:
        port = random.SystemRandom().randrange(10_000, 32_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


@contextmanager
def os_error(*codes: int) -> Iterator[None]:
    """Expects an OSError; of one of these numbers, if any are given."""
    with pytest.raises(OSError) as caught:  # noqa: PT011 - its number is asked for below
        yield
    assert not codes or caught.value.errno in codes, caught.value


def draw(width: int = 64, height: int = 48, mode: str = "RGB") -> Image.Image:
    """A small scene: a sky that gets lighter, a red ball, a little grain that compresses badly."""
    down = np.linspace(60, 200, height, dtype=np.float32)[:, None]
    grain = np.random.default_rng(7).normal(0, 12, (height, width))
    pixels = np.stack([down + grain, down / 2 + grain, 220 - down / 2 + grain], axis=2)
    image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    ImageDraw.Draw(image).ellipse((width // 4, height // 4, width * 3 // 4, height * 3 // 4), "firebrick")
    return image.convert(mode)


def encoded(kind: str = "JPEG", image: Image.Image | None = None, **options: Any) -> bytes:
    """The bytes of a picture file."""
    file = io.BytesIO()
    (image or draw()).save(file, kind, **options)
    return file.getvalue()


def watch_folder(root: Path, **changes: Any) -> WatchFolder:
    """A watch folder below `root`, with its folders made."""
    folder = WatchFolder(
        name="photos",
        inbox=root / "inbox",
        outbox=root / "outbox",
        originals=root / "originals",
        failed=root / "failed",
        sidecar=root / ".watchd",
    )
    folder = replace(folder, **changes)
    for place in folder.places().values():
        place.mkdir(parents=True, exist_ok=True)
    return folder


def put(root: Path, relative: str, data: bytes = b"picture") -> SourceFile:
    """Writes a file below `root` and says how it settled."""
    path = os.path.join(root, relative)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)
    return settled(root, relative)


def settled(root: Path, relative: str) -> SourceFile:
    """What stands at `relative` now, as a settled file."""
    return SourceFile(relative, Stamp.of(os.lstat(os.path.join(root, relative))))


def job(folder: WatchFolder, source: SourceFile | str = "a.jpg", token: str = "t-1", fault: str = "") -> Job:
    if isinstance(source, str):
        source = SourceFile(source, Stamp(1, 2, 3, 4))
    return Job(JobId(source.key[:8]), folder, source, token, fault)


def names(folder: Path) -> list[str]:
    """Every file below a folder, hidden ones too."""
    return sorted(
        os.path.relpath(os.path.join(above, name), folder)
        for above, _, files in os.walk(folder)
        for name in files
    )


def dead_process() -> Holder:
    """One that had our number before us."""
    me = Holder.myself()
    return Holder(me.space, me.pid, me.started_ticks - 1)


class Deaths:
    """Attempts that are begun and never left, as when their process is killed."""

    def __init__(self) -> None:
        self._begun: list[Any] = []

    def in_the_middle_of(self, attempt: Any) -> Any:
        """What the attempt gives on entering; it is left only when the test is over."""
        self._begun.append(attempt)
        return attempt.__enter__()

    def bury(self) -> None:
        for attempt in self._begun:
            attempt.__exit__(None, None, None)
