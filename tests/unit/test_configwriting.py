"""The user's config file gets new values, or stays as it is."""

import os
from pathlib import Path

import pytest

from watchd.configwriting import set_keys
from watchd.domain.errors import ConfigError

TEXT = "watch:\n- root: .  # here\nthreads:\n  workers: 4\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "config.yaml"
    file.write_text(TEXT)
    return file


def test_value_is_written(file: Path) -> None:
    set_keys(file, None, {("threads", "workers"): "2"})

    assert file.read_text() == TEXT.replace("4", "2")


def test_trial_writes_nothing(file: Path) -> None:
    set_keys(file, None, {("threads", "workers"): "2"}, try_only=True)

    assert file.read_text() == TEXT


def test_file_that_would_not_be_valid_is_not_written(file: Path) -> None:
    with pytest.raises(ConfigError, match=r"config.yaml:4: threads.workers: 0 is not allowed"):
        set_keys(file, None, {("threads", "workers"): "0"})

    assert file.read_text() == TEXT


def test_file_in_a_form_that_cannot_be_edited_is_not_written(file: Path) -> None:
    file.write_text("watch: [{root: .}]\nthreads: {workers: 4}\n")

    with pytest.raises(ConfigError, match=r"config.yaml:2: .* set threads.workers: 2"):
        set_keys(file, None, {("threads", "workers"): "2"})

    assert "workers: 4" in file.read_text()


def test_read_only_file_is_refused(file: Path) -> None:
    file.chmod(0o444)

    with pytest.raises(ConfigError, match="read-only"):
        set_keys(file, None, {("threads", "workers"): "2"})

    assert file.read_text() == TEXT


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")

    with pytest.raises(ConfigError, match="no regular file"):
        set_keys(tmp_path / "fifo", None, {("threads", "workers"): "2"})


def test_link_to_the_file_stays_one(file: Path, tmp_path: Path) -> None:
    (tmp_path / "link.yaml").symlink_to(file)

    set_keys(tmp_path / "link.yaml", None, {("threads", "workers"): "2"})

    assert (tmp_path / "link.yaml").is_symlink()
    assert "workers: 2" in file.read_text()


def test_list_of_folders_elsewhere_is_still_that_of_the_root(file: Path, tmp_path: Path) -> None:
    set_keys(file, tmp_path, {("binding",): "none"})

    assert file.read_text() == TEXT + "\nbinding: none\n"
