"""What every test may ask for."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes import Crashes, Deaths, FakeClaims, FakeSegmenter, ManualClock, RecordingListener, watch_folder

from watchd.domain.profile import WatchFolder


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def claims() -> FakeClaims:
    return FakeClaims()


@pytest.fixture
def listener() -> RecordingListener:
    return RecordingListener()


@pytest.fixture
def segmenter() -> FakeSegmenter:
    return FakeSegmenter()


@pytest.fixture
def crashes() -> Crashes:
    return Crashes()


@pytest.fixture
def deaths() -> Iterator[Deaths]:
    deaths = Deaths()
    yield deaths
    deaths.bury()


@pytest.fixture
def folder(tmp_path: Path) -> WatchFolder:
    """A watch folder with its five folders made."""
    return watch_folder(tmp_path)
