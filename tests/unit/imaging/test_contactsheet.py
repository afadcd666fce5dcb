"""What there is to look at."""

import io

import numpy as np
from PIL import Image

from watchd.imaging.contactsheet import Row, contact_sheet

WHITE, RED, BLUE = (255, 255, 255), (255, 0, 0), (0, 0, 255)


def test_difference_is_red_where_only_int8_sees_subject_and_blue_where_only_fp32() -> None:
    nothing, everything = np.zeros((8, 8), np.uint8), np.full((8, 8), 255, np.uint8)
    photo = Image.new("RGB", (8, 8), "green")
    rows = [Row("same", photo, everything, everything)]
    rows += [Row("more", photo, nothing, everything), Row("less", photo, everything, nothing)]

    sheet = Image.open(io.BytesIO(contact_sheet(rows)))

    height = sheet.height // 3
    assert [sheet.getpixel((700, height * row + 100)) for row in range(3)] == [WHITE, RED, BLUE]
    assert [sheet.getpixel((column, height + 100)) for column in (100, 300, 500)] == [
        (0, 128, 0),
        (0, 0, 0),
        WHITE,
    ]
