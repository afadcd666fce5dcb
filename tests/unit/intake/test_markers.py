from pathlib import Path

import pytest
from fakes import os_error, put

from watchd.intake.markers import Markers
from watchd.tree import Tree


@pytest.fixture
def markers(tmp_path: Path) -> Markers:
    return Markers(Tree(tmp_path), asked_for=True)


@pytest.mark.parametrize(
    ("marker", "ready"),
    [
        ("sub/a.jpg.ready", {"sub/a.jpg"}),
        ("sub/.done", {"sub/a.jpg", "sub/b.jpg"}),
        (".done", {"c.jpg"}),
        ("a.jpg.ready", set()),
    ],
)
def test_marker_stands_beside_what_it_marks(
    tmp_path: Path, markers: Markers, marker: str, ready: set[str]
) -> None:
    put(tmp_path, marker, b"")

    files = ("sub/a.jpg", "sub/b.jpg", "c.jpg")

    assert {file for file in files if markers.ready(file)} == ready


def test_without_a_wish_for_markers_every_file_is_ready(tmp_path: Path) -> None:
    markers = Markers(Tree(tmp_path), asked_for=False)

    assert markers.ready("a.jpg")
    assert (markers.file_of("a.jpg.ready"), markers.folder_of(".done")) == (None, None)


def test_marker_is_told_from_its_name(markers: Markers) -> None:
    assert markers.file_of("sub/a.jpg.ready") == "sub/a.jpg"
    assert markers.file_of("sub/a.jpg") is None
    assert (markers.folder_of("sub/.done"), markers.folder_of(".done")) == ("sub", "")
    assert markers.folder_of("sub/a.done") is None


def test_name_too_long_for_a_marker_of_its_own_is_ready_with_its_batch(
    tmp_path: Path, markers: Markers
) -> None:
    name = "x" * 251 + ".jpg"

    before = markers.ready(name)
    put(tmp_path, ".done", b"")

    assert not before
    assert markers.ready(name)


def test_cleared_is_the_marker_of_a_file_that_has_left_and_no_other(tmp_path: Path, markers: Markers) -> None:
    for name in ("a.jpg.ready", "b.jpg", "b.jpg.ready", ".done"):
        put(tmp_path, name, b"")

    markers.clear("a.jpg")
    markers.clear("b.jpg")
    markers.clear("never.jpg")

    assert sorted(path.name for path in tmp_path.iterdir()) == [".done", "b.jpg", "b.jpg.ready"]


def test_marker_that_is_a_folder_is_not_cleared(tmp_path: Path, markers: Markers) -> None:
    (tmp_path / "a.jpg.ready").mkdir()

    with os_error():
        markers.clear("a.jpg")
