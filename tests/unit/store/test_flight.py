import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from fakes import dead_process, os_error, watch_folder

from watchd.domain.profile import WatchFolder
from watchd.store.flight import Flight

Folders = Mapping[str, WatchFolder]


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return {name: watch_folder(tmp_path / name, name=name) for name in ("a", "b")}


def test_process_that_ended_with_one_source_in_flight_counts_against_it(folders: Folders) -> None:
    dead, next_one = Flight("boot", dead_process()), Flight("boot", dead_process())

    with dead.of(folders["a"], "key"):
        assert next_one.blamed(folders["a"], dead.name, "key")


def test_sources_that_flew_together_are_not_blamed_not_even_across_folders(folders: Folders) -> None:
    dead, next_one = Flight("boot", dead_process()), Flight("boot", dead_process())

    with dead.of(folders["a"], "key"), dead.of(folders["b"], "other"):
        assert not next_one.blamed(folders["a"], dead.name, "key")
        assert not next_one.blamed(folders["b"], dead.name, "other")


def test_one_that_is_left_alone_after_the_others_landed_is_blamed(folders: Folders) -> None:
    dead, next_one = Flight("boot", dead_process()), Flight("boot", dead_process())

    with dead.of(folders["a"], "key"):
        with dead.of(folders["a"], "other"):
            pass
        assert next_one.blamed(folders["a"], dead.name, "key")


def test_power_cut_blames_nobody(folders: Folders) -> None:
    dead, after_boot = Flight("boot 1", dead_process()), Flight("boot 2")

    with dead.of(folders["a"], "key"):
        assert not after_boot.blamed(folders["a"], dead.name, "key")


def test_accused_source_is_blamed_though_others_flew_with_it(folders: Folders) -> None:
    dead, next_one = Flight("boot", dead_process()), Flight("boot", dead_process())

    with dead.of(folders["a"], "guilty"), dead.of(folders["a"], "bystander"):
        dead.accuse(folders["a"], "guilty")

        assert next_one.blamed(folders["a"], dead.name, "guilty")
        assert not next_one.blamed(folders["a"], dead.name, "bystander")


def test_landing_leaves_nothing(folders: Folders, tmp_path: Path) -> None:
    flight = Flight("boot", dead_process())

    with flight.of(folders["a"], "key"), flight.of(folders["a"], "other"):
        pass

    assert os.listdir(tmp_path / "a" / ".watchd" / "flight") == []


def test_torn_or_missing_list_blames_nobody(folders: Folders, tmp_path: Path) -> None:
    flight = Flight("boot", dead_process())
    (tmp_path / "a" / ".watchd" / "flight").mkdir()
    (tmp_path / "a" / ".watchd" / "flight" / "torn.json").write_bytes(b'{"boot": "boot", "fly')

    assert not flight.blamed(folders["a"], "torn", "key")
    assert not flight.blamed(folders["a"], "missing", "key")


def test_sweep_removes_what_is_older_than_a_day(folders: Folders, tmp_path: Path) -> None:
    flight = Flight("boot", dead_process())
    (tmp_path / "a" / ".watchd" / "flight").mkdir()
    for name, mtime in (("old.json", 1.0), ("new.json", None)):
        (tmp_path / "a" / ".watchd" / "flight" / name).write_text("{}")
        if mtime is not None:
            os.utime(tmp_path / "a" / ".watchd" / "flight" / name, (mtime, mtime))

    flight.sweep(folders["a"].sidecar)

    assert os.listdir(tmp_path / "a" / ".watchd" / "flight") == ["new.json"]


def test_source_whose_flight_cannot_be_told_has_not_taken_off(folders: Folders, tmp_path: Path) -> None:
    dead, next_one = Flight("boot", dead_process()), Flight("boot", dead_process())
    (tmp_path / "b" / ".watchd" / "flight").write_bytes(b"in the way of the folder")
    with os_error(), dead.of(folders["b"], "grounded"):
        pass
    (tmp_path / "b" / ".watchd" / "flight").unlink()

    with dead.of(folders["a"], "key"):
        assert next_one.blamed(folders["a"], dead.name, "key")


def test_process_that_lives_and_was_only_overtaken_counts_against_nothing(folders: Folders) -> None:
    frozen, heir = Flight("boot"), Flight("boot")

    with frozen.of(folders["a"], "key"):
        assert not heir.blamed(folders["a"], frozen.name, "key")
