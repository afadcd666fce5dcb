"""A handful of drawn pictures. Without PyTorch nothing is collected; `scripts/test train` brings it."""

from importlib.util import find_spec
from pathlib import Path

import pytest
from drawn import draw_pairs

collect_ignore_glob = [] if find_spec("torch") else ["test_*.py"]


@pytest.fixture(scope="session")
def pairs_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """images/ and masks/, six of each."""
    return draw_pairs(tmp_path_factory.mktemp("pairs"), 6)


@pytest.fixture(scope="session")
def packed(pairs_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from train.pairs import pack  # noqa: PLC0415 -- it needs PyTorch

    folder = tmp_path_factory.mktemp("packed")
    pack(pairs_folder, folder)
    return folder
