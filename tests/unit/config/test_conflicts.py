"""Pairs of keys that cannot both stand, and layouts that may."""

from pathlib import Path

import pytest

from watchd.config.conflicts import conflicts
from watchd.config.keys import dotted
from watchd.config.schema import Config


def found(base: Path, *entries: dict[str, object], **values: object) -> dict[str, str]:
    config = Config.model_validate({"watch": entries, **values}, context={"base": base})
    return {dotted(path): text for path, text in conflicts(config)}


def test_two_roots_side_by_side_stand(tmp_path):
    assert found(tmp_path, {"root": "a"}, {"root": "b"}) == {}


@pytest.mark.parametrize("key", ["outbox", "originals", "failed", "sidecar"])
def test_a_folder_inside_the_inbox_that_would_see_it_is_refused(tmp_path, key):
    problems = found(tmp_path, {"root": "a", key: "a/inbox/x/y"})

    assert problems == {
        f"watch[0].{key}": f"{tmp_path}/a/inbox/x/y lies inside watch[0].inbox ({tmp_path}/a/inbox), "
        "which would take in what comes there"
    }


def test_a_folder_inside_an_inbox_that_is_not_recursive_stands(tmp_path):
    assert found(tmp_path, {"root": "a", "outbox": "a/inbox/done", "recursive": False}) == {}


def test_a_folder_that_is_the_inbox_is_refused_even_if_that_is_not_recursive(tmp_path):
    problems = found(tmp_path, {"root": "a", "outbox": "a/inbox", "recursive": False})

    assert list(problems) == ["watch[0].outbox"]
    assert "is watch[0].inbox already" in problems["watch[0].outbox"]


def test_a_sibling_whose_name_begins_like_the_inbox_stands(tmp_path):
    assert found(tmp_path, {"root": "a", "outbox": "a/inbox-done"}) == {}


def test_an_inbox_inside_an_outbox_stands(tmp_path):
    assert found(tmp_path, {"root": "a", "outbox": "a"}) == {}


def test_an_outbox_inside_the_inbox_of_another_watch_folder_is_refused(tmp_path):
    problems = found(tmp_path, {"root": "a"}, {"root": "b", "outbox": "a/inbox/b"})

    assert list(problems) == ["watch[1].outbox"]
    assert "watch[0].inbox" in problems["watch[1].outbox"]


def test_an_outbox_that_is_the_inbox_of_a_later_watch_folder_is_refused(tmp_path):
    problems = found(tmp_path, {"root": "a", "outbox": "b/inbox"}, {"root": "b"})

    assert list(problems) == ["watch[1].inbox"]
    assert "watch[0].outbox" in problems["watch[1].inbox"]


@pytest.mark.parametrize("inner", ["a/inbox", "a/inbox/deeper"])
def test_inboxes_that_nest_or_are_equal_are_refused_whether_recursive_or_not(tmp_path, inner):
    one = {"root": "a", "recursive": False}

    assert "watch[1].inbox" in found(tmp_path, one, {"root": "b", "inbox": inner})
    assert set(found(tmp_path, {"root": "b", "inbox": inner}, one)) & {"watch[0].inbox", "watch[1].inbox"}


@pytest.mark.parametrize("key", ["outbox", "sidecar"])
def test_two_watch_folders_do_not_share_an_outbox_or_a_sidecar(tmp_path, key):
    problems = found(tmp_path, {"root": "a", key: "shared"}, {"root": "b", key: "shared"})

    assert problems == {
        f"watch[1].{key}": f"{tmp_path}/shared is watch[0].{key} already; each needs a folder of its own"
    }


@pytest.mark.parametrize("key", ["originals", "failed"])
def test_two_watch_folders_may_share_what_is_numbered_on_collision(tmp_path, key):
    assert found(tmp_path, {"root": "a", key: "shared"}, {"root": "b", key: "shared"}) == {}


def test_two_keys_of_one_watch_folder_never_name_the_same_folder(tmp_path):
    problems = found(tmp_path, {"root": "a", "outbox": "x", "originals": "x"})

    assert list(problems) == ["watch[0].originals"]


def test_a_link_hides_nothing(tmp_path):
    (tmp_path / "a" / "inbox").mkdir(parents=True)
    (tmp_path / "elsewhere").symlink_to("a/inbox")

    assert list(found(tmp_path, {"root": "a", "outbox": "elsewhere/out"})) == ["watch[0].outbox"]


