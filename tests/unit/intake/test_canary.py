import os
from pathlib import Path

import pytest

from watchd.intake.canary import Canary


@pytest.fixture
def canary(tmp_path: Path) -> Canary:
    canary = Canary(tmp_path)
    assert canary.settle_in()
    return canary


def look(canary: Canary, times: int) -> bool:
    for _ in range(times):
        canary.look()
    return canary.unheard


def test_song_that_is_not_heard_for_some_looks_is_missed(canary: Canary) -> None:
    canary.sing()

    assert not look(canary, 4)
    assert look(canary, 1)


def test_any_event_will_do(canary: Canary) -> None:
    canary.sing()
    look(canary, 3)

    canary.hear()

    assert not look(canary, 10)


def test_silence_without_a_song_means_nothing(canary: Canary) -> None:
    assert not look(canary, 10)


def test_missed_canary_is_missed_until_it_is_heard_again(canary: Canary) -> None:
    canary.sing()
    look(canary, 5)
    canary.sing()

    before = look(canary, 1)
    canary.hear()

    assert before
    assert not look(canary, 1)


def test_canary_that_could_not_sing_is_not_missed(canary: Canary, tmp_path: Path) -> None:
    (tmp_path / "canary" / "canary").unlink()

    canary.sing()

    assert not look(canary, 10)


def test_singing_writes_nothing(canary: Canary, tmp_path: Path) -> None:
    path = tmp_path / "canary" / "canary"
    before = os.stat(path)

    canary.sing()

    after = os.stat(path)
    assert (after.st_mtime_ns, after.st_ctime_ns) == (before.st_mtime_ns, before.st_ctime_ns)


def test_sidecar_that_is_gone_has_no_room_for_it_and_is_not_made(tmp_path: Path) -> None:
    canary = Canary(tmp_path / "gone")

    assert not canary.settle_in()
    assert not (tmp_path / "gone").exists()
