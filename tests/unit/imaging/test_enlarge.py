"""A mask enlarged by LANCZOS, in rows."""

import numpy as np
from PIL import Image

from watchd.imaging.enlarge import Enlarged

DISC = np.zeros((32, 32), np.uint8)
DISC[12:20, 8:16] = 255


def test_rows_are_those_of_the_mask_enlarged_in_one_piece() -> None:
    whole = np.asarray(Image.fromarray(DISC).resize((320, 640), Image.Resampling.LANCZOS))

    visible = Enlarged(DISC, (320, 640)).rows(250, 300)

    assert visible is not None
    left, alpha = visible
    assert np.array_equal(np.asarray(alpha), whole[250:300, left : left + alpha.width])
    assert not np.delete(whole[250:300], np.s_[left : left + alpha.width], axis=1).any()


def test_nothing_is_given_where_nothing_is_visible() -> None:
    assert Enlarged(DISC, (320, 640)).rows(0, 100) is None
