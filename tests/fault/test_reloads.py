"""Configurations that change, or are broken, in the middle of the work: no job is lost, none is done twice"""

import os
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from daemons import configure, crowd, empty, said, stop
from fakes import wait_until
from house import files
from oracle import assert_converged, assert_nothing_lost

Drop = Callable[[str, bytes], str]

pytestmark = pytest.mark.timeout(180)


def drop_many(drop: Drop, photos: list[bytes], numbers: range) -> dict[str, str]:
    return {f"{n}.jpg": drop(f"{n}.jpg", photos[n % 5] + b"%d" % n) for n in numbers}


def assert_once_each(root: Path, inputs: dict[str, str]) -> None:
    delivered = Counter(line["path"] for line in said(root, "delivered"))
    assert delivered == Counter(dict.fromkeys(inputs, 1))


def test_workers_from_one_to_eight_to_two_under_load(
    root: Path, drop: Drop, photos: list[bytes], tiny: Path
) -> None:
    configure(root, threads="{workers: 1}", cache="{enabled: false}")
    with crowd(root, tiny, 1) as [daemon]:
        inputs = {}
        for round_, workers in enumerate((1, 8, 2, 8, 1, 2)):
            configure(root, threads=f"{{workers: {workers}}}", cache="{enabled: false}")
            inputs |= drop_many(drop, photos, range(round_ * 25, round_ * 25 + 25))
            daemon.send_signal(signal.SIGHUP)
            wait_until(lambda round_=round_: len(said(root, "configuration reloaded")) > round_, within_s=60)
        wait_until(empty(root), within_s=120)
        assert stop(daemon) == 0

    assert_converged(root, inputs)
    assert_once_each(root, inputs)


def test_a_thousand_signals_to_reload_under_load(
    root: Path, drop: Drop, photos: list[bytes], tiny: Path
) -> None:
    configure(root)
    with crowd(root, tiny, 1) as [daemon]:
        inputs = drop_many(drop, photos, range(40))
        for number in range(1000):
            if number == 500:
                configure(root, threads="{workers: 3}")
            daemon.send_signal(signal.SIGHUP)
        wait_until(lambda: said(root, "threads.workers", "changed"), within_s=60)
        wait_until(empty(root), within_s=120)
        assert stop(daemon) == 0

    assert_converged(root, inputs)
    assert_once_each(root, inputs)


def test_profile_that_changes_again_and_again_under_load(
    root: Path, drop: Drop, photos: list[bytes], tiny: Path
) -> None:
    """Each change is another branch for the same files, beside those whose jobs are under way."""
    configure(root)
    with crowd(root, tiny, 1) as [daemon]:
        inputs = drop_many(drop, photos, range(60))
        for turn in range(8):
            configure(
                root, folder=f"poll: {turn + 1}s", profiles=f"{{default: {{encode: {_ENCODE[turn % 2]}}}}}"
            )
            daemon.send_signal(signal.SIGHUP)
            wait_until(lambda turn=turn: len(said(root, "configuration reloaded")) > turn, within_s=60)
        wait_until(empty(root), within_s=120)
        assert stop(daemon) == 0

    assert_converged(root, inputs)
    assert_once_each(root, inputs)


_ENCODE = ("small", "fast")


def test_folder_that_is_removed_while_busy_loses_nothing_and_goes_on_when_it_is_back(
    root: Path, drop: Drop, photos: list[bytes], slow: Path, tmp_path: Path
) -> None:
    configure(root, threads="{workers: 2}", cache="{enabled: false}")
    there = (root / "config.yaml").read_text()
    with crowd(root, slow, 1) as [daemon]:
        inputs = drop_many(drop, photos, range(30))
        wait_until(lambda: said(root, "delivered"), within_s=60)
        (root / "config.yaml").write_text(there.replace("root: .", f"root: {tmp_path / 'other'}"))
        daemon.send_signal(signal.SIGHUP)
        wait_until(lambda: said(root, "folder removed"), within_s=60)
        wait_until(lambda: os.listdir(root / ".watchd" / "claims") == [], within_s=60)
        wait_until(lambda: '"state": "stopped"' in (root / ".watchd" / "status.json").read_text())
        begun, ended = said(root, "begun"), said(root, "delivered")
        left = files(root / "inbox")
        assert_nothing_lost(root, inputs)

        (root / "config.yaml").write_text(there)
        daemon.send_signal(signal.SIGHUP)
        wait_until(empty(root), within_s=120)
        assert stop(daemon) == 0

    assert left
    assert len(begun) == len(ended) == len(inputs) - len(left)
    assert_converged(root, inputs)
    assert_once_each(root, inputs)


def test_configuration_that_changes_during_a_drain_is_left_for_the_next_start(
    root: Path, drop: Drop, photos: list[bytes], slow: Path
) -> None:
    configure(root, threads="{workers: 2}", cache="{enabled: false}")
    with crowd(root, slow, 1) as [daemon]:
        inputs = drop_many(drop, photos, range(12))
        wait_until(lambda: said(root, "begun"), within_s=60)
        daemon.send_signal(signal.SIGTERM)
        configure(root, threads="{workers: 1}", cache="{enabled: false}")
        daemon.send_signal(signal.SIGHUP)
        code = daemon.wait(60)
    assert_nothing_lost(root, inputs)
    reloaded = said(root, "configuration reloaded")

    with crowd(root, slow, 1) as [daemon]:
        wait_until(empty(root), within_s=120)
        stop(daemon)

    assert code == 0
    assert reloaded == []
    assert_converged(root, inputs)
