from itertools import pairwise

import pytest

from watchd.domain.job import Arrival, Stamp
from watchd.intake.complete import Wholeness
from watchd.intake.settle import Rest, Settler
from watchd.intake.sightings import Hint

SETTLE_S, TIMEOUT_S = 2.0, 300.0
PROVEN, ENDED, PLAIN = Wholeness.PROVEN, Wholeness.ENDED, Wholeness.PLAIN
DOUBTFUL, UNFINISHED, BUSY = Wholeness.DOUBTFUL, Wholeness.UNFINISHED, Wholeness.BUSY


@pytest.fixture
def settler() -> Settler:
    return Settler(SETTLE_S, TIMEOUT_S, capacity=100)


def stamp(size: int = 10) -> Stamp:
    return Stamp(size, size, size, 1)


def look(settler: Settler, wholeness: Wholeness, now: float, size: int = 10) -> Rest:
    """Takes the file when it is due, and judges it; it must be due by then."""
    assert settler.take_due(now) == "a"
    return settler.judge("a", stamp(size), wholeness, now)


def looks_until_rest(
    settler: Settler, wholeness: Wholeness, now: float = 0.0, size: int = 10
) -> tuple[Rest, float]:
    """Looks as often as the settler asks for it; the verdict, and when it came."""
    while True:
        due = settler.next_due()
        assert due is not None
        now = max(now, due)
        rest = look(settler, wholeness, now, size)
        if rest is not Rest.WAITING:
            return rest, now


def test_file_that_was_seen_is_looked_at_at_once(settler: Settler) -> None:
    settler.sight("a", Hint.SEEN, 5.0)

    assert settler.next_due() == 5.0
    assert settler.take_due(5.0) == "a"


def test_file_that_is_written_to_is_looked_at_after_the_settle_time(settler: Settler) -> None:
    settler.sight("a", Hint.TOUCHED, 0.0)

    assert settler.take_due(SETTLE_S - 0.1) is None
    assert settler.take_due(SETTLE_S) == "a"


def test_file_that_was_closed_while_it_waited_is_looked_at_at_once(settler: Settler) -> None:
    settler.sight("a", Hint.TOUCHED, 0.0)
    settler.sight("a", Hint.ARRIVED, 0.5)

    assert settler.take_due(0.5) == "a"


def test_further_touches_do_not_put_the_look_off(settler: Settler) -> None:
    for tenth in range(15):
        settler.sight("a", Hint.TOUCHED, tenth / 10)

    assert settler.next_due() == SETTLE_S


def test_proven_file_settles_at_the_first_look(settler: Settler) -> None:
    settler.sight("a", Hint.SEEN, 0.0)

    assert look(settler, PROVEN, 0.0) is Rest.SETTLED


def test_ended_file_that_arrived_settles_at_the_first_look(settler: Settler) -> None:
    settler.sight("a", Hint.ARRIVED, 0.0)

    assert look(settler, ENDED, 0.0) is Rest.SETTLED


@pytest.mark.parametrize("wholeness", [ENDED, PLAIN])
def test_file_that_was_only_seen_waits_out_the_settle_time(settler: Settler, wholeness: Wholeness) -> None:
    settler.sight("a", Hint.SEEN, 0.0)

    assert looks_until_rest(settler, wholeness) == (Rest.SETTLED, pytest.approx(SETTLE_S))


def test_plain_file_that_arrived_waits_all_the_same(settler: Settler) -> None:
    settler.sight("a", Hint.ARRIVED, 0.0)

    assert looks_until_rest(settler, PLAIN) == (Rest.SETTLED, pytest.approx(SETTLE_S))


def test_arrival_counts_no_more_once_the_file_has_changed_again(settler: Settler) -> None:
    settler.sight("a", Hint.ARRIVED, 0.0)
    look(settler, UNFINISHED, 0.0, size=10)

    first = look(settler, ENDED, settler.next_due() or 0.0, size=20)

    assert first is Rest.WAITING


def test_arrival_after_a_change_counts_again(settler: Settler) -> None:
    settler.sight("a", Hint.ARRIVED, 0.0)
    look(settler, UNFINISHED, 0.0, size=10)
    settler.sight("a", Hint.ARRIVED, 0.05)

    assert look(settler, ENDED, 0.05, size=20) is Rest.SETTLED


