"""Keypoints on generated eyes of 64 px: altered copies share many with their original, other eyes few."""

import weakref

import cv2
import numpy as np
import pytest

from avatarflow.imaging.phantom.eyes import draw_eyes
from avatarflow.privacy.verifier import descriptors, keypoint_votes, keypoints
from avatarflow.privacy.verifier.keypoint_votes import Index
from avatarflow.privacy.verifier.keypoints import inliers, similarity, template, variants

EYES = 40


@pytest.fixture(scope="module")
def eyes():
    return draw_eyes("fundus", [2 * person for person in range(EYES)], [0] * EYES, 64, 3)[0]


@pytest.fixture(scope="module")
def index(eyes):
    return Index(map(template, eyes[: EYES - 10]))


def asked(index, picture, **how):
    """Ask about one candidate."""
    alike, original = index.most_alike([variants(picture)], **how)
    return float(alike[0]), int(original[0])


def occluded(picture):
    out = picture.copy()
    out[10:40, 20:50] = 0
    return out


def cropped(picture):
    return cv2.resize(picture[9:-9, 9:-9], (64, 64), interpolation=cv2.INTER_CUBIC)


def framed(picture):
    out = picture.copy()
    out[:6] = out[-6:] = 255
    out[:, :6] = out[:, -6:] = 255
    return out


def screened(picture):
    out = picture.astype(float)
    out[::2] *= 0.6
    out[:, ::2] *= 0.8
    return out.astype(np.uint8)


def shrunk(picture, ground, top=13):
    out = ground.astype(np.uint8)
    out[top : top + 38, 13:51] = cv2.resize(picture, (38, 38), interpolation=cv2.INTER_AREA)
    return out


def noise(picture):
    return np.random.default_rng(1).integers(0, 256, picture.shape)


def faint_noise(picture):
    drawn = picture.mean((0, 1)) + np.random.default_rng(1).normal(0, 25, picture.shape)
    return drawn.clip(0, 255)


def ruled(picture):
    out = picture.copy()
    out[::5] = 255
    return out


def dotted(picture):
    where = np.random.default_rng(1).random(picture.shape[:2]) < 0.15
    return np.where(where[..., None], noise(picture), picture).astype(np.uint8)


ALTERED = {
    "copy": lambda picture: picture.copy(),
    "mirrored": lambda picture: picture[:, ::-1].copy(),
    "quarter turn": lambda picture: np.rot90(picture).copy(),
    "negative": lambda picture: 255 - picture,
    "negative, mirrored": lambda picture: 255 - picture[:, ::-1],
    "channels swapped": lambda picture: np.ascontiguousarray(picture[..., [2, 0, 1]]),
    "gray": lambda picture: np.repeat(picture.mean(2, keepdims=True), 3, 2).astype(np.uint8),
    "occluded": occluded,
    "left half": lambda picture: np.concatenate(
        [picture[:, :32], np.zeros_like(picture[:, 32:])], 1
    ),
    "cropped": cropped,
    "framed": framed,
    "montage": lambda picture: np.tile(
        cv2.resize(picture, (32, 32), interpolation=cv2.INTER_AREA), (2, 2, 1)
    ),
    "screen": screened,
    "shrunk onto noise": lambda picture: shrunk(picture, noise(picture)),
    "shrunk onto faint noise": lambda picture: shrunk(picture, faint_noise(picture)),
    "shrunk, at an edge": lambda picture: shrunk(picture, noise(picture), top=0),
    "ruled": ruled,
    "dotted": dotted,
    "darker": lambda picture: (picture * 0.6).astype(np.uint8),
}


def test_other_eyes_share_few_keypoints_with_any_original(index, eyes):
    assert max(asked(index, picture)[0] for picture in eyes[EYES - 10 :]) < 16


