"""Matching by keypoints: how many of them two pictures share in one arrangement, whatever the colours and the frame.

Keypoints are found on the mean of the contrast-equalised channels, which no order of the channels changes, and
described by RootSIFT. Two pictures match as far as their keypoints agree on one similarity transform (turn, scale,
shift), found by RANSAC. A candidate is looked at as it is, mirrored and inverted, in half its resolution (which takes
away a screen's pattern), behind a median filter (which takes away dots and thin lines), in its middle and at its edges
(it may be shrunk onto another ground), and in its four quarters (it may be a montage). `keypoint_votes` asks about
every original.

References
----------
Lowe 2004, Distinctive image features from scale-invariant keypoints.
Arandjelovic and Zisserman 2012, Three things everyone should know to improve object retrieval (RootSIFT).
Fischler and Bolles 1981, Random sample consensus.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from avatarflow.core.arrays import Pictures

# pictures are brought to this side; the retina at 64 px, enlarged, still has its vessels
SIDE_PX = 256
ENLARGED = 4  # times at most: more is slow and shows nothing new
# windows of a candidate, by the share of its side and where they lie between its edges
MIDDLES = ((0.75, 0.5, 0.5), (0.55, 0.5, 0.5))
EDGES = ((0.6, 0.0, 0.5), (0.6, 0.5, 0.0), (0.6, 1.0, 0.5), (0.6, 0.5, 1.0))
QUARTERS = ((0.5, 0.0, 0.0), (0.5, 0.0, 1.0), (0.5, 1.0, 0.0), (0.5, 1.0, 1.0))
MEDIAN_PX = 3  # side of the median filter, in pixels of the candidate: wider takes the vessels, too
MOST = 400  # keypoints kept of a picture
PARTS = 4  # a side: as many rows and columns of the picture give keypoints in turn
CONTRAST = 0.01  # of the weakest keypoint; a quarter of Lowe's, for the faint vessels
CLIP, TILES = 3.0, (8, 8)  # of the contrast equalisation
RATIO = 0.85  # a match is believed if the second best is that much worse
REACH_PX = 5.0  # how far a keypoint may lie from where the transform puts it
TRIALS = 500
SCALES = (0.2, 5.0)  # transforms that enlarge less or more are none
FEWEST = 3  # matches that a transform needs
SURROUND = 12  # grey level below which lies the black surround
RIM_PX = 9  # keypoints nearer to the surround show the camera and not the eye
SAME_FILE = 1e6  # more keypoints than any picture has
CELLS, ANGLES = 4, 8  # of a descriptor: histograms of gradient angles on a grid
LENGTH = CELLS * CELLS * ANGLES

cv2.setNumThreads(1)  # the jobs of a run share the processors
Points = npt.NDArray[np.float32]
Plane = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Keypoints:
    """A picture's keypoints.

    Parameters
    ----------
    points : (k, 2) float32
        Columns and rows in pixels of the side `SIDE_PX`.
    descriptors : (k, 128) float32
        RootSIFT, of unit length.
    """

    points: Points
    descriptors: Points


@dataclass(frozen=True)
class Template:
    """A picture's keypoints as it is, mirrored, inverted, and both.

    Parameters
    ----------
    plain : Keypoints
    """

    plain: Keypoints

    @property
    def views(self) -> tuple[Keypoints, ...]:
        """The four, as it is first."""
        mirrored = _mirrored(self.plain)
        return self.plain, mirrored, _inverted(self.plain), _inverted(mirrored)


def template(picture: Pictures) -> Template | None:
    """Find the keypoints of an (h, w, 3) uint8 picture; None where there are fewer than a transform needs."""
    side = min(SIDE_PX, ENLARGED * max(picture.shape[:2]))
    if max(picture.shape[:2]) > side:
        picture = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
    equalised = [cv2.createCLAHE(CLIP, TILES).apply(plane) for plane in cv2.split(picture)]
    gray = np.mean(equalised, axis=0).round().astype(np.uint8)
    # enlarged without overshoot, which makes keypoints of its own
    gray = cv2.resize(gray, (side, side), interpolation=cv2.INTER_LINEAR)
    found = _keypoints(gray, _inside(picture, side))
    return Template(found) if len(found.points) >= FEWEST else None


def variants(picture: Pictures) -> Iterator[Template]:
    """Find the keypoints of a candidate as it is, with less detail, and in windows of it.

    Where a variant has too few, it is left out.
    """
    rows, columns = (side // 2 for side in picture.shape[:2])
    yield from _found(picture)
    yield from _found(cv2.resize(picture, (columns, rows), interpolation=cv2.INTER_AREA))
    yield from _found(cv2.medianBlur(np.ascontiguousarray(picture), MEDIAN_PX))
    for window in (*MIDDLES, *EDGES, *QUARTERS):
        yield from _found(_window(picture, *window))


def _found(picture: Pictures) -> Iterator[Template]:
    yield from filter(None, [template(np.ascontiguousarray(picture))])


def _window(picture: Pictures, share: float, down: float, right: float) -> Pictures:
    """A window of a share of the sides, which lies so far between the edges (0 to 1)."""
    rows, columns = (round(side * share) for side in picture.shape[:2])
    top, left = (
        round((side - part) * place)
        for side, part, place in zip(picture.shape, (rows, columns), (down, right), strict=False)
    )
    return picture[top : top + rows, left : left + columns]


def similarity(one: Template, other: Template) -> float:
    """Return the largest number of keypoints of `one` that some view of `other` shows in one arrangement.

    `SAME_FILE` for one and the same picture.
    """
    if is_same_file(one, other):
        return SAME_FILE
    return float(max(inliers(one.plain, view) for view in other.views))


def is_same_file(one: Template, other: Template) -> bool:
    """Whether two pictures have the very same keypoints."""
    return np.array_equal(one.plain.descriptors, other.plain.descriptors)


def _mirrored(seen: Keypoints) -> Keypoints:
    """Those of the picture mirrored: the grid of histograms is upside down, its angles change their sign."""
    # (n, LENGTH) -> (n, CELLS, CELLS, ANGLES)
    points = np.stack([SIDE_PX - 1 - seen.points[:, 0], seen.points[:, 1]], axis=1)
    grid = seen.descriptors.reshape(-1, CELLS, CELLS, ANGLES)[:, ::-1]
    return Keypoints(points, grid[..., -np.arange(ANGLES) % ANGLES].reshape(-1, LENGTH))


def _inverted(seen: Keypoints) -> Keypoints:
    """Those of the negative: every gradient turns round, and with it the frame in which the grid lies."""
    grid = seen.descriptors.reshape(-1, CELLS, CELLS, ANGLES)[:, ::-1, ::-1]
    return Keypoints(seen.points, np.ascontiguousarray(grid).reshape(-1, LENGTH))


def inliers(one: Keypoints, other: Keypoints) -> int:
    """Count the keypoints that agree on one similarity transform; those at one place count once."""
    if min(len(one.points), len(other.points)) < FEWEST:
        return 0
    first, second = _matches(one.descriptors, other.descriptors)
    if len(first) < FEWEST:
        return 0
    source, target = one.points[first], other.points[second]
    cv2.setRNGSeed(1)  # the same pair has the same count in every process
    transform, mask = cv2.estimateAffinePartial2D(
        source, target, method=cv2.RANSAC, ransacReprojThreshold=REACH_PX, maxIters=TRIALS
    )
    if transform is None or not SCALES[0] <= float(np.hypot(*transform[:, 0])) <= SCALES[1]:
        return 0
    agreeing = mask[:, 0].astype(bool)
    places = (np.unique(np.rint(side[agreeing]), axis=0) for side in (source, target))
    return min(len(each) for each in places)


def _matches(one: Points, other: Points) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Pairs of descriptors that are each other's nearest and clearly nearer than the next."""
    # (n, LENGTH) with (m, LENGTH) -> (n, m)
    alike = one @ other.T
    best = alike.argmax(1)
    rows = np.arange(len(one))
    top = alike[rows, best]
    alike[rows, best] = -1
    second = alike.max(1)
    # |a - b|^2 = 2 - 2 <a, b>
    clear = np.sqrt(np.maximum(2 - 2 * top, 0)) <= RATIO * np.sqrt(np.maximum(2 - 2 * second, 0))
    alike[rows, best] = top
    mutual = alike.argmax(0)[best] == rows
    kept = np.flatnonzero(clear & mutual)
    return kept, best[kept]


