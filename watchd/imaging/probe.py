"""How fast cutouts, or networks alone, are by one thread plan: measured in a process of its own.

So no plan has the memory, the pinning or the helper threads of another.
"""

import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL import Image, ImageDraw

from watchd.domain.profile import Encode, Refine
from watchd.domain.tunereport import Pace
from watchd.imaging.apart import apart
from watchd.imaging.compose import compose
from watchd.imaging.cpus import ThreadPlan
from watchd.imaging.decode import open_picture
from watchd.imaging.encode import encode
from watchd.imaging.memory import give_back_what_is_freed
from watchd.imaging.pace import pace
from watchd.imaging.segment import Segmenter

_PATIENCE_S = 300
"""For a large network to load, and for each worker to make one picture or two with it."""

Load = Callable[[str, ThreadPlan], Segmenter]


@dataclass(frozen=True, slots=True)
class Probe:
    """`load` is called in the process, and so is a function of some module, or a partial of one.

    `seconds` are from the start of the process, at least half of them for measuring.
    """

    model: str
    plan: ThreadPlan
    load: Load
    encode: Encode
    seconds: float
    refine: Refine = Refine.NONE
    decontaminate: bool = False


def measure(probe: Probe) -> Pace:
    """How fast cutouts of a photo are made, from its file to theirs. Blocks. ProbeError."""
    begun = time.perf_counter()  # the same clock in every process
    return apart(partial(_line, probe, begun), round(_PATIENCE_S + probe.seconds))


def measure_network(model: str, plan: ThreadPlan, load: Load, seconds: float) -> tuple[float, Pace]:
    """How long it takes until a network has answered once, in seconds, and how fast it answers from then on.

    `load` is as in Probe, `seconds` are those of the latter. Blocks. ProbeError.
    """
    return apart(partial(_network, model, plan, load, seconds), round(_PATIENCE_S + seconds))


def _line(probe: Probe, begun: float) -> Pace:
    give_back_what_is_freed()
    segmenter = probe.load(probe.model, probe.plan)
    photo = drawn_photo()

    def cut_out() -> None:
        picture = open_picture(io.BytesIO(photo), "photo.jpg", 1 << 24).load()
        mask = segmenter(segmenter.shrink(picture.seen()))
        cutout = compose(picture, mask, probe.refine, decontaminate=probe.decontaminate)
        encode(cutout, picture.icc, picture.dpi, {}, probe.encode)

    cut_out()  # the first one allocates
    until = max(begun + probe.seconds, time.perf_counter() + probe.seconds / 2)
    return pace(cut_out, probe.plan.worker_cpus, until)


def _network(model: str, plan: ThreadPlan, load: Load, seconds: float) -> tuple[float, Pace]:
    give_back_what_is_freed()
    picture = open_picture(io.BytesIO(drawn_photo()), "photo.jpg", 1 << 24).load()
    begun = time.perf_counter()
    segmenter = load(model, plan)
    small = segmenter.shrink(picture.seen())
    segmenter(small)
    now = time.perf_counter()
    return now - begun, pace(lambda: segmenter(small), plan.worker_cpus, now + seconds)


def drawn_photo() -> bytes:
    """A JPEG of 1.5 megapixels with a subject, and about as much detail as a photograph has."""
    rng = np.random.default_rng(1)
    blurred = Image.fromarray(rng.integers(40, 120, (60, 90, 3), np.uint8))
    image = blurred.resize((1500, 1000), Image.Resampling.BICUBIC)
    ImageDraw.Draw(image).ellipse((450, 150, 1050, 850), "gold", "firebrick", 40)
    grain = rng.integers(0, 12, (1000, 1500, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(np.asarray(image) + grain).save(file, "JPEG", quality=90)
    return file.getvalue()