@pytest.mark.parametrize("kind", ALTERED)
def test_an_altered_copy_is_found_among_all_originals(index, eyes, kind):
    for row in (0, 7, 19):
        alike, original = asked(index, ALTERED[kind](eyes[row]))
        assert original == row
        assert alike > 20


def test_every_part_of_a_picture_gives_its_strongest_keypoints_in_turn():
    contrast = np.array(
        [9.0, 8.0, 7.0, 1.0, 2.0, 3.0]
    )  # three in the first part, three in the last
    points = np.array([[5, 5]] * 3 + [[250, 250]] * 3, np.float32)
    assert keypoints._spread(points, contrast).tolist() == [0, 5, 1, 4, 2, 3]


def test_noise_beside_a_picture_takes_no_place_of_its_keypoints(eyes):
    half = eyes[0].copy()
    half[:, 32:] = noise(half)[:, 32:]
    own = template(half).plain.points[:, 0] < keypoints.SIDE_PX / 2
    alone = template(eyes[0]).plain.points[:, 0] < keypoints.SIDE_PX / 2
    assert own[:100].mean() > 0.4
    assert own.sum() > 0.8 * min(alone.sum(), keypoints.MOST / 2)


def test_many_descriptors_are_found_in_cells_as_one_by_one(index, eyes, monkeypatch):
    assert len(index.descriptors) > descriptors.FEW
    monkeypatch.setattr(descriptors, "FEW", len(index.descriptors))
    one_by_one = Index(map(template, eyes[: EYES - 10]))
    for row in (3, 11):
        picture = occluded(eyes[row])
        assert asked(index, picture) == asked(one_by_one, picture)