def test_two_watch_folders_do_not_share_a_given_name(tmp_path):
    problems = found(tmp_path, {"root": "a", "name": "x"}, {"root": "b", "name": "x"})

    assert problems == {"watch[1].name": "'x' is watch[0].name already; each needs its own"}


def test_an_unknown_profile_is_guessed_or_else_the_known_ones_are_listed(tmp_path):
    profiles = {"product": {}}

    like = found(tmp_path, {"root": "a", "profile": "prodcut"}, profiles=profiles)
    unlike = found(tmp_path, {"root": "a", "profile": "zzz"}, profiles=profiles)

    assert like == {"watch[0].profile": "'prodcut' is not a key of profiles, did you mean product?"}
    assert unlike == {"watch[0].profile": "'zzz' is not a key of profiles, there are: default, product"}


def test_a_settle_timeout_that_ends_before_any_file_settles_is_refused(tmp_path):
    problems = found(tmp_path, {"root": "a", "settle": "2m", "settle_timeout": "1m"})

    assert problems == {"watch[0].settle_timeout": "60s is not longer than watch[0].settle (120s)"}


def test_a_cache_inside_an_inbox_is_refused(tmp_path):
    problems = found(tmp_path, {"root": "a"}, cache={"dir": "a/inbox/cache"})

    assert problems == {
        "cache.dir": f"{tmp_path}/a/inbox/cache lies inside watch[0].inbox ({tmp_path}/a/inbox), "
        "which would take in what comes there"
    }


def test_a_cache_beside_the_inboxes_stands(tmp_path):
    assert found(tmp_path, {"root": "a"}, {"root": "b"}, cache={"dir": "cache"}) == {}


def test_bf16_is_refused_where_the_engine_has_none(tmp_path):
    profiles = {"fine": {}, "fast": {"precision": "bf16"}}

    assert found(tmp_path, {"root": "a"}, profiles=profiles, models={"engine": "openvino"}) == {}
    assert found(tmp_path, {"root": "a"}, profiles=profiles) == {
        "profiles.fast.precision": "bf16 needs models.engine: openvino (pip install 'watchd[openvino]')"
    }


def test_providers_are_refused_where_the_engine_has_none(tmp_path):
    problems = found(tmp_path, {"root": "a"}, models={"engine": "openvino", "providers": ["cuda", "cpu"]})

    assert list(problems) == ["models.providers"]
    assert "onnxruntime" in problems["models.providers"]


def test_a_list_of_cpus_is_refused_where_the_engine_keeps_to_none(tmp_path):
    problems = found(tmp_path, {"root": "a"}, models={"engine": "openvino"}, binding="0-1")

    assert list(problems) == ["binding"]
    assert "taskset -c 0-1" in problems["binding"]
    assert found(tmp_path, {"root": "a"}, models={"engine": "openvino"}, binding="none") == {}


def test_quiet_hours_side_by_side_stand(tmp_path):
    day, night = {"hours": "06:00-22:00", "workers": 1}, {"hours": "22:00-06:00"}

    assert found(tmp_path, schedule=[day, night], threads={"workers": 2}) == {}


def test_quiet_hours_that_overlap_are_refused_also_over_the_end_of_the_week(tmp_path):
    schedule = [{"days": "mon", "hours": "05:00-09:00"}, {"days": "sun", "hours": "22:00-06:00"}]

    assert found(tmp_path, schedule=schedule) == {
        "schedule[1].hours": "overlaps schedule[0]: at any time only one may hold"
    }


def test_quiet_hours_with_more_workers_than_there_are_are_refused(tmp_path):
    schedule = [{"hours": "05:00-09:00", "workers": 3}]

    assert found(tmp_path, schedule=schedule, threads={"workers": 2}) == {
        "schedule[0].workers": "3 is more than threads.workers (2)"
    }
    assert found(tmp_path, schedule=schedule) == {}


def test_folders_cannot_be_delivered_where_none_is_watched(tmp_path):
    problems = found(tmp_path, {"root": "a", "deliver": "folders", "recursive": False})

    assert problems == {"watch[0].deliver": "folders, but watch[0].recursive is false: none would be watched"}
    assert found(tmp_path, {"root": "a", "deliver": "folders"}) == {}
