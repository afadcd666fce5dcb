"""How numbers, words and times are written: what is read, what is refused, and that it reads back."""

import re
from enum import StrEnum

import pytest
from reading import read, refusal

from watchd.config import units


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("90s", 90),
        ("5m", 300),
        ("1h", 3600),
        ("7d", 604_800),
        ("1.5 h", 5400),
        (12, 12),
        ("12", 12),
    ],
)
def test_a_time_may_be_written_in_each_unit_or_as_plain_seconds(text, seconds):
    assert read(units.seconds("0s", "30d"), text) == seconds


@pytest.mark.parametrize(
    "value",
    [
        "soon",
        "5 parsecs",
        "-5s",
        "",
        "1h30m",
        "31d",
        -1,
        True,
        None,
        [],
        float("nan"),
        float("inf"),
        "9" * 400,
    ],
)
def test_what_is_no_time_in_range_is_refused_with_the_range_and_the_forms(value):
    what = refusal(units.seconds("0s", "30d"), value)

    assert what == "a time from 0s to 30d, written like 500ms, 90s, 5m, 1h or 7d"


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("500MB", 500_000_000),
        ("2gb", 2_000_000_000),
        ("1GiB", 2**30),
        ("1.5kB", 1500),
        ("64KiB", 65536),
        (7, 7),
    ],
)
def test_a_size_may_be_decimal_or_binary(text, size):
    assert read(units.size("1", "1TB"), text) == size


@pytest.mark.parametrize(("text", "count"), [("200MP", 200_000_000), ("0.5MP", 500_000), (123_456, 123_456)])
def test_pixels_may_be_written_in_megapixels_or_plainly(text, count):
    assert read(units.pixels("1", "1000MP"), text) == count


def test_a_whole_number_outside_its_range_or_not_whole_is_refused():
    for value in (0, 1025, 2.5, "2.5", "many", True, None, {}):
        assert refusal(units.whole(1, 1024), value) == "a whole number from 1 to 1024"


def test_a_whole_number_may_be_text_as_in_an_environment_variable():
    assert read(units.whole(1, 1024), "16") == 16


def test_auto_is_read_as_none_and_named_among_what_is_allowed():
    written = units.or_auto(units.whole(1, 8))

    assert read(written, "auto") is None
    assert read(written, 8) == 8
    assert refusal(written, "automatic") == "a whole number from 1 to 8, or auto"


@pytest.mark.parametrize(
    ("value", "binding"),
    [("auto", "auto"), ("none", "none"), ("6,0-3", "6,0-3"), (3, "3"), ("5, 1-2", "5,1-2")],
)
def test_a_binding_lists_cpus_as_taskset_does(value, binding):
    assert read(units.cpus(), value) == binding


@pytest.mark.parametrize("value", ["3-1", "", "0,,1", "-1", "a", "0-999999999", None, True, [0, 1]])
def test_a_binding_that_names_no_cpus_is_refused(value):
    assert refusal(units.cpus(), value) == 'auto, none, or CPUs such as "0-3,6"'


def test_a_choice_is_one_of_its_words():
    assert read(units.choice(Colour), "blue") is Colour.BLUE
    assert refusal(units.choice(Colour), "green") == "red or blue"
    assert refusal(units.choice(Colour), ["red"]) == "red or blue"


def test_a_flag_is_true_or_false_and_nothing_that_merely_looks_like_it():
    assert read(units.flag(), True) is True
    assert read(units.flag(), "False") is False
    assert refusal(units.flag(), 1) == "true or false"


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (units.seconds("0s", "30d"), "0s"),
        (units.seconds("0s", "30d"), "250ms"),
        (units.seconds("0s", "30d"), "90s"),
        (units.seconds("0s", "30d"), "5m"),
        (units.seconds("0s", "30d"), "1.2345s"),
        (units.size("1", "1TB"), "500MB"),
        (units.size("1", "1TB"), "1GiB"),
        (units.size("1", "1TB"), "1023B"),
        (units.pixels("1", "1000MP"), "200MP"),
        (units.pixels("1", "1000MP"), "123456"),
        (units.or_auto(units.size("1", "1TB")), "auto"),
        (units.cpus(), "0-2,6"),
        (units.cpus(), "none"),
        (units.choice(Colour), "red"),
    ],
)
def test_a_value_is_written_as_people_write_it(written, text):
    assert written.write(read(written, text)) == text


@pytest.mark.parametrize(
    ("written", "right", "wrong"),
    [
        (units.seconds("0s", "30d"), ["500ms", "90s", "1.5h", "7d"], ["soon", "5 parsecs"]),
        (units.size("1", "1TB"), ["500MB", "1GiB", "10B"], ["500M", "MB"]),
        (units.pixels("1", "1000MP"), ["200MP", "200000"], ["200GP"]),
    ],
)
def test_the_pattern_for_editors_agrees_with_what_is_read(written, right, wrong):
    pattern = written.schema["pattern"]

    for text in right:
        assert re.fullmatch(pattern, text)
        assert read(written, text)
    for text in wrong:
        assert not re.fullmatch(pattern, text)
        assert refusal(written, text)


