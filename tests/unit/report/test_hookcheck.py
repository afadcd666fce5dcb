"""What `watchd check` says of hooks."""

import json
from dataclasses import replace
from pathlib import Path

from receiver import Receiver

from watchd.domain.hook import CommandHook, Hooks, WebHook
from watchd.domain.profile import WatchFolder
from watchd.report.hookcheck import looked_over, tried

PATH = {"PATH": "/usr/bin:/bin"}


def test_every_hook_is_looked_over_and_none_is_told(
    folder: WatchFolder, receiver: Receiver, tmp_path: Path
) -> None:
    hooks = Hooks(
        on_delivered=(CommandHook(("sh",)), CommandHook(("/nowhere",))),
        on_failed=(WebHook(receiver.url()),),
        on_batch_done=(WebHook(receiver.url(), secret=str(tmp_path / "missing")),),
    )

    answers = list(looked_over(replace(folder, hooks=hooks), PATH))

    assert [(str(each.occasion), each.good) for each in answers] == [
        ("delivered", True),
        ("delivered", False),
        ("failed", True),
        ("batch_done", False),
    ]
    assert "is not there" in answers[1].words
    assert "no secret" in answers[3].words
    assert receiver.posts == []


def test_hooks_that_are_tried_are_told_that_it_is_a_test(folder: WatchFolder, receiver: Receiver) -> None:
    hooks = Hooks(
        on_delivered=(WebHook(receiver.url()),), on_failed=(CommandHook(("sh", "-c", "echo why; exit 2")),)
    )

    [told, failed] = tried(replace(folder, hooks=hooks), PATH)

    assert (told.words, told.good) == ("was told", True)
    assert json.loads(receiver.posts[0].body)["test"] is True
    assert (failed.words, failed.good) == ("ended with exit code 2; it said: why", False)
