"""A file that ends the process, takes too long, or needs more memory than there is."""

import json
import resource
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import kill, start
from daemons import configure, crowd, empty, in_flight, lines, said, state_of, stop
from fakes import draw, encoded, wait_until
from house import files
from oracle import assert_converged, assert_nothing_lost, digest

from watchd.domain.job import source_key
from watchd.store.receipts import Receipts
from watchd.tree import Tree

Drop = Callable[[str, bytes], str]

_ATTEMPTS = 3
_CRASHED = 70


@pytest.mark.timeout(300)
def test_file_that_kills_the_process_goes_to_failed_and_the_others_are_delivered(
    root: Path, drop: Drop, photos: list[bytes], tiny: Path
) -> None:
    configure(root, threads="{workers: 2}", attempts=_ATTEMPTS)
    inputs = {f"{number}.jpg": drop(f"{number}.jpg", data) for number, data in enumerate(photos)}
    inputs["poison.jpg"] = drop("poison.jpg", encoded("JPEG", draw(4000, 3000)))
    deaths = 0
    while not (root / "failed" / "poison.jpg").exists():
        daemon = start(root, "--model", tiny)
        deaths += _dies_of(root, daemon, "poison.jpg")
        kill(daemon)
        assert_nothing_lost(root, inputs)
        assert deaths <= _ATTEMPTS + 1, "only the first death, among others, may be forgiven"

    with crowd(root, tiny, 1) as [daemon]:
        wait_until(empty(root), within_s=60)
        stop(daemon)

    assert deaths >= _ATTEMPTS
    assert_converged(root, inputs)
    assert files(root / "failed") == {"poison.jpg", "poison.jpg.error.json"}
    assert "the process ended" in _report(root, "poison.jpg")["reason"]


@pytest.mark.timeout(600)
def test_job_that_takes_too_long_ends_the_process_and_after_some_attempts_goes_to_failed(
    root: Path, drop: Drop, photos: list[bytes], tiny: Path
) -> None:
    configure(root, threads="{workers: 2}", attempts=_ATTEMPTS, limits="{job_timeout: 2s}")
    huge = draw(1200, 1000).resize((14000, 12000))
    inputs = {f"{number}.jpg": drop(f"{number}.jpg", data) for number, data in enumerate(photos)}
    inputs["huge.jpg"] = drop("huge.jpg", encoded("JPEG", huge))
    codes = []
    while not (root / "failed" / "huge.jpg").exists():
        daemon = start(root, "--model", tiny)
        wait_until(lambda daemon=daemon: daemon.poll() is not None or empty(root)(), within_s=120)
        codes.append(stop(daemon) if daemon.poll() is None else daemon.returncode)
        assert_nothing_lost(root, inputs)
        assert len(codes) <= 2 * _ATTEMPTS

    with crowd(root, tiny, 1) as [daemon]:
        wait_until(empty(root), within_s=60)
        stop(daemon)

    assert codes[:_ATTEMPTS] == [_CRASHED] * _ATTEMPTS
    assert_converged(root, inputs)
    assert files(root / "failed") == {"huge.jpg", "huge.jpg.error.json"}
    assert "took too long" in _report(root, "huge.jpg")["reason"]
    assert said(root, "a job takes too long (limits.job_timeout), the process ends")


@pytest.mark.timeout(180)
def test_memory_that_is_short_for_a_while_costs_no_attempt(
    root: Path, drop: Drop, photos: list[bytes], tiny: Path
) -> None:
    configure(root, threads="{workers: 1}")
    with crowd(root, tiny, 1) as [daemon]:
        drop("warm-up.jpg", photos[0])
        wait_until(empty(root), within_s=60)
        used = int(Path(f"/proc/{daemon.pid}/statm").read_text().split()[0]) * resource.getpagesize()
        before = resource.prlimit(daemon.pid, resource.RLIMIT_AS, (used + (40 << 20), resource.RLIM_INFINITY))
        inputs = {"large.jpg": drop("large.jpg", encoded("JPEG", draw(6000, 4000)))}

        wait_until(lambda: said(root, "deferred"), within_s=60)
        resource.prlimit(daemon.pid, resource.RLIMIT_AS, before)
        wait_until(empty(root), within_s=60)

        assert stop(daemon) == 0
    inputs["warm-up.jpg"] = digest(root / "originals" / "warm-up.jpg")
    assert_converged(root, inputs)
    assert files(root / "failed") == set()
    assert said(root, "memory", "reason")
    receipt = Receipts(Tree(root / ".watchd")).read("large.jpg")
    assert receipt is not None
    assert receipt.attempts == 1
    assert not [line for line in lines(root) if line["message"] in ("failed", "a thread died")]


def _dies_of(root: Path, daemon: "subprocess.Popen[str]", name: str) -> bool:
    """Freezes the daemon once it works on that file; False if it never does, but puts it into failed/."""

    def at_work() -> bool:
        """Its attempt is on disk; in flight it is a little earlier, and then a death costs nothing."""
        receipt = Receipts(Tree(root / ".watchd")).read(name)
        begun = receipt is not None and receipt.flight.startswith(f"{daemon.pid}-")
        working = begun and receipt.attempts <= _ATTEMPTS  # beyond, it only goes to failed
        return working and source_key(name) in in_flight(root).get(daemon.pid, [])

    def caught() -> bool:
        if not at_work():
            return (root / "failed" / name).exists()
        daemon.send_signal(signal.SIGSTOP)
        wait_until(lambda: state_of(daemon.pid) in "Tt", within_s=30)
        if at_work():
            return True
        daemon.send_signal(signal.SIGCONT)
        return False

    wait_until(caught, within_s=60)
    return not (root / "failed" / name).exists()


def _report(root: Path, name: str) -> dict[str, str]:
    report: dict[str, str] = json.loads((root / "failed" / f"{name}.error.json").read_bytes())
    return report
