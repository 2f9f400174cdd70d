"""Cut away a wide frame of one colour: a picture that was shrunk onto black is looked at in full size."""

import numpy as np
import numpy.typing as npt

from avatarflow.core.arrays import Pictures

TOLERANCE = 12  # grey levels; a JPEG of a plain area varies by less
WIDE = 0.8  # of the side; what leaves more than that to the content is no frame, as the surround of a fundus


def content(picture: Pictures) -> tuple[slice, slice] | None:
    """Find what a wide frame of one colour surrounds.

    Parameters
    ----------
    picture : (h, w, 3) uint8

    Returns
    -------
    (rows, columns) of the smallest square about the content, as far as the picture reaches; None where the content
    takes more than `WIDE` of a side, or there is none.

    Examples
    --------
    >>> picture = np.zeros((8, 8, 3), np.uint8)
    >>> picture[2:6, 3:7] = np.arange(48).reshape(4, 4, 3) * 5
    >>> content(picture)
    (slice(2, 6, None), slice(3, 7, None))
    """
    turned = picture.swapaxes(0, 1)
    if not (_may_be_framed(picture) and _may_be_framed(turned)):
        return None
    spans = [_span(picture), _span(turned)]
    sides = [stop - start for start, stop in spans]
    if min(sides) <= 0 or any(
        taken > WIDE * whole for taken, whole in zip(sides, picture.shape[:2], strict=True)
    ):
        return None
    wanted = max(sides)
    rows, columns = (
        _widened(span, wanted, whole) for span, whole in zip(spans, picture.shape[:2], strict=True)
    )
    return rows, columns


def _may_be_framed(picture: Pictures) -> bool:
    """Whether a row near the top or the bottom is plain, as in any wide frame.

    Looked at first, since few pictures have one and every fingerprint asks.
    """
    depth = max(1, int((1 - WIDE) / 2 * len(picture)))  # no wide frame is thinner on both sides
    return any(np.ptp(picture[row], axis=0).max() <= TOLERANCE for row in (depth - 1, -depth))


def _span(picture: Pictures) -> tuple[int, int]:
    """Return the first row after the plain rows at the top, and the first of those at the bottom."""
    levels = picture.astype(np.int16)
    plain = (levels.max(1) - levels.min(1)).max(1) <= TOLERANCE  # (h,)
    means = levels.mean(1)  # (h, 3)
    top = _leading(plain & _like(means, means[0]))
    bottom = _leading((plain & _like(means, means[-1]))[::-1])
    return top, len(plain) - bottom


def _like(means: npt.NDArray[np.float64], colour: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    return np.asarray((np.abs(means - colour) <= TOLERANCE).all(1))


def _leading(flags: npt.NDArray[np.bool_]) -> int:
    """Count the flags that are set before the first that is not."""
    return len(flags) if flags.all() else int(np.argmin(flags))


def _widened(span: tuple[int, int], wanted: int, whole: int) -> slice:
    """Widen a span about its middle to `wanted` places, moved inwards where it would leave the picture."""
    start = (span[0] + span[1] - wanted) // 2
    start = min(max(start, 0), whole - min(wanted, whole))
    return slice(start, start + min(wanted, whole))
