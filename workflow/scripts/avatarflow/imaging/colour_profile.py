"""Colour profiles: the colours that a picture means, in sRGB."""

import io

import numpy as np
from PIL import Image, ImageCms

STEPS = 9  # of each colour in the grid that tells what a profile does
SAME = 1  # levels of 255 by which a profile may move a colour and still be that of sRGB


def in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """A colour picture in sRGB; a profile that cannot be used, or is none of RGB, counts as none.

    A profile of sRGB itself is known by what it does, and not by its name: the picture is then left as it is.

    Parameters
    ----------
    image : PIL image
        RGB, RGBA, YCbCr or a palette, which become RGB or RGBA; any other is left as it is.
    """
    if not profile or image.mode not in ("RGB", "RGBA", "YCbCr", "P", "PA"):
        return image
    if image.mode not in ("RGB", "RGBA"):
        clear = image.mode == "PA" or "transparency" in image.info
        image = image.convert("RGBA" if clear else "RGB")
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        before, after = (np.asarray(each, int) for each in (_grid(), _moved(_grid(), source)))
        if np.abs(after - before).max() <= SAME:
            return image
        converted = _moved(image, source)
    except Exception:
        return image
    converted.info = dict(image.info)
    return converted


def _moved(image: Image.Image, source: ImageCms.ImageCmsProfile) -> Image.Image:
    moved = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"))
    if moved is None:
        raise ValueError("no picture came back")
    return moved


def _grid() -> Image.Image:
    levels = np.linspace(0, 255, STEPS).astype(np.uint8)
    return Image.fromarray(np.stack(np.meshgrid(levels, levels, levels), -1).reshape(STEPS, -1, 3))
