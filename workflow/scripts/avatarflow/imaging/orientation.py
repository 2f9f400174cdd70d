"""The picture the right way up: by EXIF, else by XMP."""

import re
from contextlib import suppress

from PIL import Image, ImageOps

ORIENTATION = 0x0112
XMP = ("XML:com.adobe.xmp", "xmp")
BY_XMP = re.compile(rb"tiff:Orientation\s*(?:=\s*[\"']|>)\s*([1-8])\s*[\"'<]")
"""As attribute or element; Pillow knows double quotes without blanks only."""
UPRIGHT = 1
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def take_xmp_orientation(image: Image.Image) -> int:
    """Return the orientation, 1 to 8, that XMP gives where EXIF gives none.

    The XMP is taken out, so that Pillow does not turn the picture by it a second time.
    """
    texts = [image.info.pop(key, None) for key in XMP]
    with suppress(Exception):  # EXIF that cannot be read counts as none
        if image.getexif().get(ORIENTATION):
            return UPRIGHT
    for text in texts:
        data = text.encode(errors="replace") if isinstance(text, str) else text
        if isinstance(data, bytes) and (said := BY_XMP.search(data)):
            return int(said[1])
    return UPRIGHT


def turned(image: Image.Image, by_xmp: int) -> Image.Image:
    """Turn a picture by its EXIF, where that can be read, and by what XMP adds."""
    with suppress(Exception):
        image = ImageOps.exif_transpose(image)
    return image.transpose(TURNS[by_xmp]) if by_xmp in TURNS else image
