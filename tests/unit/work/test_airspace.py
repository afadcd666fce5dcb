import threading

from fakes import wait_until

from watchd.work.airspace import Airspace


def test_many_fly_together() -> None:
    airspace = Airspace()

    with airspace.together(), airspace.together():
        pass


def test_who_is_alone_waits_for_the_others_and_holds_back_who_comes_later() -> None:
    airspace = Airspace()
    said: list[str] = []
    asked, leave = threading.Event(), threading.Event()

    def suspect() -> None:
        asked.set()
        with airspace.alone():
            said.append("alone")
            leave.wait(5)
            said.append("landed")

    def other() -> None:
        with airspace.together():
            said.append("later")

    with airspace.together():
        threads = [threading.Thread(target=suspect), threading.Thread(target=other)]
        threads[0].start()
        asked.wait(5)
        wait_until(lambda: airspace._alone_wanted)
        threads[1].start()
        assert said == []
    wait_until(lambda: said == ["alone"])
    leave.set()
    for thread in threads:
        thread.join(5)

    assert said == ["alone", "landed", "later"]


def test_two_suspects_are_alone_one_after_the_other() -> None:
    airspace = Airspace()
    together: list[int] = []
    inside = 0
    guard = threading.Lock()

    def suspect() -> None:
        nonlocal inside
        with airspace.alone():
            with guard:
                inside += 1
                together.append(inside)
            with guard:
                inside -= 1

    threads = [threading.Thread(target=suspect) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)

    assert together == [1] * 8
