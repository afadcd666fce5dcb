"""What of a changed configuration holds at once."""

from pathlib import Path

import pytest

from watchd.config.live import change
from watchd.config.schema import Config


def config(**values: object) -> Config:
    return Config.model_validate({"watch": [{"root": "a"}]} | values, context={"base": Path("/photos")})


def test_nothing_new_changes_nothing() -> None:
    changed = change(config(), config())

    assert changed.config == config()
    assert (changed.live, changed.restart) == ((), ())


def test_what_is_live_is_taken_over_and_named() -> None:
    new = config(cache={"ttl": "1d", "outputs": {"max_size": "5GB"}}, log={"level": "debug"})

    changed = change(config(), new)

    assert changed.config == new
    assert changed.live == ("cache.ttl", "cache.outputs.max_size", "log.level")
    assert changed.restart == ()


def test_what_needs_a_restart_is_named_and_stays() -> None:
    new = config(cache={"dir": "elsewhere", "ttl": "1d"}, threads={"workers": 7})

    changed = change(config(), new)

    assert changed.config == config(cache={"ttl": "1d"})
    assert changed.live == ("cache.ttl",)
    assert set(changed.restart) == {"cache.dir", "threads.workers"}


def test_what_a_profile_reuses_is_live() -> None:
    old = config(profiles={"fine": {"model": "u2net"}})
    new = config(profiles={"fine": {"model": "u2netp", "cache": {"perceptual": False}}})

    changed = change(old, new)

    assert changed.config.profile("fine").cache.perceptual is False
    assert changed.config.profile("fine").model == "u2net"
    assert changed.live == ("profiles.fine.cache.perceptual",)
    assert changed.restart == ("profiles.fine.model",)


@pytest.mark.parametrize(
    ("new", "named"),
    [
        (config(watch=[{"root": "a"}, {"root": "b"}]), "watch[1]"),
        (config(watch=[{"root": "b"}]), "watch[0].root"),
        (config(profiles={"other": {}}), "profiles.other"),
    ],
)
def test_folders_and_profiles_that_come_or_change_need_a_restart(new: Config, named: str) -> None:
    changed = change(config(), new)

    assert changed.config == config()
    assert changed.restart == (named,)


def test_change_may_be_taken_back() -> None:
    there = change(config(), config(cache={"ttl": "1d"})).config

    assert change(there, config()).config == config()
