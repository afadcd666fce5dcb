"""What fault tests drop, and the network that they run it through."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import draw, encoded
from tiny_model import build_tiny_model


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "tiny.onnx"
    build_tiny_model(path, side=32)
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "photos"


@pytest.fixture
def drop(root: Path) -> Callable[[str, bytes], str]:
    """Puts a file into the inbox as a careful program does, and gives its sha256."""

    def put(name: str, data: bytes) -> str:
        path = root / "inbox" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        temp = path.with_name(f".{path.name}.tmp")
        temp.write_bytes(data)
        temp.rename(path)
        return hashlib.sha256(data).hexdigest()

    return put


@pytest.fixture
def photos() -> list[bytes]:
    """Five pictures, all different."""
    return [encoded("JPEG", draw(200 + 40 * number, 150)) for number in range(5)]


@pytest.fixture
def broken() -> bytes:
    """A PNG that is there to its end, and whose pixels are garbage."""
    data = bytearray(encoded("PNG", draw(200, 150)))
    middle = len(data) // 2
    data[middle : middle + 64] = bytes(64)
    return bytes(data)