def test_file_that_is_still_growing_never_settles(settler: Settler) -> None:
    settler.sight("a", Hint.SEEN, 0.0)
    verdicts = set()

    for size in range(200):
        now = settler.next_due()
        assert now is not None
        verdicts.add(look(settler, ENDED, now, size))

    assert verdicts == {Rest.WAITING}


def test_file_must_rest_for_twice_its_writers_longest_pause(settler: Settler) -> None:
    settler.sight("a", Hint.SEEN, 0.0)
    look(settler, ENDED, 0.0, size=10)
    settler.take_due(20.0)
    assert settler.judge("a", stamp(20), ENDED, 20.0) is Rest.WAITING

    assert looks_until_rest(settler, ENDED, size=20) == (Rest.SETTLED, pytest.approx(60.0))


def test_longest_pause_is_bounded_by_the_time_out(settler: Settler) -> None:
    settler.sight("a", Hint.SEEN, 0.0)
    look(settler, ENDED, 0.0, size=10)
    settler.take_due(1000.0)
    settler.judge("a", stamp(20), ENDED, 1000.0)

    assert looks_until_rest(settler, ENDED, size=20) == (Rest.SETTLED, pytest.approx(1000.0 + TIMEOUT_S))


def test_unfinished_file_is_given_up_after_the_time_out(settler: Settler) -> None:
    settler.sight("a", Hint.ARRIVED, 0.0)

    assert looks_until_rest(settler, UNFINISHED) == (Rest.NEVER, pytest.approx(TIMEOUT_S))


def test_time_out_begins_anew_with_every_change(settler: Settler) -> None:
    settler.sight("a", Hint.SEEN, 0.0)
    look(settler, UNFINISHED, 0.0, size=10)
    settler.take_due(290.0)
    settler.judge("a", stamp(20), UNFINISHED, 290.0)

    assert looks_until_rest(settler, UNFINISHED, size=20) == (Rest.NEVER, pytest.approx(590.0))


def test_doubtful_file_is_believed_after_the_time_out(settler: Settler) -> None:
    settler.sight("a", Hint.ARRIVED, 0.0)

    assert looks_until_rest(settler, DOUBTFUL) == (Rest.SETTLED, pytest.approx(TIMEOUT_S))


def test_busy_file_waits_for_as_long_as_it_is_busy(settler: Settler) -> None:
    settler.sight("a", Hint.ARRIVED, 0.0)
    now = 0.0

    while now < 10 * TIMEOUT_S:
        now = settler.next_due() or 0.0
        assert look(settler, BUSY, now) is Rest.WAITING

    assert look(settler, PROVEN, settler.next_due() or 0.0) is Rest.SETTLED


def test_looks_come_soon_at_first_and_rarely_later(settler: Settler) -> None:
    settler.sight("a", Hint.SEEN, 0.0)
    times = []

    for _ in range(60):
        times.append(settler.next_due() or 0.0)
        look(settler, BUSY, times[-1])
    gaps = [after - before for before, after in pairwise(times)]

    assert gaps[0] == pytest.approx(0.1)
    assert gaps[-1] == pytest.approx(5.0)
    assert all(after >= before - 1e-6 for before, after in pairwise(gaps))


def test_quiet_time_known_from_elsewhere_is_credited(settler: Settler) -> None:
    settler.sight("a", Hint.SEEN, 100.0, quiet_s=SETTLE_S + 1)

    assert look(settler, ENDED, 100.0) is Rest.SETTLED


def test_quiet_time_known_from_elsewhere_is_no_pause_of_the_writer(settler: Settler) -> None:
    settler.sight("a", Hint.SEEN, 100.0, quiet_s=100.0)
    look(settler, UNFINISHED, 100.0, size=10)
    settler.take_due(105.0)
    settler.judge("a", stamp(20), ENDED, 101.0)

    rest, when = looks_until_rest(settler, ENDED, size=20)

    assert (rest, when) == (Rest.SETTLED, pytest.approx(101.0 + SETTLE_S))


def test_warning_comes_once_after_half_of_the_time_out(settler: Settler) -> None:
    settler.sight("a", Hint.SEEN, 0.0)
    look(settler, BUSY, 0.0)

    warned = [settler.overdue("a", now) for now in (10.0, TIMEOUT_S / 2 - 1, TIMEOUT_S / 2, TIMEOUT_S)]

    assert warned == [False, False, True, False]


