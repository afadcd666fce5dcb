"""Sources that go away, and a queue that is full all the time.

No file is the same as another, for the cutout of the same file would only be copied.
"""

from pathlib import Path

from fakes import draw, encoded, wait_until
from house import running


def test_sources_that_vanish_at_any_stage_are_no_failure_and_stop_nothing(tmp_path: Path, tiny: Path) -> None:
    data = encoded("JPEG", draw(1200, 900))
    with running(tmp_path / "root", tiny, {"queue.size": 4}) as house:
        for number in range(40):
            (house.folder.inbox / f"{number}.jpg").write_bytes(data + bytes([number]))
        taken = 0
        for number in range(39, 0, -2):
            path = house.folder.inbox / f"{number}.jpg"
            if path.exists():
                path.unlink(missing_ok=True)
                taken += 1

        wait_until(lambda: house.inbox() == set(), within_s=40)
        (house.folder.inbox / "last.jpg").write_bytes(data)
        house.wait_for("last.png")

    assert taken > 5
    assert house.failed() == set()
    assert 20 <= len(house.outputs()) <= 41
    assert list((house.folder.sidecar / "claims").iterdir()) == []


def test_queue_of_one_is_back_pressure_and_loses_nothing(tmp_path: Path, tiny: Path) -> None:
    data = encoded("JPEG", draw(200, 150))
    with running(tmp_path / "root", tiny, {"queue.size": 1, "limits.pending": 8}) as house:
        for number in range(60):
            (house.folder.inbox / f"{number}.jpg").write_bytes(data + bytes([number]))

        wait_until(lambda: len(house.originals()) == 60, within_s=40)

    assert len(house.outputs()) == 60


def test_pictures_wait_for_the_budget_and_a_larger_one_passes_alone(tmp_path: Path, tiny: Path) -> None:
    data = encoded("JPEG", draw(3000, 2500))
    with running(tmp_path / "root", tiny, {"limits.memory": "64MB"}) as house:
        for number in range(4):
            (house.folder.inbox / f"{number}.jpg").write_bytes(data + bytes([number]))

        wait_until(lambda: len(house.originals()) == 4, within_s=40)

    assert house.failed() == set()
