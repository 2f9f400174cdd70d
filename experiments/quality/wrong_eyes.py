"""Generated eyes that are wrong in one known way, and radiographs altered in one: what an anatomy check must refuse."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import ndimage

from avatarflow.core import seeds
from avatarflow.core.arrays import Pictures
from avatarflow.imaging.phantom import fundus, iris
from avatarflow.imaging.phantom.eyes import KINDS, SIDES, sex_of

Change = Callable[[Any], Any]


@contextmanager
def instead(module: Any, name: str, other: Callable[..., Any]) -> Iterator[None]:
    """Put another function in the place of one of a module for a while."""
    before = getattr(module, name)
    setattr(module, name, other)
    try:
        yield
    finally:
        setattr(module, name, before)


def eye_of(kind: str, identity: int, seed: int) -> Any:
    """The eye of one identity, as `draw_eyes` makes it."""
    person = seeds.generator(seed, f"phantom {kind} person", identity // 2)
    eye = seeds.generator(seed, f"phantom {kind} eye", identity)
    sex = sex_of(identity // 2, seed)
    return KINDS[kind].make(person, eye, sex, SIDES[identity % 2] == "left")


def _no_disc(eye: Any) -> Any:
    return replace(eye, disc=np.array([1e-3, 1e-3, 0, 0.5], np.float32))


def _no_vessels(eye: Any) -> Any:
    none = {
        name: replace(getattr(eye, name), widths=getattr(eye, name).widths * 0)
        for name in ("arteries", "veins")
    }
    return replace(eye, **none)


def _no_macula(eye: Any) -> Any:
    return replace(eye, macula=np.array([0, 4, 0], np.float32))


def _two_discs(colour: Any, eye: Any, x: Any, y: Any, draw: Any = fundus._disc) -> Any:
    first = draw(colour, eye, x, y)
    return np.maximum(
        first, draw(colour, eye, x - np.float32(1.3 * eye.fovea[0]), y)
    )  # beyond the macula


def _square_field(camera: Any, n: int) -> Any:
    field = np.zeros((n, n), np.float32)
    edge = n // 16
    field[edge : n - edge, edge : n - edge] = 1
    return field


def _ball_without_pupil(eye: Any, camera: Any, pose: Any, x: Any, y: Any, n: int) -> Any:
    """The ball whose iris is grown over."""
    colour = BALL(eye, camera, pose, x, y, n)
    dark = (colour.max(2) < 0.06) & (np.hypot(x, y) < 0.8)
    colour[ndimage.binary_dilation(dark, iterations=3)] = eye.outer
    return colour


def _another_pupil(ball: Any, place: tuple[float, float]) -> Any:
    """The ball with a pupil painted at a place, in radii of the iris from its middle."""

    def draw(eye: Any, camera: Any, pose: Any, x: Any, y: Any, n: int) -> Any:
        colour = ball(eye, camera, pose, x, y, n)
        colour[np.hypot(x - np.float32(place[0]), y - np.float32(place[1])) < 0.3] *= np.float32(
            0.03
        )
        return colour

    return draw


def _no_lids(eye: Any) -> Any:
    lids = replace(
        eye.lids,
        height=(9.0, 9.0),
        upper_lashes=eye.lids.upper_lashes * np.array([1, 1e-3, 1e-3, 1]),
        lower_lashes=eye.lids.lower_lashes * np.array([1, 1e-3, 1e-3, 1]),
    )
    return replace(eye, lids=lids)


def _same(eye: Any) -> Any:
    return eye


BALL = iris._ball
WRONG: dict[str, dict[str, tuple[Change, tuple[Any, str, Callable[..., Any]] | None]]] = {
    "fundus": {
        "no disc": (_no_disc, None),
        "two discs": (_same, (fundus, "_disc", _two_discs)),
        "no macula": (_no_macula, None),
        "no vessels": (_no_vessels, None),
        "square field": (_same, (fundus, "_field", _square_field)),
        "other side": (lambda eye: replace(eye, left=not eye.left), None),
    },
    "iris": {
        "pupil outside the iris": (
            _same,
            (iris, "_ball", _another_pupil(_ball_without_pupil, (1.35, 0.0))),
        ),
        "pupil at the rim": (
            _same,
            (iris, "_ball", _another_pupil(_ball_without_pupil, (0.5, 0.1))),
        ),
        "two pupils": (_same, (iris, "_ball", _another_pupil(BALL, (0.65, 0.0)))),
        "no pupil": (_same, (iris, "_ball", _ball_without_pupil)),
        "no lids": (_no_lids, None),
    },
}
"""By kind: what is wrong, the change of the eye, and the function that another one stands in for."""


def draw_wrong(
    kind: str, wrong: str, identities: Sequence[int], size_px: int, seed: int
) -> Pictures:
    """(n, size_px, size_px, 3) the first picture of each identity, wrong in one way; the camera is as it was."""
    change, other = WRONG[kind][wrong]
    drawn = []
    for identity in identities:
        camera = seeds.generator(seed, f"phantom {kind} picture", identity, 0)
        eye = change(eye_of(kind, identity, seed))
        if other is None:
            drawn.append(KINDS[kind].draw(eye, camera, size_px))
            continue
        with instead(*other):
            drawn.append(KINDS[kind].draw(eye, camera, size_px))
    return np.stack(drawn)


def one_lung(picture: Pictures) -> Pictures:
    """A radiograph whose left lung is as bright as its chest wall."""
    out = picture.copy()
    height, width = picture.shape[:2]
    zone = slice(int(0.1 * height), int(0.75 * height)), slice(int(0.52 * width), int(0.9 * width))
    bright = np.quantile(picture[zone], 0.9, axis=(0, 1))
    noise = np.random.default_rng(0).normal(0, 4, out[zone].shape)
    out[zone] = np.clip(bright + noise, 0, 255).astype(np.uint8)
    return out


def mirrored(picture: Pictures) -> Pictures:
    """A radiograph with the heart on the right, or a photograph of the other eye."""
    return np.ascontiguousarray(picture[:, ::-1])


RADIOGRAPHS = {"one lung": one_lung, "heart on the right": mirrored}
