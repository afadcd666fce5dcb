"""Values of several sources laid over each other, each with its origin."""

import os

import pytest

from watchd.config.layers import Layer, Origin, from_command_line, from_environment, variables


def test_the_layer_above_wins_key_by_key_and_keeps_what_it_does_not_name():
    below = Layer({"threads": {"workers": 1, "intra_op": 2}, "attempts": 3}, {("attempts",): Origin("below")})
    above = Layer({"threads": {"workers": 9}}, {("threads", "workers"): Origin("above")})

    both = above.over(below)

    assert both.values == {"threads": {"workers": 9, "intra_op": 2}, "attempts": 3}
    assert both.origins == {("attempts",): Origin("below"), ("threads", "workers"): Origin("above")}


def test_an_empty_section_takes_nothing_away():
    assert Layer({"log": None}).over(Layer({"log": {"level": "debug"}})).values == {"log": {"level": "debug"}}


def test_a_value_in_place_of_a_section_wins_so_that_it_is_reported():
    assert Layer({"log": 5}).over(Layer({"log": {"level": "debug"}})).values == {"log": 5}


def test_the_nearest_origin_is_that_of_the_key_or_of_what_is_around_it():
    layer = Layer({}, {("watch",): Origin("f", 1), ("watch", 0): Origin("f", 2)})

    assert layer.nearest(("watch", 0, "outbox")) == Origin("f", 2)
    assert layer.nearest(("log", "level")) is None


def test_an_origin_is_shown_with_its_line_if_it_has_one():
    assert str(Origin("config.yaml", 12)) == "config.yaml:12"
    assert str(Origin("default")) == "default"


def test_each_single_key_has_one_variable_of_its_own():
    ours = [name for name, _ in variables() if name.startswith("WATCHD_")]

    assert len(ours) == len(set(ours))
    assert dict(variables())["WATCHD_THREADS_INTRA_OP"] == ("threads", "intra_op")
    assert dict(variables())["WATCHD_BINDING"] == ("binding",)
    assert not any("WATCHD_WATCH" in name or "WATCHD_PROFILES" in name for name in ours)


@pytest.mark.parametrize(
    ("variable", "path"),
    [
        ("INTRA_OP_NUM_THREADS", ("threads", "intra_op")),
        ("INTER_OP_NUM_THREADS", ("threads", "inter_op")),
        ("CPU_BINDING", ("binding",)),
        ("OMP_NUM_THREADS", ("threads", "intra_op")),
        ("WATCHD_LIMITS_MAX_PIXELS", ("limits", "max_pixels")),
    ],
)
def test_a_variable_gives_its_key_and_is_named_as_the_origin(variable, path):
    assert from_environment({variable: "4"}).origins == {path: Origin(f"environment {variable}")}


def test_our_own_variable_beats_the_familiar_one_and_that_beats_openmp():
    environ = {"OMP_NUM_THREADS": "1", "INTRA_OP_NUM_THREADS": "2"}

    assert from_environment(environ).values == {"threads": {"intra_op": "2"}}
    environ["WATCHD_THREADS_INTRA_OP"] = "3"
    assert from_environment(environ).values == {"threads": {"intra_op": "3"}}


def test_of_the_nesting_levels_of_openmp_the_first_is_taken():
    assert from_environment({"OMP_NUM_THREADS": "4,2,1"}).values == {"threads": {"intra_op": "4"}}


def test_an_empty_or_foreign_variable_gives_nothing():
    assert from_environment({"WATCHD_LOG_LEVEL": "", "WATCHD_SERVICE_HOST": "10.0.0.1"}) == Layer()


def test_an_option_that_was_not_given_gives_nothing():
    layer = from_command_line({"profiles.default.model": "u2net", "threads.workers": None})

    assert layer.values == {"profiles": {"default": {"model": "u2net"}}}
    assert layer.origins == {("profiles", "default", "model"): Origin("command line")}


def test_a_model_file_on_the_command_line_starts_at_the_working_directory():
    layer = from_command_line({"profiles.default.model": "my.onnx"})

    assert layer.values == {"profiles": {"default": {"model": os.path.abspath("my.onnx")}}}