def test_files_are_taken_in_the_order_of_their_time(settler: Settler) -> None:
    settler.sight("late", Hint.TOUCHED, 0.0)
    settler.sight("soon", Hint.SEEN, 1.0)
    settler.sight("first", Hint.SEEN, 0.5)

    order = []
    while (due := settler.next_due()) is not None and (name := settler.take_due(due)) is not None:
        order.append(name)

    assert order == ["first", "soon", "late"]


def test_forgotten_file_is_not_taken(settler: Settler) -> None:
    settler.sight("a", Hint.SEEN, 0.0)

    settler.forget("a")
    settler.forget("never seen")

    assert settler.take_due(10.0) is None
    assert settler.next_due() is None
    assert "a" not in settler


def test_file_sighted_again_after_it_was_forgotten_starts_anew(settler: Settler) -> None:
    settler.sight("a", Hint.ARRIVED, 0.0)
    settler.forget("a")
    settler.sight("a", Hint.SEEN, 50.0)

    assert look(settler, ENDED, 50.0) is Rest.WAITING


def test_postponed_file_is_due_then_and_not_before(settler: Settler) -> None:
    settler.sight("a", Hint.SEEN, 0.0)
    settler.take_due(0.0)

    settler.postpone("a", 7.0)

    assert settler.take_due(6.9) is None
    assert settler.take_due(7.0) == "a"


def test_capacity_is_told(settler: Settler) -> None:
    small = Settler(SETTLE_S, TIMEOUT_S, capacity=2)

    fullness = []
    for name in ("a", "b"):
        fullness.append(small.full)
        small.sight(name, Hint.SEEN, 0.0)
    fullness.append(small.full)
    small.forget("a")
    fullness.append(small.full)

    assert fullness == [False, False, True, False]
    assert len(small) == 1


def test_file_put_off_that_comes_sooner_has_not_settled_before_it_was_sighted(settler: Settler) -> None:
    settler.sight("a", Hint.SEEN, 0.0)
    settler.take_due(0.0)
    settler.put_off("a", 60.0)

    settler.sight("a", Hint.ARRIVED, 20.0)
    settler.take_due(20.0)

    assert settler.arrival("a") == Arrival(sighted=20.0, settled=20.0)


def ranked(capacity: int = 100) -> Settler:
    """Where the name says which goes first."""
    return Settler(SETTLE_S, TIMEOUT_S, capacity, lambda relative, _: (-ord(relative), relative))


def test_files_whose_time_has_come_go_by_rank_and_not_by_time() -> None:
    settler = ranked()
    for now, name in enumerate("bca"):
        settler.sight(name, Hint.SEEN, now)

    assert [settler.take_due(2.0) for _ in range(4)] == ["c", "b", "a", None]


def test_file_whose_time_has_not_come_holds_up_nobody_of_a_lower_rank() -> None:
    settler = ranked()
    settler.sight("z", Hint.TOUCHED, 0.0)
    settler.sight("a", Hint.SEEN, 0.0)

    assert [settler.take_due(0.0), settler.take_due(0.0)] == ["a", None]
    assert settler.take_due(SETTLE_S) == "z"


def test_file_that_comes_later_passes_those_that_wait_with_a_lower_rank() -> None:
    settler = ranked()
    for name in "abc":
        settler.sight(name, Hint.SEEN, 0.0)
    first = settler.take_due(0.0)
    settler.sight("z", Hint.SEEN, 1.0)

    assert [first, settler.take_due(1.0), settler.next_due()] == ["c", "z", 0.0]


def test_file_that_was_ranked_and_then_put_off_or_forgotten_is_not_taken() -> None:
    settler = ranked()
    for name in "abc":
        settler.sight(name, Hint.SEEN, 0.0)
    settler.take_due(0.0)

    settler.put_off("b", 9.0)
    settler.forget("a")

    assert settler.take_due(1.0) is None
    assert settler.take_due(9.0) == "b"


def test_file_is_ranked_by_the_stamp_it_was_sighted_with() -> None:
    settler = Settler(
        SETTLE_S, TIMEOUT_S, 100, lambda relative, known: (known.size if known else 0, relative)
    )
    settler.sight("large", Hint.SEEN, 0.0, stamp=stamp(20))
    settler.sight("small", Hint.SEEN, 0.0, stamp=stamp(10))

    assert [settler.take_due(0.0), settler.take_due(0.0)] == ["small", "large"]
