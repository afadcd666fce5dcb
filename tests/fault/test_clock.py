"""Clocks that are a day off, or jump by one while the daemon runs; files from the future and from 1970."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from daemons import configure, crowd, empty, lines, said, stop
from fakes import draw, encoded, wait_until
from house import files
from oracle import assert_converged

Drop = Callable[[str, bytes], str]

_DAY_S = 86400
_LIBRARIES = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib/faketime/libfaketimeMT.so.1")


@pytest.fixture
def faketime() -> dict[str, str]:
    """What gives a process a clock of its own; its files and its monotonic clock stay as they are."""
    found = [path for pattern in _LIBRARIES for path in Path("/").glob(pattern.lstrip("/"))]
    if not found:
        pytest.skip("libfaketime is not installed; scripts/test installs it where it may")
    return {
        "LD_PRELOAD": str(found[0]),
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
        "FAKE_UTIME": "1",  # "now" of the file system stays what it is
        "FAKETIME_NO_CACHE": "1",
    }


@pytest.mark.timeout(180)
@pytest.mark.parametrize("days", [1, -1])
def test_jump_of_the_clock_while_it_works_loses_nothing_and_fails_nothing(
    root: Path,
    tmp_path: Path,
    drop: Drop,
    photos: list[bytes],
    tiny: Path,
    faketime: dict[str, str],
    days: int,
) -> None:
    configure(root, lease="2s")
    clock = tmp_path / "clock"
    clock.write_text("+0\n")
    with crowd(root, tiny, 1, FAKETIME_TIMESTAMP_FILE=str(clock), **faketime) as [daemon]:
        inputs = {f"{n}.jpg": drop(f"{n}.jpg", data) for n, data in enumerate(photos)}
        inputs["large.jpg"] = drop("large.jpg", encoded("JPEG", draw(4000, 3000)))
        wait_until(lambda: said(root, "delivered"), within_s=60)
        clock.write_text(f"{days * _DAY_S:+d}\n")
        inputs["after.jpg"] = drop("after.jpg", photos[0] + b"after")
        wait_until(empty(root), within_s=60)
        assert stop(daemon) == 0

    times = sorted(line["time"] for line in lines(root))
    assert times[0][:10] != times[-1][:10], "the clock did not jump"
    assert_converged(root, inputs)
    assert files(root / "failed") == set()


@pytest.mark.timeout(180)
def test_daemons_whose_clocks_are_two_days_apart_share_a_folder(
    root: Path, drop: Drop, photos: list[bytes], tiny: Path, faketime: dict[str, str]
) -> None:
    configure(root, lease="2s")
    early, late = ({**faketime, "FAKETIME": f"{days}d"} for days in ("-1", "+1"))
    with crowd(root, tiny, 1, **early) as [first], crowd(root, tiny, 1, **late) as [second]:
        inputs = {f"{n}.jpg": drop(f"{n}.jpg", photos[n % 5] + b"%d" % n) for n in range(40)}
        wait_until(empty(root), within_s=120)
        codes = [stop(first), stop(second)]

    assert codes == [0, 0]
    assert_converged(root, inputs)
    assert sorted(line["path"] for line in said(root, "delivered")) == sorted(inputs)


@pytest.mark.timeout(120)
def test_files_from_the_future_and_from_1970_are_delivered(
    root: Path, drop: Drop, photos: list[bytes], tiny: Path
) -> None:
    configure(root)
    inputs = {}
    with crowd(root, tiny, 1) as [daemon]:
        for number, mtime in enumerate([0, 1, time.time() + _DAY_S, time.time() + 10 * 365 * _DAY_S]):
            name = f"{number}.jpg"
            inputs[name] = drop(name, photos[number])
            os.utime(root / "inbox" / name, (mtime, mtime))
        wait_until(empty(root), within_s=60)
        assert stop(daemon) == 0

    assert_converged(root, inputs)
    assert files(root / "failed") == set()
