"""Pictures as files of which nothing but the pixels differs: equal encoding, equal length, names from the pixels."""

import hashlib
import io

import numpy as np
from PIL import Image

from avatarflow.core.arrays import Pictures
from avatarflow.core.errors import refuse

NAME_DIGITS = 20


def encode(picture: Pictures) -> bytes:
    """Return a picture as an uncompressed PNG without any metadata.

    Without compression the length of the file depends on the picture's size alone. A compressed file of a smooth
    synthetic picture would be shorter than that of a grainy photograph, which a reader could see in a browser.

    Parameters
    ----------
    picture : (height, width, 3) uint8
    """
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture), "RGB").save(buffer, "PNG", compress_level=0)
    return buffer.getvalue()


def name_of(picture: Pictures, salt: str) -> str:
    """Return the name of a picture in a study: a digest of its pixels, so that it says nothing else.

    Random names would have to be drawn in some order from a seed that is in the configuration; whoever knows both
    could tell real from synthetic by the name.
    """
    digest = hashlib.sha256(f"{salt} {picture.shape}".encode())
    digest.update(np.ascontiguousarray(picture).tobytes())
    return digest.hexdigest()[:NAME_DIGITS]


def name_of_pair(one: str, other: str) -> str:
    """Return the name of a question about two pictures; their order does not count."""
    return hashlib.sha256(" ".join(sorted((one, other))).encode()).hexdigest()[:NAME_DIGITS]


def check_equal_lengths(files: dict[str, bytes]) -> None:
    """Refuse files of different lengths.

    Raises
    ------
    AvatarflowError
        If there are any: originals and synthetic pictures are of different sizes.
    """
    lengths = {len(content) for content in files.values()}
    if len(lengths) > 1:
        found = f"pictures of {len(lengths)} sizes, which would tell them apart"
        raise refuse("reader study", found, "make pool and samples with one size_px")
