"""What there is to look at."""

import io

import pytest
from PIL import Image

from watchd.imaging.cutoutsheet import ROWS, Column, Row, box_of, cutout_sheets, pages_for


def opened(rows: list[Row], columns: int = 1) -> list[Image.Image]:
    heads = [Column(f"network {number}", "30 ms") for number in range(columns)]
    return [Image.open(io.BytesIO(page)) for page in cutout_sheets("photos", "of drawings", heads, rows)]


def row(*cutouts: tuple[int, int, int, int], size: tuple[int, int] = (320, 240)) -> Row:
    cells = tuple(Image.new("RGBA", size, colour) for colour in cutouts)
    return Row("a.jpg", "1 × 1", Image.new("RGB", size, "lime"), cells)


def test_photo_is_beside_its_cutouts_and_what_is_transparent_is_a_checkerboard() -> None:
    [sheet] = opened([row((255, 0, 0, 255), (255, 0, 0, 0))], columns=2)

    colours = [{sheet.getpixel((left + x, 300)) for x in range(40, 60)} for left in (32, 368, 704)]

    assert colours[:2] == [{(0, 255, 0)}, {(255, 0, 0)}]
    assert len(colours[2]) == 2
    assert all(max(colour) - min(colour) < 8 for colour in colours[2])


def test_few_photos_have_one_page_and_more_have_several() -> None:
    pages = opened([row((9, 9, 9, 255), size=(40, 30))] * (ROWS + 1))

    assert len(pages) == pages_for(ROWS + 1) == 2
    assert pages_for(ROWS) == 1
    assert pages[0].height > pages[1].height


@pytest.mark.parametrize("columns", [1, 3, 4, 8, 14])
def test_page_is_no_wider_than_can_be_viewed(columns: int) -> None:
    box = box_of(columns)

    [sheet] = opened([row(*[(9, 9, 9, 255)] * columns, size=(box.width, box.height))] * ROWS, columns)

    assert box.width >= 170
    assert sheet.width <= max(2800, (columns + 1) * 216 + 64)
    assert sheet.height < 4000


def test_rows_are_put_side_by_side_where_that_makes_a_better_page() -> None:
    [sheet] = opened([row((9, 9, 9, 255))] * ROWS)

    assert 0.7 < sheet.width / sheet.height < 2.5
