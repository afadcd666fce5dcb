import hashlib
import os
from pathlib import Path

import pytest
from fakes import FakeSegmenter, encoded, recall_of, watch_folder
from scenes import scene

from watchd.cacheerrands import Selection, open_caches, purge_all, stats, verify_all
from watchd.config.load import load
from watchd.config.schema import Config
from watchd.domain.cachereport import Verified
from watchd.domain.errors import ExitCode, FolderError, StartupError
from watchd.imaging.decode import Picture


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return load(None, tmp_path, {}, {}).config


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Holds two masks and a finished cutout."""
    recall = recall_of(watch_folder(tmp_path), FakeSegmenter())
    for seed, sha256 in ((1, "7c" * 32), (2, "a1" * 32)):
        recall.mask(sha256, Picture(scene(seed)))
    recall.keep("7c" * 32, b"cutout", hashlib.sha256(b"cutout").hexdigest())
    return tmp_path / ".watchd" / "cache"


def verified(config: Config, *, fix: bool = False) -> Verified:
    steps: list[int] = []
    [found] = verify_all(config, fix=fix, expect=steps.append, step=lambda: steps.append(-1))
    assert sum(steps) == 0, "every entry that was told of is one step"
    return found


def test_cache_that_is_not_there_is_one_line(config: Config) -> None:
    with pytest.raises(FolderError, match="no cache yet") as caught:
        stats(config, None)

    assert caught.value.exit_code is ExitCode.FOLDER_UNUSABLE


def test_cache_that_is_no_folder_is_one_line(config: Config, tmp_path: Path) -> None:
    (tmp_path / ".watchd").mkdir()
    (tmp_path / ".watchd" / "cache").write_text("a file where a folder should be")

    with pytest.raises(FolderError, match="cannot be read: Not a directory"):
        stats(config, None)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_cache_that_may_not_be_read_is_one_line(config: Config, cache: Path) -> None:
    (cache / "v1").chmod(0)

    with pytest.raises(FolderError, match="cannot be read: Permission denied"):
        stats(config, None)


def test_watch_folders_with_one_cache_have_it_opened_once(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("watch:\n  - root: a\n  - root: b\ncache:\n  dir: both\n")
    (tmp_path / "both").mkdir()

    [tree] = open_caches(load(file, None, {}, {}).config)

    assert tree.root == tmp_path / "both"


def test_stats_of_one_space_leave_the_others_out(config: Config, cache: Path) -> None:
    [whole] = stats(config, None)
    [shelf] = whole.spaces

    assert shelf.entries == 2
    assert stats(config, shelf.name) == [whole]
    with pytest.raises(StartupError, match=f"u2net; there are: {shelf.name}"):
        stats(config, "u2net")


def test_purge_of_everything_leaves_an_empty_cache(config: Config, cache: Path) -> None:
    [found] = purge_all(config, {}, Selection(everything=True), outputs_only=False, dry_run=False)

    assert (len(found.masks), len(found.outputs)) == (2, 1)
    assert not list(cache.glob("v1/*/*/*"))


def test_purge_by_age_counts_since_the_last_use(config: Config, cache: Path) -> None:
    old, *_ = cache.glob("v1/builtin-*/*/*.png")
    os.utime(old, (5000, 5000))

    [found] = purge_all(config, {}, Selection(older_than_s=86_400.0), outputs_only=False, dry_run=False)

    assert found.masks == (str(old.relative_to(cache)),)


def test_purge_of_a_name_that_is_none_is_one_line(config: Config, cache: Path) -> None:
    with pytest.raises(StartupError, match="foo is not the name of an entry"):
        purge_all(config, {}, Selection(entry="foo"), outputs_only=False, dry_run=False)


def test_sound_cache_has_no_fault(config: Config, cache: Path) -> None:
    assert verified(config) == Verified(str(cache), 2, 1, ())


def test_cutout_that_is_not_that_of_its_digest_is_named(config: Config, cache: Path) -> None:
    [output] = cache.glob("v1/outputs/*/*")
    output.write_bytes(b"another")

    [fault] = verified(config).faults

    assert fault.entry == str(output.relative_to(cache))
    assert fault.reason == "its content is not that of the digest in its name"


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda entry, _: os.truncate(entry, 100), "truncated"),
        (lambda entry, _: entry.write_bytes(encoded("PNG")), "its chunks are not those of a mask entry"),
        (lambda entry, other: entry.write_bytes(other.read_bytes()), "another picture than its name says"),
    ],
    ids=["torn", "another PNG", "another picture's"],
)
def test_spoilt_mask_is_named_and_with_fix_removed(
    config: Config, cache: Path, spoil: object, reason: str
) -> None:
    entry, other = sorted(cache.glob("v1/builtin-*/*/*.png"))
    spoil(entry, other)  # type: ignore[operator]  # one of the three above

    told, fixed = verified(config), verified(config, fix=True)

    [fault] = told.faults
    assert fault.entry == str(entry.relative_to(cache))
    assert reason in fault.reason
    assert not fault.removed
    assert all(fault.removed for fault in fixed.faults)
    assert not entry.exists()
    assert verified(config) == Verified(str(cache), 1, 1, ())


def test_mask_in_the_folder_of_another_is_named(config: Config, cache: Path) -> None:
    entry, *_ = sorted(cache.glob("v1/builtin-*/*/*.png"))
    strange = entry.parent.with_name("00")
    strange.mkdir()
    entry.rename(strange / entry.name)

    [fault] = verified(config).faults

    assert fault.entry.endswith(f"/00/{entry.name}")
    assert "never found" in fault.reason


def test_to_verify_is_no_use_of_an_entry(config: Config, cache: Path) -> None:
    entry, *_ = cache.glob("v1/builtin-*/*/*.png")
    os.utime(entry, (5000, 5000))

    verified(config)

    assert entry.stat().st_mtime == 5000
