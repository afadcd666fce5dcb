"""Small files that promise or unfold into enormous ones: rejected, with memory within its limit."""

import hashlib
import json
import os
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from commands import daemon
from fakes import draw, encoded, wait_until
from oracle import assert_converged, assert_nothing_lost
from PIL import Image

MB = 1 << 20

pytestmark = pytest.mark.alone


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *extra: bytes, rows: int = 1) -> bytes:
    """RGB; its pixels are zeros, of as many rows as are given."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes((1 + 3 * width) * rows), 9)
    chunks = [chunk(b"IHDR", header), *extra, chunk(b"IDAT", data), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def zeros(megabytes: int) -> bytes:
    """A stream that unfolds into so many megabytes, a thousandth of them long."""
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(MB)) for _ in range(megabytes)) + packer.flush()


def gif(width: int, height: int) -> bytes:
    data = bytearray(encoded("GIF", draw(40, 30, "P")))
    at = data.index(b"\x2c\0\0\0\0")
    struct.pack_into("<HH", data, 6, width, height)
    struct.pack_into("<HH", data, at + 5, width, height)
    return bytes(data)


def tiff(*tags: tuple[int, int]) -> bytes:
    """With the values of these tags replaced, wherever they stand."""
    data = bytearray(encoded("TIFF", draw(40, 30)))
    start = struct.unpack_from("<I", data, 4)[0]
    for index in range(struct.unpack_from("<H", data, start)[0]):
        at = start + 2 + 12 * index
        for tag, value in tags:
            if struct.unpack_from("<H", data, at)[0] == tag:
                struct.pack_into("<HII", data, at + 2, 4, 1, value)
    return bytes(data)


def webp() -> bytes:
    """The largest that a lossless header can promise: 16384 squared."""
    data = bytearray(encoded("WEBP", draw(40, 30), lossless=True))
    data[21:24] = b"\xff\xff\xff"
    return bytes(data)


def bmp(width: int, height: int) -> bytes:
    data = bytearray(encoded("BMP", draw(40, 30)))
    struct.pack_into("<ii", data, 18, width, height)
    return bytes(data)


def avif() -> bytes:
    """With a size in its properties (ispe) that its pixels do not have."""
    data = bytearray(encoded("AVIF", draw(64, 48)))
    at = data.index(b"ispe")
    struct.pack_into(">II", data, at + 8, 60_000, 60_000)
    return bytes(data)


def jpeg(width: int, height: int) -> bytes:
    data = bytearray(encoded("JPEG", draw(40, 30)))
    at = data.index(b"\xff\xc0")
    struct.pack_into(">HH", data, at + 5, height, width)
    return bytes(data)


BOMBS: dict[str, Callable[[], bytes]] = {
    "png-60000.png": lambda: png(60_000, 60_000),
    "png-max.png": lambda: png(2**31 - 1, 2**31 - 1),
    "png-real.png": lambda: png(30_000, 20_000, rows=2000),
    "png-ztxt.png": lambda: png(40, 30, *[chunk(b"zTXt", b"a\0\0" + zeros(200))] * 20, rows=30),
    "png-itxt.png": lambda: png(40, 30, *[chunk(b"iTXt", b"a\0\1\0\0\0" + zeros(200))] * 20, rows=30),
    "png-iccp.png": lambda: png(40, 30, chunk(b"iCCP", b"a\0\0" + zeros(1000)), rows=30),
    "png-rows.png": lambda: png(40, 30, rows=10_000_000),
    "gif.gif": lambda: gif(65_535, 65_535),
    "tiff-size.tif": lambda: tiff((256, 100_000), (257, 100_000)),
    "tiff-strip.tif": lambda: tiff((278, 2**32 - 1), (279, 2**32 - 1)),
    "tiff-max.tif": lambda: tiff((256, 2**32 - 1), (257, 2**32 - 1)),
    "webp.webp": webp,
    "bmp.bmp": lambda: bmp(60_000, 60_000),
    "bmp-down.bmp": lambda: bmp(2**31 - 1, -(2**31)),
    "avif.avif": avif,
    "jpeg.jpg": lambda: jpeg(65_500, 65_500),
}

HARMLESS = {"png-iccp.png", "png-rows.png"}
"""Whose bomb Pillow leaves unexploded, so that the picture around it may be delivered."""


class Peak:
    """The most memory that a process and its children have at once, while entered."""

    def __init__(self, pid: int) -> None:
        self.bytes = 0
        self._top = psutil.Process(pid)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="peak")

    def __enter__(self) -> "Peak":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stopping.wait(0.01):
            try:
                tree = [self._top, *self._top.children(recursive=True)]
                self.bytes = max(self.bytes, sum(each.memory_info().rss for each in tree))
            except psutil.NoSuchProcess:
                continue


@contextmanager
def measured(root: Path, tiny: Path, **environ: str) -> Iterator[Peak]:
    """A daemon whose memory is watched from its first small picture on; `grown` is in bytes."""
    root.mkdir()
    (root / "config.yaml").write_text("watch:\n  - root: .\n    settle: 200ms\n    settle_timeout: 2s\n")
    with daemon(root, "--model", tiny, **environ) as process:
        (root / "inbox" / "first.jpg").write_bytes(encoded("JPEG", draw(200, 150)))
        wait_until((root / "originals" / "first.jpg").exists, within_s=60)
        with Peak(process.pid) as peak:
            yield peak
            # It lives, and works.
            (root / "inbox" / "last.jpg").write_bytes(encoded("JPEG", draw(210, 150)))
            wait_until((root / "originals" / "last.jpg").exists, within_s=60)
        assert process.poll() is None


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("isolation", ["none", "process"])
def test_bombs_of_every_format_are_rejected_within_the_limit_of_memory(
    root: Path, tiny: Path, isolation: str
) -> None:
    inputs: dict[str, str] = {}
    environ = {"WATCHD_LIMITS_MEMORY": "500MB", "WATCHD_THREADS_WORKERS": "4", "WATCHD_ISOLATION": isolation}
    with measured(root, tiny, **environ) as peak:
        for name, make in BOMBS.items():
            data = make()
            (root / "inbox" / name).write_bytes(data)
            inputs[name] = hashlib.sha256(data).hexdigest()
        wait_until(lambda: not os.listdir(root / "inbox"), within_s=120)
        assert_nothing_lost(root, inputs)

    failed = {path.name for path in (root / "failed").iterdir()}
    assert set(BOMBS) - HARMLESS <= failed
    for name in failed:
        if name.endswith(".error.json"):
            assert json.loads((root / "failed" / name).read_text())["advice"]
    assert peak.bytes < 1500 * MB, f"{peak.bytes / MB:.0f} MB"


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")  # in the oracle's own eyes
@pytest.mark.parametrize("isolation", ["none", "process"])
def test_eight_honest_pictures_of_100_megapixels_stay_within_the_limit_of_memory(
    root: Path, tiny: Path, isolation: str
) -> None:
    # One at a time is what a gigabyte has room for; eight would take thirteen.
    data = encoded("JPEG", Image.linear_gradient("L").resize((12_500, 8000)).convert("RGB"), quality=60)
    environ = {"WATCHD_LIMITS_MEMORY": "1GB", "WATCHD_THREADS_WORKERS": "8", "WATCHD_ISOLATION": isolation}
    inputs: dict[str, str] = {}
    with measured(root, tiny, **environ) as peak:
        for number in range(8):
            one = data + bytes([number])
            (root / "inbox" / f"{number}.jpg").write_bytes(one)
            inputs[f"{number}.jpg"] = hashlib.sha256(one).hexdigest()
        wait_until(lambda: not os.listdir(root / "inbox"), within_s=300)

    for name, width in (("first.jpg", 200), ("last.jpg", 210)):
        inputs[name] = hashlib.sha256(encoded("JPEG", draw(width, 150))).hexdigest()
    assert peak.bytes < 1700 * MB, f"{peak.bytes / MB:.0f} MB"
    assert_converged(root, inputs)
