import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from fakes import ManualClock, dead_process, names, os_error

from watchd.process import started_ticks
from watchd.store.claims import FileClaims, Holder
from watchd.tree import Tree

KEY = "0123456789abcdef0123456789abcdef"
LEASE_S = 60.0
ABROAD = Holder("another-host/pid:[1]", 1, 0)


@pytest.fixture
def sidecar(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def daemon(sidecar: Tree, holder: Holder | None = None) -> FileClaims:
    """The claims as one daemon sees them; without a holder it is this very process."""
    return FileClaims(sidecar, LEASE_S, Holder.myself if holder is None else lambda: holder)


def take(claims: FileClaims) -> str:
    token = claims.acquire(KEY)
    assert token is not None
    return token


def let_time_pass(sidecar: Tree, seconds: float) -> None:
    """Ages every claim, as the file server sees it."""
    for name in names(sidecar.root / "claims"):
        path = sidecar.root / "claims" / name
        then = path.stat().st_mtime - seconds
        os.utime(path, (then, then))


def test_source_has_one_owner(sidecar: Tree) -> None:
    first, second = daemon(sidecar), daemon(sidecar)

    token = take(first)

    assert second.acquire(KEY) is None
    assert first.acquire(KEY) is None
    assert first.holds(KEY, token)


def test_other_sources_are_free(sidecar: Tree) -> None:
    first, second = daemon(sidecar), daemon(sidecar)
    take(first)

    assert second.acquire("f" * 32) is not None


def test_released_source_is_free_and_leaves_no_file(sidecar: Tree) -> None:
    first, second = daemon(sidecar), daemon(sidecar)
    token = take(first)

    first.release(KEY, token)
    left = names(sidecar.root / "claims")

    assert left == []
    assert not first.holds(KEY, token)
    assert second.acquire(KEY) is not None


def test_claims_are_idle_once_everything_that_was_held_is_released(sidecar: Tree) -> None:
    claims = daemon(sidecar)
    before = claims.idle
    token = take(claims)
    during = claims.idle

    claims.release(KEY, token)

    assert [before, during, claims.idle] == [True, False, True]


def test_source_is_free_for_the_same_daemon_after_its_release(sidecar: Tree) -> None:
    claims = daemon(sidecar)
    tokens = set()

    for _ in range(3):
        token = take(claims)
        tokens.add(token)
        claims.release(KEY, token)

    assert len(tokens) == 3


def test_claim_of_a_process_that_has_ended_is_taken_at_once(sidecar: Tree) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    holder = Holder(Holder.myself().space, child.pid, started_ticks(child.pid) or 0)
    dead = daemon(sidecar, holder)
    old = take(dead)
    while_it_lived = daemon(sidecar).acquire(KEY)

    child.communicate()
    heir = daemon(sidecar)
    new = heir.acquire(KEY)

    assert while_it_lived is None
    assert new is not None
    assert heir.holds(KEY, new)
    assert not dead.holds(KEY, old)


def test_claim_of_a_process_whose_number_was_given_anew_is_taken_at_once(sidecar: Tree) -> None:
    me = Holder.myself()
    take(daemon(sidecar, Holder(me.space, me.pid, me.started_ticks - 1)))

    assert daemon(sidecar).acquire(KEY) is not None


def test_process_of_another_host_is_never_called_dead() -> None:
    assert not Holder("another-host/pid:[1]", 2**30, 0).dead()
    assert not Holder.myself().dead()


def test_claim_of_another_host_is_taken_only_after_its_lease(sidecar: Tree) -> None:
    take(daemon(sidecar, ABROAD))
    here = daemon(sidecar)

    let_time_pass(sidecar, LEASE_S - 10)
    before = here.acquire(KEY)
    let_time_pass(sidecar, 20)
    after = here.acquire(KEY)

    assert before is None
    assert after is not None


def test_refreshed_claim_lives_on(sidecar: Tree) -> None:
    abroad, here = daemon(sidecar, ABROAD), daemon(sidecar)
    token = take(abroad)

    for _ in range(3):
        let_time_pass(sidecar, LEASE_S - 10)
        abroad.refresh()

    assert here.acquire(KEY) is None
    assert abroad.holds(KEY, token)


def test_owner_that_was_overtaken_holds_nothing_and_its_refresh_changes_that_not(sidecar: Tree) -> None:
    frozen, here = daemon(sidecar, ABROAD), daemon(sidecar)
    old = take(frozen)
    let_time_pass(sidecar, LEASE_S + 10)
    new = take(here)

    frozen.refresh()

    assert not frozen.holds(KEY, old)
    assert here.holds(KEY, new)


def test_release_by_who_was_overtaken_takes_nothing_from_the_new_owner(sidecar: Tree) -> None:
    frozen, here = daemon(sidecar, ABROAD), daemon(sidecar)
    old = take(frozen)
    let_time_pass(sidecar, LEASE_S + 10)
    new = take(here)

    frozen.release(KEY, old)

    assert here.holds(KEY, new)
    assert daemon(sidecar).acquire(KEY) is None


def test_overtaken_claim_does_not_come_back_to_life_when_the_new_owner_releases(sidecar: Tree) -> None:
    frozen, here = daemon(sidecar, ABROAD), daemon(sidecar)
    old = take(frozen)
    let_time_pass(sidecar, LEASE_S + 10)
    new = take(here)

    here.release(KEY, new)

    assert names(sidecar.root / "claims") == []
    assert not frozen.holds(KEY, old)


def test_overtaken_owner_does_not_hold_what_a_third_has_taken_since(sidecar: Tree) -> None:
    frozen, second, third = daemon(sidecar, ABROAD), daemon(sidecar), daemon(sidecar)
    old = take(frozen)
    let_time_pass(sidecar, LEASE_S + 10)
    second.release(KEY, take(second))

    new = take(third)
    frozen.refresh()
    frozen.release(KEY, old)

    assert not frozen.holds(KEY, old)
    assert third.holds(KEY, new)


def test_release_removes_the_oldest_claim_first(sidecar: Tree) -> None:
    """Should the process die between two removals, no overtaken claim may be the highest that is left."""
    first, second = daemon(sidecar, ABROAD), daemon(sidecar)
    take(first)
    let_time_pass(sidecar, LEASE_S + 10)
    token = take(second)
    (sidecar.root / "claims" / f"{KEY}.1").unlink()
    (sidecar.root / "claims" / f"{KEY}.1").mkdir()  # cannot be unlinked

    with os_error():
        second.release(KEY, token)

    assert (sidecar.root / "claims" / f"{KEY}.2").exists()


def test_claim_that_is_half_written_is_respected_until_its_lease_ends(sidecar: Tree) -> None:
    (sidecar.root / "claims").mkdir()
    (sidecar.root / "claims" / f"{KEY}.1").touch()
    here = daemon(sidecar)

    before = here.acquire(KEY)
    let_time_pass(sidecar, LEASE_S + 10)
    after = here.acquire(KEY)

    assert before is None
    assert after is not None


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"token": "x"}', b'{"token": "x", "holder": {"pid": 1}}'])
def test_claim_that_cannot_be_read_is_respected_too(sidecar: Tree, content: bytes) -> None:
    (sidecar.root / "claims").mkdir()
    (sidecar.root / "claims" / f"{KEY}.1").write_bytes(content)

    assert daemon(sidecar).acquire(KEY) is None


