import os
from pathlib import Path

import pytest
from fakes import dead_process, os_error

from watchd.store.flight import Flight
from watchd.tree import Tree


@pytest.fixture
def sidecars(tmp_path: Path) -> dict[str, Tree]:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    return {name: Tree(tmp_path / name) for name in ("a", "b")}


def test_process_that_ended_with_one_source_in_flight_counts_against_it(sidecars: dict[str, Tree]) -> None:
    dead, next_one = Flight(sidecars, "boot", dead_process()), Flight(sidecars, "boot", dead_process())

    with dead.of("a", "key"):
        assert next_one.blamed("a", dead.name, "key")


def test_sources_that_flew_together_are_not_blamed_not_even_across_folders(sidecars: dict[str, Tree]) -> None:
    dead, next_one = Flight(sidecars, "boot", dead_process()), Flight(sidecars, "boot", dead_process())

    with dead.of("a", "key"), dead.of("b", "other"):
        assert not next_one.blamed("a", dead.name, "key")
        assert not next_one.blamed("b", dead.name, "other")


def test_one_that_is_left_alone_after_the_others_landed_is_blamed(sidecars: dict[str, Tree]) -> None:
    dead, next_one = Flight(sidecars, "boot", dead_process()), Flight(sidecars, "boot", dead_process())

    with dead.of("a", "key"):
        with dead.of("a", "other"):
            pass
        assert next_one.blamed("a", dead.name, "key")


def test_power_cut_blames_nobody(sidecars: dict[str, Tree]) -> None:
    dead, after_boot = Flight(sidecars, "boot 1", dead_process()), Flight(sidecars, "boot 2")

    with dead.of("a", "key"):
        assert not after_boot.blamed("a", dead.name, "key")


def test_accused_source_is_blamed_though_others_flew_with_it(sidecars: dict[str, Tree]) -> None:
    dead, next_one = Flight(sidecars, "boot", dead_process()), Flight(sidecars, "boot", dead_process())

    with dead.of("a", "guilty"), dead.of("a", "bystander"):
        dead.accuse("a", "guilty")

        assert next_one.blamed("a", dead.name, "guilty")
        assert not next_one.blamed("a", dead.name, "bystander")


def test_landing_leaves_nothing(sidecars: dict[str, Tree], tmp_path: Path) -> None:
    flight = Flight(sidecars, "boot", dead_process())

    with flight.of("a", "key"), flight.of("a", "other"):
        pass

    assert os.listdir(tmp_path / "a" / "flight") == []


def test_torn_or_missing_list_blames_nobody(sidecars: dict[str, Tree], tmp_path: Path) -> None:
    flight = Flight(sidecars, "boot", dead_process())
    (tmp_path / "a" / "flight").mkdir()
    (tmp_path / "a" / "flight" / "torn.json").write_bytes(b'{"boot": "boot", "fly')

    assert not flight.blamed("a", "torn", "key")
    assert not flight.blamed("a", "missing", "key")


def test_sweep_removes_what_is_older_than_a_day(sidecars: dict[str, Tree], tmp_path: Path) -> None:
    flight = Flight(sidecars, "boot", dead_process())
    (tmp_path / "a" / "flight").mkdir()
    for name, mtime in (("old.json", 1.0), ("new.json", None)):
        (tmp_path / "a" / "flight" / name).write_text("{}")
        if mtime is not None:
            os.utime(tmp_path / "a" / "flight" / name, (mtime, mtime))

    flight.sweep()

    assert os.listdir(tmp_path / "a" / "flight") == ["new.json"]


def test_source_whose_flight_cannot_be_told_has_not_taken_off(
    sidecars: dict[str, Tree], tmp_path: Path
) -> None:
    dead, next_one = Flight(sidecars, "boot", dead_process()), Flight(sidecars, "boot", dead_process())
    (tmp_path / "b" / "flight").write_bytes(b"in the way of the folder")
    with os_error(), dead.of("b", "grounded"):
        pass
    (tmp_path / "b" / "flight").unlink()

    with dead.of("a", "key"):
        assert next_one.blamed("a", dead.name, "key")


def test_process_that_lives_and_was_only_overtaken_counts_against_nothing(sidecars: dict[str, Tree]) -> None:
    frozen, heir = Flight(sidecars, "boot"), Flight(sidecars, "boot")

    with frozen.of("a", "key"):
        assert not heir.blamed("a", frozen.name, "key")
