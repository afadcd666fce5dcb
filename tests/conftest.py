"""What every test may ask for."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes import Crashes, Deaths, FakeClaims, FakeSegmenter, ManualClock, RecordingListener, watch_folder
from PIL import Image
from receiver import Receiver, receiving
from tally import TALLY
from tiny_model import build_tiny_model

from watchd.domain.profile import WatchFolder

_PILLOWS_LIMIT = Image.MAX_IMAGE_PIXELS


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help="run the slow tests, and every sweep whole")


def pytest_configure() -> None:
    """A shell that starts us in the background has us ignore Ctrl-C, and so would all that we start."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--all"):
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(pytest.mark.skip(reason="slow; runs with --all"))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where several processes run the tests, each sends what it has counted to the one that prints."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["tally"] = TALLY.told()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    TALLY.hear(getattr(node, "workeroutput", {}).get("tally", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What the fault tests have tried, as the README shows it."""
    for line in TALLY.table():
        terminalreporter.write_line(line)


@pytest.fixture(autouse=True)
def _limit_of_pillow_is_its_own_at_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our decoder sets it for the whole process, which the next test is in, too."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", _PILLOWS_LIMIT)


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


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of the tiny network, built once."""
    return build_tiny_model(tmp_path_factory.mktemp("model") / "tiny.onnx")


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """Reached directly, whatever proxy this machine has."""
    for scheme in ("http", "https", "all"):
        monkeypatch.delenv(f"{scheme}_proxy", raising=False)
        monkeypatch.delenv(f"{scheme.upper()}_PROXY", raising=False)
    with receiving() as receiver:
        yield receiver
