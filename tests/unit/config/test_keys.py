"""Keys as paths: listed, shown, guessed."""

import pytest

from watchd.config.keys import all_keys, dotted, guess


def test_every_key_is_listed_once_with_its_section_before_it():
    paths = [".".join(key.path) for key in all_keys()]

    assert len(paths) == len(set(paths))
    assert {"watch.*.settle", "profiles.*.model", "threads.workers", "binding", "log.level"} <= set(paths)
    assert paths.index("threads") < paths.index("threads.workers")


def test_every_key_that_holds_a_value_says_what_it_is_and_whether_it_reloads():
    for key in all_keys():
        assert key.description.endswith(".")
        if key.section is None:
            assert key.written is not None
            assert "live" in key.field.json_schema_extra


def test_the_place_of_the_cache_needs_a_restart_and_all_else_of_it_does_not():
    live = {".".join(key.path): key.live for key in all_keys() if key.section is None}
    of_cache = {path for path in live if path.startswith(("cache.", "profiles.*.cache."))}

    assert {path for path in of_cache if not live[path]} == {"cache.dir", "cache.redis"}
    assert live["lease"] is False


def test_a_path_is_shown_with_its_list_index_in_brackets():
    assert dotted(("watch", 0, "ignore", 2)) == "watch[0].ignore[2]"
    assert dotted(("binding",)) == "binding"


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        (("thread",), "threads"),
        (("watch", 0, "setle"), "settle"),
        (("profiles", "fine", "modle"), "model"),
        (("workers",), "threads.workers"),
        (("threads", "binding"), "binding"),
        (("qqqq",), None),
    ],
)
def test_a_wrong_key_is_taken_for_a_like_neighbour_or_else_for_its_namesake_elsewhere(wrong, meant):
    assert guess(wrong) == meant
