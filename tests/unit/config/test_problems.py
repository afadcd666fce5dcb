"""The words for what the schema refuses."""

import pytest
from pydantic import ValidationError

from watchd.config.keys import dotted
from watchd.config.problems import problem_of
from watchd.config.schema import Config


def problems(values: object) -> dict[str, str]:
    with pytest.raises(ValidationError) as caught:
        Config.model_validate(values)
    return {dotted(path): text for path, text in map(problem_of, caught.value.errors())}


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (0, "0"),
        (True, "true"),
        (None, "nothing"),
        ("many", "'many'"),
        ("a\nb\x1b", r"'a\nb\x1b'"),
        ([1], "a list"),
        ({}, "a mapping"),
    ],
)
def test_a_refused_value_is_shown_on_one_line_with_what_is_allowed(given, shown):
    assert problems({"attempts": given}) == {
        "attempts": f"{shown} is not allowed: a whole number from 1 to 100"
    }


def test_a_long_value_is_cut():
    assert len(problems({"attempts": "x" * 10_000})["attempts"]) < 130


def test_an_unknown_key_is_named_with_what_it_may_have_meant():
    assert problems({"thread": {}, "zzzz": 1}) == {
        "thread": "unknown key, did you mean threads?",
        "zzzz": "unknown key",
    }


def test_a_value_where_a_section_belongs_is_answered_with_the_shape():
    assert problems({"queue": 5, "profiles": [1], "watch": {"root": "."}}) == {
        "queue": "5 is not allowed: keys with their values, indented",
        "profiles": "a list is not allowed: keys with their values, indented",
        "watch": "a mapping is not allowed: a list, each entry begins with a dash",
    }


def test_a_conflict_inside_an_entry_speaks_for_itself():
    assert problems({"watch": [{"inbox": "in"}]})["watch[0]"].startswith("no root, and no folder for outbox,")


def test_quiet_hours_name_the_key_that_is_wrong():
    schedule = [{"days": "mon-fry", "hours": "08:00-08:00", "workers": -1}, {"workers": 1}, {"from": "08:00"}]

    wrong = problems({"schedule": schedule})

    assert set(wrong) == {
        "schedule[0].days",
        "schedule[0].hours",
        "schedule[0].workers",
        "schedule[1]",
        "schedule[2].from",
    }
    assert wrong["schedule[0].hours"].startswith("'08:00-08:00' is not allowed")
    assert wrong["schedule[1]"] == "no hours: give from when to when, such as hours: 22:00-06:00"
