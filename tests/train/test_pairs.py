"""Packing, and what a larger network adds."""

import tarfile
from pathlib import Path

import numpy as np
import pytest
from numpy.lib.format import open_memmap
from tiny_model import build_tiny_model
from train.pairs import SIDE, load, pack
from train.teach import teach


def untold(_done: int, _of: int) -> None:
    pass


def test_packed_pairs_are_those_of_the_folder(packed: Path) -> None:
    pairs = load(packed)

    pictures, masks = pairs.some(np.array([0, 5]))

    assert len(pairs) == 6
    assert pictures.shape == (2, 3, SIDE, SIDE)
    assert masks.shape == (2, 1, SIDE, SIDE)
    assert ((pictures[:, :1] > 128) == (masks > 128)).float().mean() > 0.99


def test_shards_are_packed_as_the_folder_is(pairs_folder: Path, packed: Path, tmp_path: Path) -> None:
    (tmp_path / "shards").mkdir()
    for number, names in enumerate((("00", "01", "02"), ("03", "04", "05"))):
        with tarfile.open(tmp_path / "shards" / f"{number}.tar", "w") as tar:
            for file in (f"{kind}/{name}.png" for name in names for kind in ("images", "masks")):
                tar.add(pairs_folder / file, file)

    assert pack(tmp_path / "shards", tmp_path / "packed") == 6

    for name in ("pictures.npy", "masks.npy"):
        assert (tmp_path / "packed" / name).read_bytes() == (packed / name).read_bytes()


def test_folder_without_pairs_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no pairs.*images/ and masks/"):
        pack(tmp_path, tmp_path / "packed")


def test_picture_without_a_mask_is_named(pairs_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "images").symlink_to(pairs_folder / "images")
    (tmp_path / "masks").mkdir()

    with pytest.raises(ValueError, match=r"00: no masks/00\.png"):
        pack(tmp_path, tmp_path / "packed")


def test_teacher_that_was_stopped_goes_on(pairs_folder: Path, tmp_path: Path) -> None:
    model = str(build_tiny_model(tmp_path / "teacher.onnx"))
    for name in ("stopped", "straight"):
        pack(pairs_folder, tmp_path / name)

    def stop(done: int, _of: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        teach(tmp_path / "stopped", model, stop)
    assert load(tmp_path / "stopped").teacher is None
    open_memmap(tmp_path / "stopped" / "teacher.new.npy", "r+")[0] = 7
    for name in ("stopped", "straight"):
        teach(tmp_path / name, model, untold)

    stopped, straight = (load(tmp_path / name).teacher for name in ("stopped", "straight"))
    assert stopped is not None
    assert straight is not None
    assert straight.any(axis=(1, 2)).all()
    assert (stopped[0] == 7).all()  # it was not made again
    assert np.array_equal(stopped[1:], straight[1:])


def test_folder_that_was_not_packed_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no packed pairs; `pack` makes them"):
        load(tmp_path)