def test_choices_are_kept_in_the_order_of_the_words_and_once_each():
    assert read(units.choices(("a", "b", "c")), ["c", "a", "c"]) == ("a", "c")


def test_choices_may_be_one_text_as_in_a_variable():
    assert read(units.choices(("a", "b", "c")), "c, a") == ("a", "c")


@pytest.mark.parametrize("value", ["x", "", [], ["a", "x"], [["a"]], [1], None, {}])
def test_choices_name_the_words_that_are_allowed(value):
    assert refusal(units.choices(("a", "b", "c")), value) == "a list of a, b and c"


@pytest.mark.parametrize("value", [1, 15, "7", 34, -2, True, None, "many"])
def test_a_distance_that_is_odd_or_too_far_is_refused_with_the_reason(value):
    distance = units.even(0, 32, "since hashes differ in pairs")

    assert read(distance, 16) == 16
    assert refusal(distance, value) == "an even number from 0 to 32, since hashes differ in pairs"


@pytest.mark.parametrize("value", [0.69, 1.01, True, None, "half"])
def test_a_part_outside_its_range_is_refused(value):
    part = units.part(0.7, 1.0, "or others would pass")

    assert (read(part, "0.75"), read(part, 1)) == (0.75, 1.0)
    assert refusal(part, value) == "a number from 0.7 to 1, or others would pass"


def test_a_priority_is_a_word_or_a_whole_number():
    assert [read(units.priority(), value) for value in ("high", "normal", "low", 7, "-7")] == [
        10,
        0,
        -10,
        7,
        -7,
    ]
    assert [units.priority().write(value) for value in (10, 0, 7)] == ["high", "normal", 7]
    for value in ("urgent", 101, 1.5, True, None, ["high"]):
        assert refusal(units.priority(), value) == "high, normal, low, or a whole number from -100 to 100"


@pytest.mark.parametrize(("text", "mask"), [("0002", 0o002), ("022", 0o022), ("077", 0o077)])
def test_a_umask_is_octal_text(text, mask):
    assert read(units.umask(), text) == mask


@pytest.mark.parametrize("value", [2, 18, 0o077, "0o022", "22", "0777", "0088", "", True, None])
def test_a_umask_that_yaml_has_made_a_number_of_is_refused_and_so_is_one_that_hurts_watchd(value):
    says = refusal(units.umask(), value)
    assert says.startswith('octal digits in quotes, such as "0002", from 0000 to 0077; what has no quotes')


@pytest.mark.parametrize(("text", "mode"), [("0664", 0o664), ("640", 0o640), ("0600", 0o600)])
def test_a_mode_is_octal_text_that_lets_watchd_read_and_write(text, mode):
    assert read(units.mode(), text) == mode


@pytest.mark.parametrize("value", [420, 644, "0755", "0444", "066", "2664"])
def test_a_mode_that_is_a_number_executes_or_shuts_watchd_out_is_refused(value):
    assert "from 0600 to 0666, with no x" in refusal(units.mode(), value)


@pytest.mark.parametrize(
    ("text", "days", "written"),
    [
        ("mon-fri", {0, 1, 2, 3, 4}, "mon,tue,wed,thu,fri"),
        ("Sat, Sun", {5, 6}, "sat,sun"),
        ("fri-mon", {4, 5, 6, 0}, "mon,fri,sat,sun"),
        ("wed", {2}, "wed"),
        ("mon-tue,tue-wed", {0, 1, 2}, "mon,tue,wed"),
    ],
)
def test_days_may_be_a_range_also_over_the_end_of_the_week(text, days, written):
    read_days = read(units.days(), text)

    assert read_days == days
    assert units.days().write(read_days) == written
    assert read(units.days(), written) == days


@pytest.mark.parametrize(
    "value", ["", "monday", "mon-", "-fri", "mon,,tue", 1, None, ["mon"], True, "mon–fri"]
)
def test_what_is_no_day_is_refused_with_the_days(value):
    what = refusal(units.days(), value)

    assert what == "days of mon, tue, wed, thu, fri, sat, sun, written like mon-fri, or sat,sun"


@pytest.mark.parametrize(
    ("text", "span", "written"),
    [
        ("08:00-18:00", (480, 1080), "08:00-18:00"),
        ("8:05 - 18:00", (485, 1080), "08:05-18:00"),
        ("22:00-06:00", (1320, 360), "22:00-06:00"),
        ("00:00-24:00", (0, 1440), "00:00-24:00"),
        ("18:00-00:00", (1080, 0), "18:00-00:00"),
    ],
)
def test_hours_may_go_over_midnight(text, span, written):
    assert read(units.hours(), text) == span
    assert units.hours().write(span) == written


@pytest.mark.parametrize(
    "value", ["08:00-08:00", "24:00-08:00", "8-18", "08:00", "08:60-09:00", "25:00-26:00", "", 480, None, []]
)
def test_what_is_no_part_of_a_day_is_refused_with_the_forms(value):
    assert "written like 08:00-18:00, 22:00-06:00 or, for the whole day, 00:00-24:00" in refusal(
        units.hours(), value
    )
