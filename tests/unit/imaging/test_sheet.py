"""Contact sheets: every picture at its place, captions under them."""

import numpy as np
import pytest

from avatarflow.imaging.sheet import CAPTION_PX, GAP_PX, contact_sheet


def pictures(count):
    return np.stack([np.full((20, 30, 3), 10 * number, np.uint8) for number in range(count)])


def test_pictures_lie_row_by_row():
    sheet = np.asarray(contact_sheet(pictures(5), 3))
    assert sheet.shape == (GAP_PX + 2 * (20 + GAP_PX), GAP_PX + 3 * (30 + GAP_PX), 3)
    for number in range(5):
        x = GAP_PX + number % 3 * (30 + GAP_PX)
        y = GAP_PX + number // 3 * (20 + GAP_PX)
        assert (sheet[y : y + 20, x : x + 30] == 10 * number).all()
    assert (sheet[-20 - GAP_PX :, -30 - GAP_PX :] == 255).all()


def test_captions_are_drawn_below_and_never_into_the_next_picture():
    plain = np.asarray(contact_sheet(pictures(2), 2, ["", ""]))
    written = np.asarray(
        contact_sheet(pictures(2), 2, ["a very long caption that does not fit", ""])
    )
    assert plain.shape[0] == 2 * GAP_PX + 20 + CAPTION_PX
    changed = np.argwhere((plain != written).any(axis=2))
    assert len(changed)
    assert changed[:, 0].min() >= GAP_PX + 20
    assert changed[:, 1].max() < GAP_PX + 30


def test_fewer_pictures_than_columns_make_a_narrow_sheet():
    assert contact_sheet(pictures(2), 10).width == GAP_PX + 2 * (30 + GAP_PX)


@pytest.mark.parametrize(
    ("count", "columns", "captions"), [(0, 3, None), (2, 0, None), (2, 2, ["one"])]
)
def test_refusals(count, columns, captions):
    with pytest.raises(ValueError, match="contact_sheet"):
        contact_sheet(
            pictures(count) if count else np.zeros((0, 4, 4, 3), np.uint8), columns, captions
        )
