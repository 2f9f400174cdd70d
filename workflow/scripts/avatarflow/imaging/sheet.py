"""Contact sheets: many pictures on one page, for releases, reports and a first look."""

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from avatarflow.core.arrays import Pictures

GAP_PX = 4
CAPTION_PX = 14
PAPER = (255, 255, 255)
INK = (40, 40, 40)


def contact_sheet(
    pictures: Pictures, columns: int, captions: Sequence[str] | None = None
) -> Image.Image:
    """Lay pictures out row by row on white.

    Parameters
    ----------
    pictures : (n, height, width, 3) uint8
    columns : int
        Pictures per row, >= 1.
    captions : (n) str, optional
        A short line under each picture, cut where it would run into the next.

    Raises
    ------
    ValueError
        If there is no picture, fewer than one column, or captions and pictures differ in number.
    """
    if not len(pictures) or columns < 1:
        raise ValueError(
            f"contact_sheet: {len(pictures)} pictures in {columns} columns; pass at least one of each"
        )
    if captions is not None and len(captions) != len(pictures):
        raise ValueError(
            f"contact_sheet: {len(pictures)} pictures but {len(captions)} captions; pass one for each"
        )
    height, width = pictures.shape[1:3]
    step_x, step_y = width + GAP_PX, height + GAP_PX + (CAPTION_PX if captions else 0)
    columns, rows = min(columns, len(pictures)), -(-len(pictures) // columns)
    sheet = Image.new("RGB", (GAP_PX + columns * step_x, GAP_PX + rows * step_y), PAPER)
    for number, picture in enumerate(pictures):
        corner = (GAP_PX + number % columns * step_x, GAP_PX + number // columns * step_y)
        sheet.paste(Image.fromarray(picture), corner)
        if captions:
            sheet.paste(_caption(captions[number], width), (corner[0], corner[1] + height))
    return sheet


def _caption(text: str, width: int) -> Image.Image:
    strip = Image.new("RGB", (width, CAPTION_PX), PAPER)
    ImageDraw.Draw(strip).text((1, 1), text, fill=INK, font=ImageFont.load_default(size=10))
    return strip