def test_trouble_of_the_disk_while_claiming_leaves_the_source_free(sidecar: Tree) -> None:
    claims = daemon(sidecar)
    (sidecar.root / "claims").write_bytes(b"in the way of the folder")
    with os_error():
        claims.acquire(KEY)

    (sidecar.root / "claims").unlink()

    assert claims.acquire(KEY) is not None


def test_trouble_of_the_disk_while_releasing_lets_the_lease_run_out(sidecar: Tree) -> None:
    claims = daemon(sidecar)
    token = take(claims)
    (sidecar.root / "claims").rename(sidecar.root / "away")
    (sidecar.root / "claims").write_bytes(b"in the way of the folder")
    with os_error():
        claims.release(KEY, token)
    (sidecar.root / "claims").unlink()
    (sidecar.root / "away").rename(sidecar.root / "claims")

    claims.refresh()
    let_time_pass(sidecar, LEASE_S + 10)

    assert claims.acquire(KEY) is not None


def test_claim_whose_files_someone_removed_is_not_held(sidecar: Tree) -> None:
    claims = daemon(sidecar)
    token = take(claims)
    (sidecar.root / "claims" / f"{KEY}.1").unlink()

    claims.refresh()

    assert not claims.holds(KEY, token)


def test_clock_of_this_host_plays_no_part(sidecar: Tree) -> None:
    """The claim looks a day old by our clock, and so does everything the file server writes."""
    abroad = daemon(sidecar, ABROAD)
    take(abroad)
    claim = sidecar.root / "claims" / f"{KEY}.1"
    server = time.time()
    os.utime(claim, (server, server))

    assert daemon(sidecar).acquire(KEY) is None


