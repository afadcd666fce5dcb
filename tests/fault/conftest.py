"""What fault tests drop, and a network that takes its time."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from conv_model import build_slow_model
from fakes import draw, encoded


@pytest.fixture(scope="session")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_slow_model(tmp_path_factory.mktemp("model") / "slow.onnx")


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
