"""Several daemons on one folder: one is frozen past its lease, one is killed on another host."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import kill
from daemons import configure, crowd, empty, freeze_at_work, rewrite_claims, said, stop
from fakes import draw, encoded, wait_until
from house import files
from oracle import assert_converged

from watchd.domain.job import source_key

Drop = Callable[[str, bytes], str]


@pytest.fixture(scope="module")
def large() -> bytes:
    """A picture that keeps a worker busy for about a second."""
    return encoded("JPEG", draw(4000, 3000))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("count", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_frozen_past_its_lease_a_daemon_delivers_nothing_of_what_others_took_over(
    root: Path, drop: Drop, large: bytes, tiny: Path, count: int
) -> None:
    configure(root, lease="2s", threads="{workers: 2}")
    inputs = {}
    with crowd(root, tiny, count) as daemons:
        for number in range(12):
            name = f"{number}.jpg"
            inputs[name] = drop(name, large + name.encode())
        frozen = freeze_at_work(root, daemons)

        wait_until(empty(root), within_s=120)
        frozen.send_signal(signal.SIGCONT)
        wait_until(lambda: said(root, "taken over", "reason"), within_s=60)
        codes = [stop(daemon) for daemon in daemons]

    assert codes == [0] * count
    assert_converged(root, inputs)
    delivered = sorted(line["path"] for line in said(root, "delivered"))
    assert delivered == sorted(inputs)


@pytest.mark.timeout(300)
def test_many_daemons_at_work_together_deliver_each_file_once(
    root: Path, drop: Drop, photos: list[bytes], tiny: Path
) -> None:
    configure(root, lease="5s")
    inputs = {}
    with crowd(root, tiny, 4) as daemons:
        for number in range(60):
            name = f"{number}.jpg"
            inputs[name] = drop(name, photos[number % 5] + name.encode())
        wait_until(empty(root), within_s=120)
        codes = [stop(daemon) for daemon in daemons]

    assert codes == [0] * 4
    assert_converged(root, inputs)
    assert sorted(line["path"] for line in said(root, "delivered")) == sorted(inputs)


@pytest.mark.timeout(300)
def test_work_of_a_daemon_killed_on_another_host_is_taken_up_after_its_lease_and_not_before(
    root: Path, drop: Drop, large: bytes, tiny: Path
) -> None:
    lease_s = 8
    configure(root, lease=f"{lease_s}s", threads="{workers: 1}")
    with crowd(root, tiny, 1) as daemons:
        inputs = {name: drop(name, large + name.encode()) for name in ("a.jpg", "b.jpg")}
        kill(freeze_at_work(root, daemons))
    claims = rewrite_claims(
        root, lambda claim: {**claim, "holder": {**claim["holder"], "space": "elsewhere"}}
    )
    earliest = {claim.name.partition(".")[0]: claim.stat().st_mtime + lease_s for claim in claims}
    claimed = {name: earliest[source_key(name)] for name in inputs if source_key(name) in earliest}
    assert claimed.keys() & files(root / "inbox")

    with crowd(root, tiny, 1) as [heir]:
        wait_until(empty(root), within_s=60)
        stop(heir)

    assert_converged(root, inputs)
    for name, free_at in claimed.items():
        assert (root / "originals" / name).stat().st_ctime >= free_at
