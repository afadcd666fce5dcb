import threading

from fakes import Crashes, ManualClock, wait_until

from watchd.background import Background, Grace, Pulse


def test_body_runs_on_a_thread_of_its_name_and_leaving_stops_it(crashes: Crashes) -> None:
    began = threading.Event()
    names = []

    def body(stopping: threading.Event) -> None:
        names.append(threading.current_thread().name)
        began.set()
        stopping.wait(5)

    with Background("feeder", body, crashes, Grace(5)) as thread:
        assert began.wait(5)
        assert thread.alive

    assert names == ["feeder"]
    assert not thread.alive
    assert crashes.seen == []


def test_body_that_raises_is_reported_with_its_name_and_leaving_still_works(crashes: Crashes) -> None:
    error = ValueError("broken")

    def body(stopping: threading.Event) -> None:
        raise error

    with Background("janitor", body, crashes, Grace(5)):
        assert crashes.told.wait(5)

    assert crashes.seen == [("janitor", error)]


def test_leaving_wakes_a_body_that_blocks_on_something_else(crashes: Crashes) -> None:
    something = threading.Event()

    def body(stopping: threading.Event) -> None:
        something.wait(30)

    with Background("feeder", body, crashes, Grace(5), wake=something.set) as thread:
        pass

    assert not thread.alive


def test_leaving_twice_does_no_harm(crashes: Crashes) -> None:
    thread = Background("x", lambda stopping: None, crashes, Grace(5))

    with thread:
        pass
    thread.__exit__(None, None, None)

    assert not thread.alive


def test_body_that_does_not_stop_is_left_behind_after_the_grace(crashes: Crashes) -> None:
    release = threading.Event()

    def body(stopping: threading.Event) -> None:
        release.wait(30)

    with Background("stuck", body, crashes, Grace(0.01)) as thread:
        pass
    alive = thread.alive
    release.set()

    assert alive


def test_asking_to_stop_does_not_wait(crashes: Crashes) -> None:
    release = threading.Event()

    with Background("x", lambda stopping: release.wait(30), crashes, Grace(5), wake=lambda: None) as thread:
        thread.ask_to_stop()
        alive = thread.alive
        release.set()

    assert alive
    assert thread.stopping.is_set()


def test_grace_runs_from_the_first_question_and_is_shared(clock: ManualClock) -> None:
    grace = Grace(10, clock)
    clock.advance(100)

    first = grace.left_s()
    clock.advance(7)
    second = grace.left_s()
    clock.advance(7)
    third = grace.left_s()

    assert (first, second, third) == (10, 3, 0)


def test_pulse_is_late_when_a_promise_is_not_kept_and_never_at_rest() -> None:
    clock = ManualClock()
    pulse = Pulse(clock)
    late = []

    for do in (lambda: None, lambda: pulse.promise(10), lambda: pulse.promise(20), pulse.rest):
        do()
        clock.advance(11)
        late.append(pulse.late)
    pulse.promise(20)
    clock.advance(21)

    assert late == [False, True, False, False]
    assert pulse.late


def test_thread_that_has_ended_owes_nothing(crashes: Crashes) -> None:
    clock = ManualClock()
    thread: Background

    def body(stopping: threading.Event) -> None:
        thread.pulse.promise(1)

    thread = Background("feeder", body, crashes, Grace(5), clock=clock)
    with thread:
        wait_until(lambda: not thread.alive)
    clock.advance(10)

    assert not thread.pulse.late


def test_grace_may_be_changed_until_it_runs() -> None:
    clock = ManualClock()
    grace = Grace(5, clock)

    grace.allow(9)
    before = grace.left_s()
    grace.allow(100)

    assert (before, grace.left_s()) == (9, 9)
