"""Keys are set in a config file, and nothing else in it changes."""

from collections.abc import Mapping

import pytest

from watchd.config.edit import edited
from watchd.config.example import example, starter
from watchd.domain.errors import ConfigError

THREE = {("threads", "workers"): "1", ("threads", "intra_op"): "2", ("binding",): "none"}


def changed_lines(before: str, after: str) -> list[str]:
    assert len(before.splitlines()) == len(after.splitlines())
    return [new for old, new in zip(before.splitlines(), after.splitlines(), strict=True) if old != new]


def edit(text: str, values: Mapping[tuple[str | int, ...], str] = THREE) -> str:
    return edited(text, values, "config.yaml")


def test_value_is_replaced_and_its_comment_stays() -> None:
    lines = changed_lines(example(), edit(example()))

    assert [line.partition("#")[0].strip() for line in lines] == [
        "workers: 1",
        "intra_op: 2",
        "binding: none",
    ]
    assert all("  # " in line for line in lines)


def test_absent_keys_are_appended_below_all_that_is_there() -> None:
    after = edit(starter())

    assert after == starter() + "\nbinding: none\n\nthreads:\n  workers: 1\n  intra_op: 2\n"


def test_key_that_is_commented_out_counts_as_absent_and_stays() -> None:
    after = edit("threads:\n  # workers: 8\nlease: 1m\n", {("threads", "workers"): "1"})

    assert after == "threads:\n  workers: 1\n  # workers: 8\nlease: 1m\n"


def test_absent_key_of_a_section_stands_first_in_it_so_that_comments_stay_with_their_keys() -> None:
    after = edit("threads:  # of ours\n    # how many\n    workers: 4\n", {("threads", "intra_op"): "2"})

    assert after == "threads:  # of ours\n    intra_op: 2\n    # how many\n    workers: 4\n"


def test_line_ends_of_windows_stay() -> None:
    after = edit("lease: 1m\r\nthreads:\r\n  workers: auto\r\n")

    assert after == "lease: 1m\r\nthreads:\r\n  intra_op: 2\r\n  workers: 1\r\n\r\nbinding: none\r\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "binding: none\n"),
        ("lease: 1m", "lease: 1m\n\nbinding: none\n"),
        ("# nothing yet\n", "# nothing yet\n\nbinding: none\n"),
        ("binding:   # which\n", "binding: none   # which\n"),
        ("binding: '0-3'\n", "binding: none\n"),
        ('"binding": auto\n', '"binding": none\n'),
        ("\ufeffbinding: auto\n", "\ufeffbinding: none\n"),
        ("  lease: 1m\n  binding: auto\n", "  lease: 1m\n  binding: none\n"),
        ("---\nlease: 1m\n", "---\nlease: 1m\n\nbinding: none\n"),
    ],
)
def test_every_usual_way_to_write_is_kept(before: str, after: str) -> None:
    assert edit(before, {("binding",): "none"}) == after


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("lease: 1m\nthreads: {workers: 4}\n", 2),
        ("lease: 1m\nthreads:\n  workers: &four 4\n", 3),
        ("lease: &t\n  workers: 4\nthreads: *t\n", 3),
        ("lease: 1m\nthreads: !!map\n  workers: 4\n", 2),
        ("lease: 1m\nthreads:\n  workers: >\n    4\n", 3),
        ("{lease: 1m}\n", 1),
        ("lease: 1m\n...\n", 1),
    ],
)
def test_form_that_cannot_be_edited_safely_is_refused_with_its_line_and_what_to_set(
    text: str, line: int
) -> None:
    with pytest.raises(ConfigError) as refused:
        edit(text)

    assert str(refused.value).startswith(f"config.yaml:{line}: ")
    assert str(refused.value).endswith("set threads.workers: 1, threads.intra_op: 2, binding: none")
