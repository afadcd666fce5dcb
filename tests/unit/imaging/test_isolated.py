"""Decoding in a child process gives the same as decoding here, and survives what kills the child."""

import io
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import psutil
import pytest
from fakes import draw, encoded, wait_until
from processes import words

from watchd.domain.errors import RejectedImage, TryAgain
from watchd.domain.profile import INPUTS
from watchd.imaging import decode
from watchd.imaging.decode import Picture
from watchd.imaging.isolated import IsolatedDecoders

LIMIT = 200_000_000


@pytest.fixture
def decoders() -> Iterator[IsolatedDecoders]:
    before = {child.pid for child in psutil.Process().children()}
    with IsolatedDecoders(timeout_s=60) as decoders:
        yield decoders
    assert {child.pid for child in psutil.Process().children()} <= before, "a child is left, or a zombie"


def stored(folder: Path, data: bytes) -> BinaryIO:
    (folder / "file").write_bytes(data)
    return open(folder / "file", "rb")


def load(decoders: IsolatedDecoders, folder: Path, data: bytes, name: str = "a.jpg") -> Picture:
    with stored(folder, data) as file:
        return decoders.open_picture(file, name, LIMIT, INPUTS).load()


def child() -> psutil.Process:
    [one] = [each for each in psutil.Process().children() if "watchd.imaging.decoder" in words(each)]
    return one


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "AVIF"])
def test_picture_is_the_same_as_decoded_here(decoders: IsolatedDecoders, tmp_path: Path, kind: str) -> None:
    data = encoded(kind, draw(300, 200))

    there, here = load(decoders, tmp_path, data), decode.open_picture(io.BytesIO(data), "a", LIMIT).load()

    assert np.array_equal(np.asarray(there.image), np.asarray(here.image))
    assert (there.dpi, there.icc, there.notes) == (here.dpi, here.icc, here.notes)


def test_transparency_comes_along(decoders: IsolatedDecoders, tmp_path: Path) -> None:
    image = draw(60, 40, "RGBA")
    image.putalpha(77)

    picture = load(decoders, tmp_path, encoded("PNG", image))

    assert picture.alpha is not None
    assert picture.alpha.getextrema() == (77, 77)


def test_one_child_serves_many_pictures(decoders: IsolatedDecoders, tmp_path: Path) -> None:
    load(decoders, tmp_path, encoded())
    first = child().pid

    load(decoders, tmp_path, encoded("PNG"))

    assert child().pid == first


@pytest.mark.parametrize("data", [b"no picture", encoded("PNG", draw(200, 150))[:-800]], ids=["text", "cut"])
def test_bad_file_is_rejected_with_the_words_of_the_decoder(
    decoders: IsolatedDecoders, tmp_path: Path, data: bytes
) -> None:
    with pytest.raises(RejectedImage) as there:
        load(decoders, tmp_path, data, "odd\udce4\n.png")
    with pytest.raises(RejectedImage) as here:
        decode.open_picture(io.BytesIO(data), "odd\udce4\n.png", LIMIT).load()

    assert (str(there.value), there.value.advice) == (str(here.value), here.value.advice)


def test_child_that_died_at_rest_is_replaced_and_blames_no_file(
    decoders: IsolatedDecoders, tmp_path: Path
) -> None:
    load(decoders, tmp_path, encoded())
    first = child()
    first.send_signal(signal.SIGSEGV)
    wait_until(lambda: first.status() == psutil.STATUS_ZOMBIE)

    assert load(decoders, tmp_path, encoded()).image.size == (64, 48)


def test_file_that_holds_its_decoder_is_rejected(tmp_path: Path) -> None:
    with IsolatedDecoders(timeout_s=0.5) as decoders:
        load(decoders, tmp_path, encoded())
        child().send_signal(signal.SIGSTOP)

        with pytest.raises(RejectedImage, match=r"a\.jpg: .* longer than 0\.5 s .*limits\.decode_timeout"):
            load(decoders, tmp_path, encoded())

        assert load(decoders, tmp_path, encoded()).image.size == (64, 48)


def test_decoder_that_wants_more_memory_than_such_a_picture_may_is_stopped(
    decoders: IsolatedDecoders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Stands for a bomb that no header tells of: a decoder that asks for a terabyte.
    (tmp_path / "sitecustomize.py").write_text(
        "import watchd.imaging.decode as d\nd.Header.load = lambda self: bytearray(1 << 40)\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")

    with pytest.raises(RejectedImage, match="memory"):
        load(decoders, tmp_path, encoded())


def test_decoder_may_write_no_file(
    decoders: IsolatedDecoders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "written"
    (tmp_path / "sitecustomize.py").write_text(
        "import pathlib, watchd.imaging.decode as d\n"
        f"d.Header.load = lambda self: pathlib.Path({str(target)!r}).write_text('x')\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")

    with pytest.raises(TryAgain, match="File too large"):
        load(decoders, tmp_path, encoded())

    assert target.read_text() == ""


def test_after_leaving_nothing_is_decoded_and_no_file_blamed(tmp_path: Path) -> None:
    with IsolatedDecoders(timeout_s=60) as decoders:
        load(decoders, tmp_path, encoded())

    with pytest.raises(TryAgain, match="stopping"):
        load(decoders, tmp_path, encoded())


def test_descriptors_do_not_pile_up(decoders: IsolatedDecoders, tmp_path: Path) -> None:
    load(decoders, tmp_path, encoded())
    ours, theirs = psutil.Process().num_fds(), child().num_fds()

    for _ in range(20):
        load(decoders, tmp_path, encoded())
        with pytest.raises(RejectedImage):
            load(decoders, tmp_path, b"no picture")

    assert (psutil.Process().num_fds(), child().num_fds()) == (ours, theirs)
