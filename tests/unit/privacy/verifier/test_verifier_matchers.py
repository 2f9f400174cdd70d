"""The matchers on generated eyes, whose identity is known: other photographs of one eye against other eyes."""

import numpy as np
import pytest
from skimage.feature import match_template

from avatarflow.core.errors import AvatarflowError
from avatarflow.imaging.phantom.eyes import draw_eyes
from avatarflow.privacy.verifier import MATCHERS, fundus, iris, matcher
from avatarflow.privacy.verifier.iris import RINGS, SPOKES, Code, distance

EYES = 10
TOLD = {
    "fundus": 0.6,
    "iris": 0.6,
    "keypoints": 0.6,
}  # photographs vary in pose, light and focus; none is refused here


@pytest.fixture(scope="module", params=MATCHERS)
def matched(request):
    """The matcher, pictures of ten eyes (two each, an eye's side by side) and their templates."""
    chosen = matcher(request.param)
    kind = "iris" if request.param == "iris" else "fundus"
    size = 128 if kind == "iris" else 96
    # one eye of each person: the two eyes of a person share colours
    eyes = [2 * person for person in range(EYES) for _ in range(2)]
    pictures, _ = draw_eyes(kind, eyes, [0, 1] * EYES, size, 3)
    return chosen, pictures, [chosen.template(picture) for picture in pictures]


def test_photographs_of_one_eye_are_more_alike_than_of_two(matched):
    chosen, _, templates = matched
    genuine = [chosen.similarity(templates[2 * eye], templates[2 * eye + 1]) for eye in range(EYES)]
    impostors = [
        chosen.similarity(templates[2 * eye], templates[2 * ((eye + step) % EYES) + 1])
        for eye in range(EYES)
        for step in (1, 3)
    ]
    told = np.mean(np.array(genuine) > max(impostors))  # of the pairs, without a single false match
    assert told >= TOLD[chosen.template.__module__.rpartition(".")[2]]
    assert np.median(genuine) > max(impostors)


def test_a_picture_and_its_mirror_image_are_one_eye(matched):
    chosen, pictures, templates = matched
    for picture, own in zip(pictures[:3], templates[:3], strict=True):
        assert chosen.similarity(own, own) > 0.98
        mirrored = chosen.template(np.ascontiguousarray(picture[:, ::-1]))
        assert chosen.similarity(own, mirrored) > 0.9


def test_similarity_is_symmetric(matched):
    chosen, _, templates = matched
    searched = 0.2 if chosen.asks_all else 1e-6  # RANSAC draws other pairs the other way round
    assert chosen.similarity(templates[0], templates[1]) == pytest.approx(
        chosen.similarity(templates[1], templates[0]), rel=searched
    )


def test_altered_pictures_stay_near_their_own(matched):
    chosen, pictures, templates = matched
    light = (pictures[0] * 0.8).astype(np.uint8)
    moved = np.roll(pictures[0], 3, 1)
    others = max(chosen.similarity(templates[0], other) for other in templates[2:])
    assert chosen.similarity(templates[0], chosen.template(light)) > others
    assert chosen.similarity(templates[0], chosen.template(moved)) > others


def test_of_a_flat_picture_nothing_is_kept(matched):
    chosen, _, templates = matched
    for level in (0, 128, 255):
        assert chosen.template(np.full((64, 64, 3), level, np.uint8)) is None
    assert None not in templates


def test_correlations_are_those_of_an_independent_implementation(monkeypatch):
    """scikit-image's normalised correlation of the very parts, on pictures as on noise."""
    monkeypatch.setattr(fundus, "TURNS_DEG", (0.0,))
    monkeypatch.setattr(fundus, "ZOOMS", (1.0,))
    eyes, _ = draw_eyes("fundus", [0, 2], [0, 0], fundus.SIDE_PX, 3)
    noise = np.random.default_rng(1).integers(
        0, 255, (fundus.SIDE_PX, fundus.SIDE_PX, 3), dtype=np.uint8
    )
    planes = []
    monkeypatch.setattr(
        fundus,
        "_view",
        lambda plane, disc, made=fundus._view: planes.append((plane, disc)) or made(plane, disc),
    )
    views = [fundus.template(picture).plain for picture in [*eyes, noise]]
    kept = planes[::2]  # the others are of the mirror images
    for i, j in ((0, 1), (1, 0), (0, 2), (2, 1), (1, 1)):
        (one, disc), (other, _) = kept[i], kept[j]
        y, x = np.clip(disc, fundus.HALF, fundus.SIDE_PX - 1 - fundus.HALF)
        rim, half = fundus.RIM, fundus.HALF
        vessels = match_template(other[0], one[0, rim:-rim, rim:-rim]).max()
        around = match_template(
            other[1], one[1, y - half : y + half + 1, x - half : x + half + 1]
        ).max()
        assert fundus._directed(views[i], views[j]) == pytest.approx(
            (vessels + around) / 2, abs=1e-5
        )


@pytest.mark.parametrize("zoom", [1 / 1.1, 1.1])
def test_an_enlarged_picture_is_found(zoom):
    eyes, _ = draw_eyes("fundus", [0, 2, 4], [0, 0, 0], 96, 3)
    inner = round(96 / zoom / 2) * 2
    wide = np.pad(eyes[0], ((24, 24), (24, 24), (0, 0)), mode="edge")
    start = 24 + (96 - inner) // 2
    enlarged = fundus.template(
        np.ascontiguousarray(wide[start : start + inner, start : start + inner])
    )
    own, *others = [fundus.template(eye) for eye in eyes]
    assert fundus.similarity(own, enlarged) > max(
        0.8, *(fundus.similarity(enlarged, other) for other in others)
    )


def test_hamming_distance_by_hand():
    rng = np.random.default_rng(1)
    bits = rng.random((4, RINGS, SPOKES)) < 0.5
    known = np.ones_like(bits)
    code = Code(bits, known)
    assert distance(code, code) == 0
    assert distance(code, Code(np.roll(bits, 5, 2), known)) == 0  # a turn of the head
    wrong = bits.copy()
    wrong[:, :6] ^= True  # a quarter of the rings
    assert distance(code, Code(wrong, known)) == 0.25
    hidden = known.copy()
    hidden[:, :6] = False  # what is not known does not count
    assert distance(code, Code(wrong, hidden)) == 0
    assert 0.45 < distance(code, Code(rng.random(bits.shape) < 0.5, known)) < 0.5
    assert distance(code, Code(bits, np.zeros_like(known))) == 0.5  # nothing in common says nothing


def test_circles_are_found():
    y, x = np.mgrid[:128, :128]
    from_middle = np.hypot(y - 66, x - 60)
    grey = np.where(from_middle < 12, 0.05, np.where(from_middle < 31, 0.4, 0.85))
    grey[58:63, 52:57] = 1.0  # the lamp
    pupil, limbus = iris.locate(grey)
    for circle, radius in ((pupil, 12), (limbus, 31)):
        assert (circle.y, circle.x) == pytest.approx((66, 60), abs=1.5)
        assert circle.radius == pytest.approx(radius, abs=1.5)


def test_the_disc_is_found():
    picture = np.full((64, 64, 3), 60, np.uint8)
    y, x = np.mgrid[:64, :64]
    picture[np.hypot(y - 30, x - 45) < 5] = 200
    assert fundus.template(picture).disc == pytest.approx((30, 45), abs=1)


def test_there_is_no_matcher_of_another_name():
    with pytest.raises(
        AvatarflowError, match="no matcher 'ear'; choose from fundus, keypoints, iris"
    ):
        matcher("ear")
