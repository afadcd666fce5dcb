"""Photos that are cut out by one network after the other."""

from pathlib import Path

import pytest
from fakes import FakeSegmenter, draw, encoded, put

from watchd.domain.errors import StartupError
from watchd.domain.profile import INPUTS
from watchd.imaging.decode import open_picture
from watchd.imaging.thumbnail import Box
from watchd.work.album import Album
from watchd.work.photos import Photos


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def album(tmp_path: Path, told: list[str]) -> Album:
    """Of two photos in tmp_path that can be read, and one that cannot."""
    for name in ("a.png", "b.png"):
        put(tmp_path, name, encoded("PNG", draw(64, 48)))
    put(tmp_path, "broken.png")
    album = Album(Photos(open_picture, 10**6, 10**6), INPUTS, Box(32, 24), told.append)
    album.take([tmp_path / name for name in ("a.png", "b.png", "broken.png")])
    return album


def test_photo_that_cannot_be_read_is_left_out_and_told(album: Album, told: list[str]) -> None:
    assert [(seen.path.name, seen.size, seen.photo.size) for seen in album.seen] == [
        ("a.png", (64, 48), (32, 24)),
        ("b.png", (64, 48), (32, 24)),
    ]
    assert [text.partition(":")[0] for text in album.skipped] == ["broken.png"]
    assert told == ["", "", f"skipped: {album.skipped[0]}"]


def test_each_network_adds_its_cutout_to_every_photo(album: Album) -> None:
    took = [album.cut_out(label, FakeSegmenter()) for label in ("one", "two")]

    assert [len(seconds) for seconds in took] == [2, 2]
    for seen in album.seen:
        assert list(seen.cutouts) == ["one", "two"]
        assert [seen.cutouts["one"].getpixel(place)[3] for place in ((16, 12), (2, 2))] == [255, 0]


def test_photo_that_goes_meanwhile_goes_with_what_was_made_of_it(album: Album, tmp_path: Path) -> None:
    album.cut_out("one", FakeSegmenter())
    (tmp_path / "a.png").unlink()

    album.cut_out("two", FakeSegmenter())

    assert [seen.path.name for seen in album.seen] == ["b.png"]
    assert album.skipped[-1] == f"{tmp_path / 'a.png'}: No such file or directory"


def test_nothing_left_to_cut_out_is_an_error(album: Album, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).unlink()

    with pytest.raises(StartupError, match=r"none of the photos can be read any more; .*b\.png"):
        album.cut_out("one", FakeSegmenter())