@pytest.mark.parametrize("few", [descriptors.FEW, 10**6])
def test_parts_of_an_index_find_what_all_of_it_finds(index, eyes, monkeypatch, few):
    monkeypatch.setattr(descriptors, "FEW", few)
    monkeypatch.setattr(
        descriptors, "PROBED", 10**6
    )  # every cell: nothing is approximate but 8 bits
    whole = Index(map(template, eyes[: EYES - 10]))
    monkeypatch.setattr(descriptors, "PART", len(index.descriptors) // 3 + 1)
    parts = Index(map(template, eyes[: EYES - 10]))
    assert len(parts.searched.parts) == 3
    rows = [template(occluded(eyes[row])).plain.descriptors for row in (3, 11)]
    without = [np.arange(*index.ends[3:5]), np.zeros(0, np.int64)]
    for one, other in zip(
        whole.searched.search(rows, 5, without, 1),
        parts.searched.search(rows, 5, without, 2),
        strict=True,
    ):
        np.testing.assert_allclose(one.products, other.products, atol=5e-3)
        same = [len({*a} & {*b}) for a, b in zip(one.places, other.places, strict=True)]
        assert np.mean(same) > 0.95 * one.places.shape[1]  # 8 bits put a few in another order
        assert (np.diff(other.products) <= 0).all()
    assert not np.isin(
        parts.searched.search(rows[:1], 5, without[:1], 1)[0].places, without[0]
    ).any()


def test_candidates_asked_about_together_get_what_each_gets_alone(index, eyes, monkeypatch):
    flat = np.full((64, 64, 3), 90, np.uint8)
    shown = [eyes[35], flat, occluded(eyes[7]), eyes[3][:, ::-1], cropped(eyes[12]), eyes[36]]
    without = [(), (), (), {3}, {12, 1}, ()]
    monkeypatch.setattr(keypoint_votes, "TOGETHER", 4)
    for enough, threads in ((np.inf, 1), (15, 1), (15, 3)):
        monkeypatch.setattr(keypoint_votes, "searchers", lambda number=threads: number)
        together = index.most_alike([*map(variants, shown)], enough, without)
        alone = [
            asked(index, picture, enough=enough, without=[each])
            for picture, each in zip(shown, without, strict=True)
        ]
        np.testing.assert_array_equal(together[0], [alike for alike, _ in alone])
        np.testing.assert_array_equal(together[1], [original for _, original in alone])


def test_the_views_are_those_of_the_pictures_that_they_stand_for(eyes):
    seen = template(eyes[0])
    pictures = (eyes[0], eyes[0][:, ::-1], 255 - eyes[0], 255 - eyes[0][:, ::-1])
    for number, picture in enumerate(pictures):
        drawn = template(np.ascontiguousarray(picture)).plain
        counts = [inliers(drawn, view) for view in seen.views]
        assert int(np.argmax(counts)) == number
        assert counts[number] > 0.6 * len(drawn.points)


def test_keypoints_at_one_place_count_once(eyes):
    seen = template(eyes[0]).plain
    doubled = keypoints.Keypoints(
        np.repeat(seen.points[:20], 2, 0), np.repeat(seen.descriptors[:20], 2, 0)
    )
    assert inliers(doubled, seen) <= 20


def test_one_file_twice_proves_nothing_and_a_flat_picture_is_no_template(eyes):
    assert similarity(template(eyes[0]), template(eyes[0])) == keypoints.SAME_FILE
    assert template(np.full((64, 64, 3), 90, np.uint8)) is None
    assert asked(Index([None, None]), eyes[0]) == (0.0, 0)


def test_one_file_under_many_names_keeps_its_votes(index, eyes):
    several = [*eyes[: EYES - 10], *[eyes[3]] * (2 * keypoint_votes.NEIGHBOURS)]
    many = Index(map(template, several))
    for alter in (occluded, cropped):
        assert asked(many, alter(eyes[3])) == asked(index, alter(eyes[3]))
        assert asked(many, alter(eyes[3]))[1] == 3
    assert many.original(len(several) - 1) is None


def test_a_picture_without_a_variant_is_like_nobody_knows(index):
    flat = np.full((64, 64, 3), 90, np.uint8)
    assert np.isnan(asked(index, flat)[0])


def test_an_original_left_out_is_not_found_and_enough_stops_early(index, eyes):
    picture = occluded(eyes[7])
    alike, original = asked(index, picture, without=[{7}])
    assert original != 7
    assert alike < 16
    drawn = []

    def watched():
        for variant in variants(picture):
            drawn.append(variant)
            yield variant

    alike, original = index.most_alike([watched()], enough=15)
    assert (original.tolist(), len(drawn)) == ([7], 1)
    assert 15 < alike[0] <= asked(index, picture)[0]


def test_the_order_of_channels_changes_no_keypoint(eyes):
    swapped = np.ascontiguousarray(eyes[0][..., [2, 0, 1]])
    np.testing.assert_array_equal(
        template(swapped).plain.descriptors, template(eyes[0]).plain.descriptors
    )


def test_the_index_holds_one_original_at_a_time_and_adds_bit_by_bit(index, eyes, monkeypatch):
    made_of, most = [], []

    def templates():
        for eye in eyes[: EYES - 10]:
            made = template(eye)
            made_of.append(weakref.ref(made))
            most.append(sum(each() is not None for each in made_of))
            yield made
            del made

    monkeypatch.setattr(descriptors, "ADDED", 4096)
    again = Index(templates())
    assert max(most) <= 2
    assert not any(each() for each in made_of)
    rows = [template(occluded(eyes[3])).plain.descriptors]
    for without in ((), {3, 7}):
        left_out = [again._descriptors_of(without)]
        one, other = (each.searched.search(rows, 10, left_out, 1)[0] for each in (index, again))
        for found, expected in zip(one, other, strict=True):
            np.testing.assert_array_equal(found, expected)
        owner = np.searchsorted(again.ends, other.places, "right") - 1
        assert (owner == 3).any() == (not without)
    kept = again.original(3).plain
    np.testing.assert_array_equal(kept.points, template(eyes[3]).plain.points)
    np.testing.assert_array_equal(kept.descriptors, template(eyes[3]).plain.descriptors)
