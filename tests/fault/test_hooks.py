"""Hooks that hang, crash, flood or are not there, and receivers of every bad habit: no file pays for it."""

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from commands import daemon
from daemons import configure, empty, said, stop
from fakes import wait_until
from house import House, running
from oracle import assert_converged, assert_nothing_lost
from receiver import Habit, Receiver, answers, drips, hangs_up, never_answers, never_ends

Drop = Callable[[str, bytes], str]

_EVENTS = ("on_delivered", "on_failed", "on_batch_done")


def for_all(*hooks: dict[str, Any]) -> str:
    return json.dumps({"rest": "100ms"} | {key: list(hooks) for key in _EVENTS})


def sh(script: str, timeout: str = "10m") -> dict[str, Any]:
    return {"command": ["sh", "-c", script], "timeout": timeout}


def python(script: str, timeout: str = "10m") -> dict[str, Any]:
    return {"command": [sys.executable, "-S", "-c", script], "timeout": timeout}


PROGRAMS = {
    "hangs": sh("sleep 600"),
    "hangs, deaf to SIGTERM": sh("trap '' TERM; while :; do sleep 1; done"),
    "takes too long": sh("sleep 600", "300ms"),
    "floods its pipe": sh("yes"),
    "floods its pipe and ends": python("print('x' * 10_000_000)"),
    "leaves a child with its pipe": sh("sleep 5 &"),
    "floods by a child": sh("timeout 5 yes &"),
    "kills itself": sh("kill -KILL $$"),
    "kills its group": sh("kill -KILL 0"),
    "fails": sh("echo no >&2; exit 1"),
    "is not there": {"command": ["/nowhere/tell"]},
    "is not executable": {"command": ["/etc/passwd"]},
    "is a folder": {"command": ["/tmp"]},
}

HABITS: dict[str, Habit] = {
    "never answers": never_answers,
    "drips": drips,
    "hangs up": hangs_up,
    "never ends": never_ends,
    "is in trouble": answers(500),
    "refuses": answers(403),
    "sends elsewhere": answers(307, Location="file:///etc/passwd"),
}


def work_through(house: House, drop: Drop, photos: list[bytes], broken: bytes) -> dict[str, str]:
    """Every file comes to its end while the hooks misbehave; `photos` come in two batches."""
    inputs: dict[str, str] = {}
    for number in range(10):
        inputs[f"{number}.jpg"] = drop(f"{number}.jpg", photos[number % 5] + bytes([number]))
    inputs["broken.png"] = drop("broken.png", broken)
    wait_until(lambda: house.inbox() == set(), within_s=60)
    inputs["last.jpg"] = drop("last.jpg", photos[0])
    wait_until(lambda: house.inbox() == set(), within_s=60)
    assert_nothing_lost(house.root, inputs)
    return inputs


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_program_costs_no_job(
    root: Path, tiny: Path, drop: Drop, photos: list[bytes], broken: bytes, program: dict[str, Any]
) -> None:
    before = {child.pid for child in psutil.Process().children()}
    with running(root, tiny, {"hooks": for_all(program), "drain": "1s"}) as house:
        inputs = work_through(house, drop, photos, broken)

    assert_converged(root, inputs)
    assert {child.pid for child in psutil.Process().children()} <= before


@pytest.mark.parametrize("habit", HABITS.values(), ids=HABITS)
def test_receiver_costs_no_job(
    root: Path,
    tiny: Path,
    drop: Drop,
    photos: list[bytes],
    broken: bytes,
    receiver: Receiver,
    habit: Habit,
) -> None:
    receiver.habits = [habit]
    hooks = for_all({"url": receiver.url(), "timeout": "1s"})
    with running(root, tiny, {"hooks": hooks, "drain": "1s"}) as house:
        inputs = work_through(house, drop, photos, broken)
        wait_until(lambda: receiver.posts, within_s=30)

    assert_converged(root, inputs)


def test_all_of_them_at_once_cost_no_job(
    root: Path, tiny: Path, drop: Drop, photos: list[bytes], broken: bytes, receiver: Receiver
) -> None:
    """More that hang than there are threads to tell."""
    receiver.habits = [never_answers]
    hooks = for_all(*PROGRAMS.values(), {"url": receiver.url(), "timeout": "10m"})
    with running(root, tiny, {"hooks": hooks, "drain": "1s"}) as house:
        inputs = work_through(house, drop, photos, broken)

    assert_converged(root, inputs)


def test_daemon_that_is_asked_to_stop_ends_in_time_and_takes_its_hooks_along(
    root: Path, tiny: Path, drop: Drop, photos: list[bytes]
) -> None:
    hanging = sh(f"echo $$ >> {root}.pids; sleep 600")
    configure(root, f"hooks: {for_all(hanging)}", drain="1s")
    with daemon(root, "--model", tiny) as process:
        inputs = {name: drop(name, photos[0]) for name in ("a.jpg", "b.jpg")}
        wait_until(empty(root), within_s=60)
        pids = Path(f"{root}.pids")
        wait_until(pids.exists, within_s=30)

        assert stop(process) == 0

        assert not any(psutil.pid_exists(int(pid)) for pid in pids.read_text().split())
    assert said(root, "hooks not told before the end")
    assert_converged(root, inputs)


def test_hook_that_kills_the_daemon_costs_no_file(
    root: Path, tiny: Path, drop: Drop, photos: list[bytes]
) -> None:
    """kill -9 in the middle of being told: whoever was told is perhaps told again, by the same id."""
    killing = sh(
        f'echo "$WATCHD_ID" >> {root}.ids; [ -e {root}.killed ] || {{ : > {root}.killed; kill -9 $PPID; }}'
    )
    configure(root, f"hooks: {json.dumps({'on_delivered': [killing]})}", lease="2s")
    with daemon(root, "--model", tiny) as process:
        inputs = {f"{number}.jpg": drop(f"{number}.jpg", photo) for number, photo in enumerate(photos)}
        assert process.wait(60) == -signal.SIGKILL
    assert_nothing_lost(root, inputs)

    with daemon(root, "--model", tiny) as process:
        wait_until(empty(root), within_s=60)
        assert stop(process) == 0

    ids = set(Path(f"{root}.ids").read_text().split())
    assert len(ids) <= len(inputs)
    assert_converged(root, inputs)


def test_descriptors_and_children_do_not_pile_up(
    root: Path, tiny: Path, drop: Drop, photos: list[bytes], receiver: Receiver
) -> None:
    receiver.habits = [hangs_up]
    hooks = for_all(sh("exit 1"), sh("sleep 600", "100ms"), {"url": receiver.url(), "attempts": 1})
    with running(root, tiny, {"hooks": hooks, "drain": "1s"}) as house:
        open_before = 0
        for turn in range(3):
            told = len(receiver.posts)
            drop(f"{turn}.jpg", photos[turn])
            wait_until(lambda told=told: len(receiver.posts) >= told + 2, within_s=60)
            wait_until(lambda: house.inbox() == set(), within_s=60)
            open_before = open_before or len(os.listdir("/proc/self/fd"))
        # Those of hooks that are being told come and go.
        wait_until(lambda: len(os.listdir("/proc/self/fd")) <= open_before + 8)