def _inside(picture: Pictures, side: int) -> Plane:
    """Where keypoints may lie: in the picture's field, off its rim."""
    bright = cv2.resize(picture.max(2), (side, side), interpolation=cv2.INTER_AREA) > SURROUND
    padded = np.pad(bright.astype(np.uint8), 1)  # the frame of the picture is a rim as well
    size = 2 * round(RIM_PX * side / SIDE_PX) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    return np.asarray(255 * cv2.erode(padded, disc, borderValue=0)[1:-1, 1:-1], np.uint8)


def _keypoints(gray: Plane, inside: Plane) -> Keypoints:
    found, descriptors = _sift().detectAndCompute(gray, inside)
    if descriptors is None:
        return Keypoints(np.zeros((0, 2), np.float32), np.zeros((0, LENGTH), np.float32))
    points = np.array([each.pt for each in found], np.float32)
    # where they lie in a picture of the side SIDE_PX, from pixel centres to pixel centres
    points = (points + 0.5) * np.float32(SIDE_PX / len(gray)) - 0.5
    kept = _spread(points, np.array([each.response for each in found]))[:MOST]
    points, descriptors = points[kept], descriptors[kept]
    # RootSIFT (Arandjelovic & Zisserman 2012): Euclidean distances of roots are Hellinger distances
    shares = descriptors / np.maximum(descriptors.sum(1, keepdims=True), 1e-12)
    return Keypoints(points, np.sqrt(shares).astype(np.float32))


def _spread(points: Points, contrast: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Order keypoints so that every part of the picture comes in turn: the strongest of each part, then the second.

    A ground that is full of keypoints, such as noise, would else take the places of a picture's own.
    """
    part = (points // (SIDE_PX / PARTS)).astype(np.int64) @ np.array([1, PARTS])
    strongest = np.lexsort((-contrast, part))
    begins = np.searchsorted(part[strongest], part[strongest])
    place = np.empty(len(points), np.int64)
    place[strongest] = np.arange(len(points)) - begins
    return np.lexsort((-contrast, place))


@cache
def _sift() -> Any:
    # all of them: OpenCV gives what it keeps by place, and not the strongest first
    return cv2.SIFT.create(contrastThreshold=CONTRAST, edgeThreshold=20)
