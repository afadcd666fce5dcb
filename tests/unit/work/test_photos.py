import hashlib
import os
from pathlib import Path

import pytest
from fakes import draw, encoded, put

from watchd.domain.profile import INPUTS
from watchd.imaging.decode import open_picture
from watchd.work.photos import TROUBLE, Photos, picture_files, said, thinned


@pytest.fixture
def photos() -> Photos:
    return Photos(open_picture, max_pixels=10**8, max_bytes=100_000)


def test_picture_files_are_told_by_suffix_and_hidden_ones_left_out(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.png", "notes.txt", ".hidden.png", "sub/c.webp", ".git/d.png"):
        put(tmp_path, name)
    (tmp_path / "folder.png").mkdir()

    flat, deep = (picture_files(tmp_path, recursive=recursive) for recursive in (False, True))

    assert [path.name for path in flat] == ["a.png", "b.JPG"]
    assert [path.name for path in deep] == ["a.png", "b.JPG", "c.webp"]


def test_thinned_out_are_photos_evenly_over_the_folder() -> None:
    photos = [Path(f"{number}.jpg") for number in range(10)]

    assert [path.stem for path in thinned(photos, 3)] == ["0", "3", "6"]
    assert thinned(photos, 20) == photos


def test_photo_is_known_by_its_digest_and_opened(tmp_path: Path, photos: Photos) -> None:
    data = encoded("PNG", draw())
    put(tmp_path, "a.png", data)

    assert photos.digest(tmp_path / "a.png") == hashlib.sha256(data).hexdigest()
    assert photos.picture(tmp_path / "a.png", INPUTS).image.size == (64, 48)


def test_whatever_is_wrong_with_one_file_is_its_own_trouble(tmp_path: Path, photos: Photos) -> None:
    put(tmp_path, "text.jpg", b"no picture")
    put(tmp_path, "long.jpg", b"x" * 100_001)
    os.mkfifo(tmp_path / "pipe.jpg")

    for name, reason in {
        "text.jpg": "text.jpg: the file is text",
        "long.jpg": "long.jpg: larger than 100000 bytes",
        "pipe.jpg": "pipe.jpg: not a regular file",
        "gone.jpg": "gone.jpg: No such file",
    }.items():
        with pytest.raises(TROUBLE) as caught:
            photos.picture(tmp_path / name, INPUTS)
        assert reason in said(tmp_path / name, caught.value)
