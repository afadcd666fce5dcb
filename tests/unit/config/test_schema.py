"""The config's values, and what becomes of them in the domain."""

import json
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from watchd.config.schema import Config, Recipe, Threads, json_schema
from watchd.domain.hook import CommandHook, Hooks, WebHook
from watchd.domain.profile import After, Detect, Order, Profile, WatchFolder
from watchd.domain.reuse import CachePolicy


def config(tmp_path: Path, **values: object) -> Config:
    return Config.model_validate(values, context={"base": tmp_path})


def test_a_root_alone_gives_the_folders_of_the_readme_and_the_defaults_of_the_domain(tmp_path):
    root = tmp_path / "photos"

    folders = config(tmp_path, watch=[{"root": "photos"}]).watch_folders()

    places = [root / name for name in ("inbox", "outbox", "originals", "failed", ".watchd")]
    assert folders == (WatchFolder("photos", *places, root=root),)


def test_every_value_of_an_entry_reaches_its_watch_folder(tmp_path):
    entry = {
        "name": "studio",
        "root": "photos",
        "outbox": "/srv/cutouts",
        "profile": "fine",
        "recursive": False,
        "after": "keep",
        "detect": "polling",
        "settle": "3s",
        "settle_timeout": "1m",
        "rescan": "2m",
        "poll": "7s",
        "ignore": ["*.draft.jpg"],
        "order": "newest",
        "priority": "low",
        "rules": True,
    }

    (folder,) = config(tmp_path, watch=[entry], profiles={"fine": {"model": "u2net"}}).watch_folders()

    root = tmp_path / "photos"
    assert folder == WatchFolder(
        name="studio",
        inbox=root / "inbox",
        outbox=Path("/srv/cutouts"),
        originals=root / "originals",
        failed=root / "failed",
        sidecar=root / ".watchd",
        root=root,
        profile=Profile("fine", "u2net", "png"),
        recursive=False,
        after=After.KEEP,
        detect=Detect.POLLING,
        settle_s=3.0,
        settle_timeout_s=60.0,
        rescan_s=120.0,
        poll_s=7.0,
        ignore=("*.draft.jpg",),
        order=Order.NEWEST,
        priority=-10,
        choices=(Profile(), Profile("fine", "u2net", "png")),
    )


