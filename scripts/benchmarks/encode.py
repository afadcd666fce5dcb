"""PNG encoding: ours against other ways to write the same cutouts, for speed on 1 and 2 threads, and size."""

import argparse
import io
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from statistics import mean, median

import numpy as np
import pictures
from PIL import Image
from place import machine, model_file, warn_if_busy

from watchd.domain.profile import Encode
from watchd.imaging.arrays import Mask, Rgba
from watchd.imaging.compose import Cutout, compose
from watchd.imaging.cpus import ThreadPlan
from watchd.imaging.decode import Picture
from watchd.imaging.encode import encode
from watchd.imaging.models import find
from watchd.imaging.session import load_segmenter

Way = Callable[[Cutout], bytes]


@dataclass(frozen=True, slots=True)
class Spent:
    """What one way took: for all cutouts once, in turn, and by two threads that each do them all."""

    alone_s: float
    both_s: float
    sizes: list[int]


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", default="u2netp", help="builtin, u2netp or an .onnx file of that family")
    parser.add_argument("--times", type=int, default=5, help="how often each is encoded (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="few pictures: shows that it works")


def run(asked: argparse.Namespace) -> None:
    """The time is that from picture and mask to the bytes of the file: to compose is part of it."""
    warn_if_busy()
    print(machine())
    print(f"{'':24}{'MB/s':>6}{'ratio':>8}{'2 threads':>11}{'size':>7}{'largest':>9}")
    segmenter = load_segmenter(find(str(model_file(asked.model)), {}), lambda: ThreadPlan(1, 1, 1, (None,)))
    for kind in ("small", "medium", "large"):
        photos = [Picture(image) for image in _images(pictures.folder(kind, asked.quick))]
        cut = [compose(photo, segmenter(segmenter.shrink(photo.image))) for photo in photos]
        _table(f"{pictures.KINDS[kind].title}, cut out", cut, asked.times)
        if kind == "medium":
            _table("1.5 MP, all opaque", [compose(photo, _OPAQUE) for photo in photos], asked.times)


_OPAQUE: Mask = np.full((320, 320), 255, np.uint8)


def _images(folder: Path) -> Iterator[Image.Image]:
    for path in sorted(folder.iterdir()):
        with Image.open(path) as image:
            yield image.convert("RGB")


def _table(title: str, cutouts: list[Cutout], times: int) -> None:
    print(title)
    spent = _in_turn(cutouts, times)
    small = spent["encode: small"]
    megabytes = sum(4 * cutout.size[0] * cutout.size[1] for cutout in cutouts) / 1e6
    for name, each in spent.items():
        larger = [size / least for size, least in zip(each.sizes, small.sizes, strict=True)]
        ratio, threads = small.alone_s / each.alone_s, 2 * each.alone_s / each.both_s
        cells = f"{megabytes / each.alone_s:.0f}", f"×{ratio:.1f}", f"×{threads:.2f}"
        print(f"  {name:22}{cells[0]:>6}{cells[1]:>8}{cells[2]:>11}{mean(larger):7.2f}{max(larger):9.2f}")


def _in_turn(cutouts: list[Cutout], times: int) -> dict[str, Spent]:
    """The medians; one way after the other in each round, so that all meet the same machine."""
    ways = _ways()
    alone_s: dict[str, list[float]] = {name: [] for name in ways}
    both_s: dict[str, list[float]] = {name: [] for name in ways}
    with ThreadPoolExecutor(2) as threads:
        for _ in range(times):
            for name, way in ways.items():
                alone_s[name].append(_seconds(threads, way, [cutouts]))
                both_s[name].append(_seconds(threads, way, [cutouts, cutouts[::-1]]))
    return {
        name: Spent(median(alone_s[name]), median(both_s[name]), [len(way(cutout)) for cutout in cutouts])
        for name, way in ways.items()
    }


def _seconds(threads: ThreadPoolExecutor, way: Way, shares: list[list[Cutout]]) -> float:
    begun = time.perf_counter()
    list(threads.map(lambda share: _all(way, share), shares))
    return time.perf_counter() - begun


def _all(way: Way, cutouts: Iterable[Cutout]) -> None:
    for cutout in cutouts:
        way(cutout)


def _ways() -> dict[str, Way]:
    """Ours, Pillow's own, and of fpng and libvips what happens to be installed here."""
    ways: dict[str, Way] = {
        "encode: fast": lambda cutout: encode(cutout, None, None, {}, Encode.FAST),
        "encode: small": lambda cutout: encode(cutout, None, None, {}, Encode.SMALL),
        "Pillow, level 1, RLE": lambda cutout: _pillow(cutout.whole()),
    }
    if find_spec("fpng_py"):
        ways["fpng"] = lambda cutout: _fpng(cutout.whole())
    if find_spec("pyvips"):
        ways["libvips, level 1, Up"] = lambda cutout: _vips(cutout.whole())
    return ways


def _pillow(pixels: Rgba) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1, compress_type=zlib.Z_RLE)
    return file.getvalue()


def _fpng(pixels: Rgba) -> bytes:
    height, width, channels = pixels.shape
    data: bytes = import_module("fpng_py").fpng_encode_image_to_memory(
        pixels.tobytes(), width, height, channels
    )
    return data


def _vips(pixels: Rgba) -> bytes:
    data: bytes = (
        import_module("pyvips").Image.new_from_array(pixels).pngsave_buffer(compression=1, filter="up")
    )
    return data
