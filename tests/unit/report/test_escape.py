"""Text from outside made visible."""

import pytest

from watchd.report.escape import escape, without_surrogates


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Fürth 写真 🙂 a.jpg", "Fürth 写真 🙂 a.jpg"),
        ("a\nb\tc", r"a\nb\tc"),
        ("\x1b[31mred\x07\x7f\x9b", r"\x1b[31mred\x07\x7f\x9b"),
        ("gpj.\u202egnp", r"gpj.\u202egnp"),
        ("two\u2028lines", r"two\u2028lines"),
        ("caf\udce9.jpg", r"caf\xe9.jpg"),
        ("\ud800", r"\ud800"),
    ],
)
def test_whatever_could_move_the_cursor_or_hide_itself_is_shown_as_a_code(text, shown):
    assert escape(text) == shown


def test_what_is_no_text_is_shown_as_text():
    assert escape(5) == "5"


def test_only_what_has_no_encoding_is_replaced():
    assert without_surrogates("a\nb caf\udce9 é 🙂") == "a\nb caf\\xe9 é 🙂"