def test_nothing_but_claims_stays_in_the_folder(sidecar: Tree) -> None:
    first, second = daemon(sidecar, ABROAD), daemon(sidecar)
    take(first)
    second.acquire(KEY)

    assert names(sidecar.root / "claims") == [f"{KEY}.1"]


def test_sweep_removes_the_claims_of_the_dead_and_no_other(sidecar: Tree) -> None:
    me = Holder.myself()
    dead, alive, abroad = (
        daemon(sidecar, Holder(me.space, me.pid, 1)),
        daemon(sidecar),
        daemon(sidecar, ABROAD),
    )
    for number, claims in enumerate((dead, alive, abroad)):
        assert claims.acquire(f"{number:032d}")

    alive.sweep()

    assert names(sidecar.root / "claims") == [f"{1:032d}.1", f"{2:032d}.1"]


def test_sweep_removes_what_was_abandoned_long_ago(sidecar: Tree) -> None:
    take(daemon(sidecar, ABROAD))

    daemon(sidecar).sweep()
    let_time_pass(sidecar, 10 * LEASE_S)
    daemon(sidecar).sweep()
    early = names(sidecar.root / "claims")
    let_time_pass(sidecar, 100 * LEASE_S)
    daemon(sidecar).sweep()

    assert early == [f"{KEY}.1"]
    assert names(sidecar.root / "claims") == []


def test_sweep_removes_what_a_power_cut_has_torn_once_its_lease_has_run_out(sidecar: Tree) -> None:
    (sidecar.root / "claims").mkdir()
    (sidecar.root / "claims" / f"{KEY}.1").touch()

    daemon(sidecar).sweep()
    early = names(sidecar.root / "claims")
    let_time_pass(sidecar, LEASE_S + 10)
    daemon(sidecar).sweep()

    assert early == [f"{KEY}.1"]
    assert names(sidecar.root / "claims") == []


def test_sweep_brings_no_overtaken_claim_back_to_life(sidecar: Tree) -> None:
    me = Holder.myself()
    frozen, heir = daemon(sidecar, ABROAD), daemon(sidecar, Holder(me.space, me.pid, 1))
    old = take(frozen)
    let_time_pass(sidecar, LEASE_S + 10)
    take(heir)

    daemon(sidecar).sweep()
    frozen.refresh()

    assert not frozen.holds(KEY, old)


def test_sweep_leaves_alone_what_it_does_not_know(sidecar: Tree) -> None:
    (sidecar.root / "claims").mkdir()
    (sidecar.root / "claims" / "README").touch()

    daemon(sidecar).sweep()

    assert names(sidecar.root / "claims") == ["README"]


@pytest.mark.parametrize("stale", [False, True])
def test_of_many_who_reach_for_a_source_at_once_one_gets_it(sidecar: Tree, stale: bool) -> None:
    for turn in range(20):
        key = f"{turn:032d}"
        if stale:
            assert daemon(sidecar, ABROAD).acquire(key)
            let_time_pass(sidecar, LEASE_S + 10)
        crowd = [daemon(sidecar) for _ in range(6)]
        tokens = together(crowd, lambda claims, key=key: claims.acquire(key))

        assert sum(token is not None for token in tokens) == 1


def test_threads_of_one_daemon_claim_many_sources_at_once(sidecar: Tree) -> None:
    claims, abroad = daemon(sidecar), daemon(sidecar, ABROAD)
    for number in range(6):
        abroad.acquire(f"{number:032d}")

    def claim(number: int) -> bool:
        asked = [claims.acquire(f"{number:032d}") for _ in range(100)]  # each asks the file server's clock
        return not any(asked)

    assert together(range(6), claim) == [True] * 6


def together(items, work):  # type: ignore[no-untyped-def]
    """`work(item)` of all items, each on its own thread, begun at the same time."""
    items = list(items)
    start, results = threading.Barrier(len(items)), [None] * len(items)

    def run(index: int) -> None:
        start.wait(5)
        results[index] = work(items[index])

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(items))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return results


