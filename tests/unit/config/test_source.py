"""A config file that is read again, and when it has changed."""

import os
from pathlib import Path

import pytest
from fakes import ManualClock

from watchd.config.source import LASTS_S, Source
from watchd.domain.errors import ConfigError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path / "config.yaml", "log: {level: info}")
    return tmp_path


@pytest.fixture
def source(root: Path, clock: ManualClock) -> Source:
    source = Source(None, root, {}, {}, clock)
    source.read()
    return source


def write(file: Path, text: str = "log: {level: debug}") -> None:
    file.write_text(f"watch: [root: .]\n{text}\n")


def looks(source: Source, clock: ManualClock, count: int = 4) -> list[bool]:
    """One each time that a change would have lasted long enough."""
    told = []
    for _ in range(count):
        told.append(source.changed())
        clock.advance(LASTS_S)
    return told


def replace(file: Path) -> None:
    """As most editors save."""
    write(file.with_name("new"))
    os.rename(file.with_name("new"), file)


def make_anew(file: Path) -> None:
    file.unlink()
    write(file)


def test_file_that_stays_is_not_changed(source: Source, clock: ManualClock) -> None:
    assert not any(looks(source, clock))


@pytest.mark.parametrize("save", [write, replace, make_anew])
def test_change_is_told_once_however_the_file_is_saved(
    source: Source, root: Path, save: object, clock: ManualClock
) -> None:
    save(root / "config.yaml")  # type: ignore[operator]

    told = looks(source, clock)

    assert told == [False, True, False, False]
    assert source.read().config.log.level == "debug"
    assert not any(looks(source, clock))


def test_link_that_is_turned_to_another_folder_is_a_change(tmp_path: Path, clock: ManualClock) -> None:
    """As Kubernetes does with a ConfigMap: the file's own name stays a link to ..data/config.yaml."""
    for name, level in (("one", "info"), ("two", "debug")):
        (tmp_path / name).mkdir()
        write(tmp_path / name / "config.yaml", f"log: {{level: {level}}}")
    (tmp_path / "..data").symlink_to("one")
    (tmp_path / "config.yaml").symlink_to("..data/config.yaml")
    source = Source(tmp_path / "config.yaml", None, {}, {}, clock)
    source.read()

    (tmp_path / "turned").symlink_to("two")
    os.rename(tmp_path / "turned", tmp_path / "..data")

    assert looks(source, clock) == [False, True, False, False]
    assert source.read().config.log.level == "debug"


def test_two_saves_quickly_are_told_once(source: Source, root: Path, clock: ManualClock) -> None:
    write(root / "config.yaml", "log: {level: debug}")
    first = source.changed()
    clock.advance(LASTS_S)
    write(root / "config.yaml", "log: {level: warning}")

    assert [first, *looks(source, clock)] == [False, False, True, False, False]


def test_looks_in_quick_succession_tell_of_nothing_that_may_still_be_written(
    source: Source, root: Path, clock: ManualClock
) -> None:
    write(root / "config.yaml")

    told = []
    for _ in range(3):
        told.append(source.changed())
        clock.advance(LASTS_S / 2)

    assert told == [False, False, True]
    assert not source.unsettled


def test_change_between_the_start_and_the_first_look_is_told(
    source: Source, root: Path, clock: ManualClock
) -> None:
    source.read()

    write(root / "config.yaml")

    assert any(looks(source, clock))


def test_file_that_is_removed_is_an_error_and_no_wish_for_the_defaults(
    source: Source, root: Path, clock: ManualClock
) -> None:
    (root / "config.yaml").unlink()

    assert looks(source, clock) == [False, True, False, False]
    with pytest.raises(ConfigError, match=r"config.yaml: cannot be read: No such file"):
        source.read()
    write(root / "config.yaml")
    assert any(looks(source, clock))


def test_file_that_comes_to_a_root_without_one_is_read(tmp_path: Path, clock: ManualClock) -> None:
    source = Source(None, tmp_path, {}, {}, clock)
    before = source.read().config

    write(tmp_path / "config.yaml")

    assert any(looks(source, clock))
    assert (before.log.level, source.read().config.log.level) == ("info", "debug")


def test_what_the_command_line_says_still_beats_the_file(root: Path) -> None:
    source = Source(None, root, {"log.level": "error"}, {})
    source.read()
    write(root / "config.yaml", "log: {level: debug}")

    assert source.read().config.log.level == "error"
