"""Photographs beside the masks that people drew, packed into arrays that are mapped, not read."""

import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.lib.format import open_memmap
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

SIDE = 288
"""Of a packed picture. It is a square: the network sees them so."""


@dataclass(frozen=True, slots=True)
class Pairs:
    pictures: NDArray[np.uint8]
    masks: NDArray[np.uint8]
    teacher: NDArray[np.uint8] | None

    def __len__(self) -> int:
        return len(self.pictures)

    def some(self, which: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Pictures N×3×S×S, and masks N×1×S×S; with the teacher's beside them, N×2×S×S."""
        masks = [self.masks[which]] if self.teacher is None else [self.masks[which], self.teacher[which]]
        pictures = torch.from_numpy(self.pictures[which]).permute(0, 3, 1, 2)
        return pictures, torch.from_numpy(np.stack(masks, 1))


def load(folder: Path) -> Pairs:
    """What `pack` has made, and the teacher's masks if there are any. ValueError: it has not been there."""
    if not (folder / "masks.npy").is_file():
        raise ValueError(f"{folder} holds no packed pairs; `pack` makes them")
    teacher = folder / "teacher.npy"
    return Pairs(
        np.load(folder / "pictures.npy", mmap_mode="r"),
        np.load(folder / "masks.npy", mmap_mode="r"),
        np.load(teacher, mmap_mode="r") if teacher.is_file() else None,
    )


def pack(source: Path, folder: Path) -> int:
    """Packs all pairs of `source` and says how many they were. Ten thousand take 3.5 GB."""
    folder.mkdir(parents=True, exist_ok=True)
    count = sum(1 for _ in _files(source))
    if not count:
        raise ValueError(f"{source}: no pairs; it needs images/ and masks/, or *.tar files that hold them")
    pictures = open_memmap(folder / "pictures.npy", "w+", np.uint8, (count, SIDE, SIDE, 3))
    masks = open_memmap(folder / "masks.npy", "w+", np.uint8, (count, SIDE, SIDE))
    for place, (picture, mask) in enumerate(_files(source)):
        pictures[place] = _square(picture, "RGB")
        masks[place] = _square(mask, "L")
    return count


def _files(source: Path) -> Iterator[tuple[bytes, bytes]]:
    """Of a folder with images/ and masks/, or of the *.tar files in it that hold these."""
    for path in sorted(source.glob("images/*")):
        mask = source / "masks" / f"{path.stem}.png"
        if not mask.is_file():
            raise ValueError(f"{path.stem}: no masks/{mask.name} in {source}")
        yield path.read_bytes(), mask.read_bytes()
    for shard in sorted(source.glob("*.tar")):
        with tarfile.open(shard) as tar:
            members = {member.name: member for member in tar if member.isfile()}
            for name in sorted(name for name in members if name.startswith("images/")):
                yield _read(tar, members[name]), _read(tar, members[f"masks/{Path(name).stem}.png"])


def _read(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    assert file is not None
    return file.read()


def _square(data: bytes, mode: str) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert(mode).resize((SIDE, SIDE), Image.Resampling.BILINEAR))
