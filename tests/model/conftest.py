"""The real networks, photographs and human masks, where they are."""

from pathlib import Path

import pytest

from watchd.imaging.cpus import ThreadPlan
from watchd.imaging.models import find
from watchd.imaging.segment import Segmenter
from watchd.imaging.session import load_segmenter

SHARED = Path(__file__).parents[3] / "shared"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not SHARED.is_dir():
        for item in items:
            if item.get_closest_marker("shared"):
                item.add_marker(pytest.mark.skip(reason=f"no photographs and weights: {SHARED} is not there"))


@pytest.fixture(scope="session")
def shared() -> Path:
    return SHARED


@pytest.fixture(scope="session", params=["builtin", "u2netp"])
def model(request: pytest.FixtureRequest) -> Path:
    """The file of a network."""
    name = request.param
    return find(name if name == "builtin" else str(SHARED / "models" / f"{name}.onnx"), {}).path


@pytest.fixture(scope="session")
def segmenter(model: Path) -> Segmenter:
    return load_segmenter(find(str(model), {}), lambda: ThreadPlan(1, 1, 1, (None,)))