def test_claim_that_cannot_be_written_leaves_nothing_behind(sidecar: Tree) -> None:
    claims = daemon(sidecar)
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        with os_error():
            claims.acquire(KEY)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)

    assert names(sidecar.root / "claims") == []
    assert daemon(sidecar).acquire(KEY) is not None


@pytest.mark.parametrize("days", [1, -1])
def test_jump_of_the_clock_takes_no_claim_from_who_lives(sidecar: Tree, days: int) -> None:
    """After it every claim looks a day old, or a day ahead, until its owner has refreshed it."""
    clock = ManualClock()
    here, abroad = FileClaims(sidecar, LEASE_S, monotonic=clock), daemon(sidecar, ABROAD)
    token = take(abroad)
    assert here.acquire(KEY) is None

    clock.advance(-86400 * days)  # as against the file server's clock, which went the other way
    let_time_pass(sidecar, 86400 * days)
    right_after_it = here.acquire(KEY)
    abroad.refresh()
    clock.advance(LEASE_S + 1)
    here.sweep()
    later = here.acquire(KEY)

    assert right_after_it is None
    assert later is None
    assert abroad.holds(KEY, token)


@pytest.mark.parametrize("days", [1, -1])
def test_claim_of_the_dead_is_taken_up_one_lease_after_a_jump_of_the_clock(sidecar: Tree, days: int) -> None:
    clock = ManualClock()
    here = FileClaims(sidecar, LEASE_S, monotonic=clock)
    take(daemon(sidecar, ABROAD))
    assert here.acquire(KEY) is None

    let_time_pass(sidecar, 86400 * days)
    clock.advance(-86400 * days)
    right_after_it = here.acquire(KEY)
    clock.now = clock.now + LEASE_S / 5
    still_early = here.acquire(KEY)
    later = []
    for _ in range(6):
        clock.now = clock.now + LEASE_S / 5
        later.append(here.acquire(KEY))

    assert right_after_it is None
    assert still_early is None
    assert any(later)


def test_share_that_answers_slowly_is_no_jump_of_the_clock(sidecar: Tree) -> None:
    answers = iter(range(0, 100_000, int(LEASE_S)))  # each look at our clock finds a lease gone
    here = FileClaims(sidecar, LEASE_S, monotonic=lambda: float(next(answers)))
    take(daemon(sidecar, ABROAD))
    assert here.acquire(KEY) is None

    let_time_pass(sidecar, LEASE_S + 10)

    assert here.acquire(KEY) is not None


def release_while_the_share_is_away(claims: FileClaims, sidecar: Tree, token: str) -> None:
    away = sidecar.root / "away"
    (sidecar.root / "claims").rename(away)
    (sidecar.root / "claims").touch()
    with os_error():
        claims.release(KEY, token)
    (sidecar.root / "claims").unlink()
    away.rename(sidecar.root / "claims")


def test_claim_that_could_not_be_released_goes_with_the_next_refresh(sidecar: Tree) -> None:
    here = daemon(sidecar)
    release_while_the_share_is_away(here, sidecar, take(here))

    here.refresh()

    assert names(sidecar.root / "claims") == []


def test_claim_that_was_taken_up_again_outlives_the_release_that_is_owed(sidecar: Tree) -> None:
    here = daemon(sidecar)
    release_while_the_share_is_away(here, sidecar, take(here))
    again = take(here)

    here.refresh()

    assert here.holds(KEY, again)


def test_claim_that_could_not_be_released_is_taken_up_by_its_own_daemon_at_once(sidecar: Tree) -> None:
    here = daemon(sidecar)
    token = take(here)
    release_while_the_share_is_away(here, sidecar, token)

    again = here.acquire(KEY)

    assert again is not None
    assert here.holds(KEY, again)
    assert not here.holds(KEY, token)


def test_source_is_taken_while_anybody_who_may_live_has_it(sidecar: Tree) -> None:
    first, second = daemon(sidecar), daemon(sidecar)
    before = first.taken(KEY)

    token = take(first)
    held = first.taken(KEY), second.taken(KEY)
    first.release(KEY, token)
    take(daemon(sidecar, dead_process()))

    assert (before, held, first.taken(KEY)) == (False, (True, True), False)
