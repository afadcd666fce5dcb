import pytest

from watchd.imaging.lettering import drawable, font_of, shortened


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("640 × 480 · a–b…", "640 x 480 · a-b…"),
        ("Zürich été Straße", "Zurich ete Strasse"),
        ("北京.jpg", "??.jpg"),
        ("a\nb\x1b", "a?b?"),
    ],
)
def test_only_what_the_font_knows_is_drawn(text: str, drawn: str) -> None:
    assert drawable(text) == drawn


def test_long_name_loses_its_middle() -> None:
    font = font_of(15)

    short = shortened("holiday-in-the-mountains-0815.jpg", font, 150)

    assert font.getlength(short) <= 150
    assert (short[:7], short[-8:]) == ("holiday", "0815.jpg")
    assert shortened("0815.jpg", font, 150) == "0815.jpg"