def test_paths_of_a_watch_folder_have_their_links_resolved(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")

    (folder,) = config(tmp_path, watch=[{"root": "link"}]).watch_folders()

    assert folder.inbox == tmp_path / "real" / "inbox"


def test_a_link_that_leads_to_itself_is_a_path_like_any_other(tmp_path):
    (tmp_path / "loop").symlink_to("loop")

    (folder,) = config(tmp_path, watch=[{"root": "loop"}]).watch_folders()

    assert folder.inbox == tmp_path / "loop" / "inbox"


def test_a_name_is_given_or_the_last_part_of_the_root_or_a_number(tmp_path):
    apart = {key: f"apart/{key}" for key in ("inbox", "outbox", "originals", "failed", "sidecar")}
    entries = [{"root": "a/jpg"}, {"root": "b/jpg"}, {"root": "c", "name": "scans"}, apart, {"root": "scans"}]

    folders = config(tmp_path, watch=entries).watch_folders()

    assert [folder.name for folder in folders] == ["jpg", "jpg-2", "scans", "watch-4", "scans-5"]


def test_an_entry_without_root_must_place_each_of_the_five(tmp_path):
    with pytest.raises(ValidationError, match="no folder for outbox, originals, failed, sidecar: give root"):
        config(tmp_path, watch=[{"inbox": "in"}])


def test_the_default_profile_exists_beside_others_and_may_be_changed(tmp_path):
    assert config(tmp_path, profiles={"fine": {"model": "u2net"}}).profile("default") == Profile()
    assert config(tmp_path, profiles={"default": {"model": "u2net"}}).profile("default").model == "u2net"


def test_a_section_with_nothing_in_it_has_every_default(tmp_path):
    empty = config(tmp_path, threads=None, profiles=None, watch=None, log=None)

    assert empty == Config()
    assert config(tmp_path, profiles={"fine": None}).profiles["fine"] == Recipe()


def test_a_recipe_without_keys_is_the_profile_of_the_domain():
    assert Config().profile("default") == Profile()


def test_an_unset_key_is_not_mistaken_for_a_given_nothing():
    with pytest.raises(ValidationError):
        Config.model_validate({"queue": {"size": None}})


def test_a_config_cannot_be_changed():
    with pytest.raises(ValidationError):
        Threads().workers = 3


def test_the_json_schema_describes_every_key_and_writes_defaults_as_people_do():
    schema = json_schema()

    assert schema["$schema"].endswith("2020-12/schema")
    assert json.loads(json.dumps(schema)) == schema
    sections = [schema, *schema["$defs"].values()]
    for section in sections:
        assert section["additionalProperties"] is False
        assert all(key["description"].endswith(".") for key in section["properties"].values())
    watch = schema["$defs"]["Watch"]["properties"]
    assert watch["settle_timeout"]["default"] == "5m"
    assert watch["after"]["enum"] == ["move", "keep", "delete"]
    assert watch["after"]["live"] is True
    assert schema["properties"]["lease"]["live"] is False
    assert schema["$defs"]["Cache"]["properties"]["ttl"]["live"] is True


def test_every_default_in_the_json_schema_fits_its_own_pattern():
    for section in json_schema()["$defs"].values():
        for key in section["properties"].values():
            if "pattern" in key:
                assert re.fullmatch(key["pattern"], key["default"])


def test_a_profile_reuses_what_the_cache_section_says_unless_it_differs(tmp_path):
    it = config(
        tmp_path,
        cache={"outputs": {"enabled": False}, "perceptual": {"max_distance": 12}},
        profiles={"own": {"cache": {"outputs": True, "perceptual": False}}},
    )

    assert it.profile("default").cache == CachePolicy(outputs=False, max_distance=12)
    assert it.profile("own").cache == CachePolicy(outputs=True, perceptual=False, max_distance=12)


def test_strict_only_tightens_what_counts_as_alike(tmp_path):
    loose = config(tmp_path, cache={"perceptual": {"strict": True}}).profile("default").cache
    tight = {"strict": True, "max_distance": 4, "min_edge_agreement": 0.9}
    tighter = config(tmp_path, cache={"perceptual": tight}).profile("default").cache

    assert (loose.max_distance, loose.min_edge_agreement) == (8, 0.8)
    assert (tighter.max_distance, tighter.min_edge_agreement) == (4, 0.9)


def test_the_cache_lies_in_the_sidecar_or_where_it_is_put(tmp_path):
    auto = config(tmp_path, watch=[{"root": "a"}])
    put = config(tmp_path, watch=[{"root": "a"}], cache={"dir": "remembered"})

    assert auto.cache_of(auto.watch_folders()[0]) == tmp_path / "a/.watchd/cache"
    assert put.cache_of(put.watch_folders()[0]) == tmp_path / "remembered"


def test_precision_chooses_the_network(tmp_path):
    recipes = {"fast": {"model": "u2netp", "precision": "int8"}, "fine": {"model": "u2netp"}}

    found = config(tmp_path, profiles=recipes)

    assert (found.profile("fast").model, found.profile("fine").model) == ("u2netp.int8", "u2netp")


def test_hooks_reach_their_watch_folder_and_relative_paths_start_at_the_config(tmp_path):
    hooks = {
        "rest": "1m",
        "on_delivered": [{"command": ["./tell.sh", "./as it is"], "timeout": "5s"}, {"command": ["tell"]}],
        "on_failed": [{"url": "https://example.org/x", "secret": "key", "details": True, "attempts": 2}],
        "on_batch_done": [{"url": "http://example.org", "secret": "$CREDENTIALS_DIRECTORY/key"}],
    }

    [folder] = config(tmp_path, watch=[{"root": "a", "hooks": hooks}]).watch_folders()

    assert folder.hooks == Hooks(
        on_delivered=(
            CommandHook((f"{tmp_path}/tell.sh", "./as it is"), 5.0),
            CommandHook(("tell",), 30.0),
        ),
        on_failed=(WebHook("https://example.org/x", 30.0, 2, f"{tmp_path}/key", details=True),),
        on_batch_done=(WebHook("http://example.org", 30.0, 5, "$CREDENTIALS_DIRECTORY/key"),),
        rest_s=60.0,
    )


def test_nothing_under_a_hook_list_is_nobody_to_tell(tmp_path):
    [folder] = config(tmp_path, watch=[{"root": "a", "hooks": {"on_failed": None}}]).watch_folders()

    assert folder.hooks == Hooks()


@pytest.mark.parametrize(
    ("hook", "words"),
    [
        ({}, "neither command nor url"),
        ({"command": ["a"], "url": "https://b"}, "both command and url"),
        ({"command": ["a"], "secret": "key", "attempts": 2}, "attempts, secret: of a url only"),
        ({"command": "tell --loud"}, "a list: a program and its arguments"),
        ({"command": []}, "a list: a program and its arguments"),
        ({"command": ["sleep", 5]}, "numbers in quotes"),
        ({"command": [" "]}, "a list: a program and its arguments"),
        ({"command": ["a\0b"]}, "a list: a program and its arguments"),
        ({"url": "ftp://example.org"}, "https://HOST/PATH or http://HOST/PATH"),
        ({"url": "https://example.org", "timeout": "0s"}, "a time from 100ms to 1h"),
        ({"url": "https://example.org", "timeout": "2h"}, "a time from 100ms to 1h"),
        ({"url": "https://example.org", "retries": 2}, "retries"),
    ],
)
def test_a_hook_that_cannot_be_is_refused(tmp_path, hook, words):
    with pytest.raises(ValidationError, match=re.escape(words)):
        config(tmp_path, watch=[{"root": "a", "hooks": {"on_delivered": [hook]}}])


def test_an_address_is_shown_without_its_path_which_may_be_a_secret(tmp_path):
    hooks = {"on_failed": [{"url": "https://example.org/token"}]}

    shown = config(tmp_path, watch=[{"root": "a", "hooks": hooks}]).model_dump(mode="json")

    assert shown["watch"][0]["hooks"]["on_failed"][0]["url"] == "https://example.org/***"
