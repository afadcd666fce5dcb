"""How fast cutouts are made by one thread plan: measured in a process of its own.

So no plan has the memory, the pinning or the helper threads of another.
"""

import contextlib
import io
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageDraw

from watchd.domain.errors import WatchdError
from watchd.domain.profile import Encode
from watchd.domain.tunereport import Pace
from watchd.imaging.compose import compose
from watchd.imaging.cpus import ThreadPlan
from watchd.imaging.decode import open_picture
from watchd.imaging.encode import encode
from watchd.imaging.lifeline import die_with
from watchd.imaging.memory import give_back_what_is_freed
from watchd.imaging.pace import pace
from watchd.imaging.segment import Segmenter

_PATIENCE_S = 180
"""For a large network to load, and for each worker to make one picture with it."""


Load = Callable[[str, ThreadPlan], Segmenter]


class ProbeError(WatchdError):
    """Nothing was measured, for the reason that it says."""


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


def measure(probe: Probe) -> Pace:
    """Blocks; when it is left, however that is, the process is gone. ProbeError."""
    with tempfile.TemporaryFile() as said:
        # A process group of its own: Ctrl-C in a terminal is for us, who end it.
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "watchd.imaging.probe"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            bufsize=0,
            process_group=0,
        )
        with process:
            try:
                answer = _asked(process, probe)
                code = process.wait()
            finally:
                process.kill()
                process.wait()
        if code == 0:
            found = pickle.loads(answer)
            if isinstance(found, Pace):
                return found
            raise ProbeError(found)
        raise ProbeError(_obituary(code, said))


def _asked(process: "subprocess.Popen[bytes]", probe: Probe) -> bytes:
    """Its answer; less than that if it dies."""
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(pickle.dumps(probe))  # and not closed: the child lives as long as it is open
    return process.stdout.read()


def _obituary(code: int, said: BinaryIO) -> str:
    if code == -signal.SIGALRM:
        return f"took more than {_PATIENCE_S} s"
    if code < 0:
        often = ", often for want of memory" if code == -signal.SIGKILL else ""
        return f"its process died of {signal.Signals(-code).name}{often}"
    said.seek(0)
    last = said.read().decode(errors="replace").strip().rpartition("\n")[2]
    return f"its process ended with code {code}: {last}"


def main() -> None:
    begun = time.perf_counter()
    signal.alarm(_PATIENCE_S)
    probe: Probe = pickle.load(sys.stdin.buffer)
    die_with(sys.stdin.fileno())
    # What native code prints shall not be taken for the answer.
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as answer:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        try:
            found: Pace | str = _measured(probe, begun)
        except WatchdError as error:
            found = str(error)
        pickle.dump(found, answer)


def _measured(probe: Probe, begun: float) -> Pace:
    give_back_what_is_freed()
    segmenter = probe.load(probe.model, probe.plan)
    photo = drawn_photo()

    def cut_out() -> None:
        picture = open_picture(io.BytesIO(photo), "photo.jpg", 1 << 24).load()
        mask = segmenter(segmenter.shrink(picture.seen()))
        encode(compose(picture, mask), picture.icc, picture.dpi, {}, probe.encode)

    cut_out()  # the first one allocates
    now = time.perf_counter()
    signal.alarm(round(_PATIENCE_S + probe.seconds))
    return pace(cut_out, probe.plan.worker_cpus, max(begun + probe.seconds, now + probe.seconds / 2))


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


if __name__ == "__main__":
    main()
