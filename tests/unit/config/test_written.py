"""Text in the config."""

import pytest
from reading import read, refusal

from watchd.config import written


@pytest.mark.parametrize("value", ["", "  ", "a\0b", 2024, None, ["x"]])
def test_a_text_that_is_empty_or_no_text_is_refused(value):
    assert refusal(written.text("a name"), value).startswith("a name, ")


def test_a_list_of_texts_holds_texts_only():
    assert read(written.texts("patterns"), ["*.a", "*.b"]) == ("*.a", "*.b")
    assert refusal(written.texts("patterns"), "*.a") == "patterns"
    assert refusal(written.texts("patterns"), [1]) == "patterns"
