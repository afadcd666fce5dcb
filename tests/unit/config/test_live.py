"""What of a changed configuration holds at once."""

from pathlib import Path

from watchd.config.keys import all_keys
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
    new = config(cache={"dir": "elsewhere", "ttl": "1d"}, lease="5m", isolation="process")

    changed = change(config(), new)

    assert changed.config == config(cache={"ttl": "1d"})
    assert changed.live == ("cache.ttl",)
    assert set(changed.restart) == {"cache.dir", "lease", "isolation"}


def test_profiles_change_come_and_go() -> None:
    old = config(profiles={"fine": {"model": "u2net"}, "old": {}})
    new = config(profiles={"fine": {"model": "u2netp", "cache": {"perceptual": False}}, "new": {}})

    changed = change(old, new)

    assert changed.config == new
    assert changed.live == (
        "profiles.fine.model",
        "profiles.fine.cache.perceptual",
        "profiles.old",
        "profiles.new",
    )
    assert changed.restart == ()


def test_watch_folders_are_told_apart_by_their_names_wherever_they_stand_in_the_list() -> None:
    old = config(watch=[{"root": "a"}, {"root": "b"}, {"root": "c"}])
    new = config(watch=[{"root": "c", "settle": "9s"}, {"root": "a"}, {"root": "d"}])

    changed = change(old, new)

    assert changed.config == new
    assert changed.live == ("watch.b", "watch.c.settle", "watch.d")


def test_every_key_of_what_may_come_and_go_is_live() -> None:
    """Else a folder that is new would follow the file, and one that has changed would not."""
    kept = [
        key for key in all_keys() if key.path[0] in ("watch", "profiles", "schedule") and key.section is None
    ]

    assert [key for key in kept if not key.live] == []


def test_change_may_be_taken_back() -> None:
    there = change(config(), config(cache={"ttl": "1d"}, watch=[{"root": "b"}])).config

    assert change(there, config()).config == config()


def test_hooks_change_come_and_go() -> None:
    def hooks(**hooks: object) -> Config:
        return config(watch=[{"root": "a", "hooks": hooks}])

    old = hooks(on_delivered=[{"command": ["one"]}, {"command": ["two"]}])
    new = hooks(on_delivered=[{"command": ["other"]}], on_failed=[{"url": "https://example.org"}], rest="1m")

    changed = change(old, new)

    assert changed.config == new
    assert len(changed.live) == 4
    assert changed.restart == ()


def test_quiet_hours_change_come_and_go() -> None:
    old = config(schedule=[{"hours": "08:00-12:00"}, {"hours": "13:00-14:00"}])
    new = config(schedule=[{"hours": "08:00-12:00", "workers": 1}])

    changed = change(old, new)

    assert changed.config == new
    assert changed.live == ("schedule.0.workers", "schedule.1")
    assert change(new, old).config == old
