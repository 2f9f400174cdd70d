"""Procedural eyes: what belongs to the identity, what to the photograph, and that neither depends on company."""

import numpy as np
import pytest
from scipy.ndimage import binary_erosion, gaussian_filter

from avatarflow.core.errors import AvatarflowError
from avatarflow.imaging.phantom.eyes import describe, draw_eyes
from avatarflow.imaging.phantom.optics import Pose, blots, ribbons, shrink, texture
from avatarflow.imaging.phantom.vessels import FOVEAL_REST_DEG, Habit, grow

KINDS = ["fundus", "iris"]
SEED = 5


def halves(pictures):
    """Mean of the left and of the right third of each picture, per colour."""
    third = pictures.shape[2] // 3
    return pictures[:, :, :third].mean(axis=(1, 2)), pictures[:, :, -third:].mean(axis=(1, 2))


@pytest.mark.parametrize("kind", KINDS)
def test_shape_labels_and_persons(kind):
    pictures, table = draw_eyes(kind, [0, 1, 2, 3, 3], [0, 0, 0, 0, 7], 32, SEED)
    assert pictures.shape == (5, 32, 32, 3)
    assert pictures.dtype == np.uint8
    assert list(table["eye_side"]) == ["right", "left", "right", "left", "left"]
    assert list(table["person"]) == [0, 0, 1, 1, 1]
    assert list(table["picture"]) == [0, 0, 0, 0, 7]
    assert table.groupby("person")["sex"].nunique().max() == 1


def test_both_sexes_are_about_as_frequent():
    table = describe(range(0, 800, 2), [0] * 400, SEED)
    assert abs((table["sex"] == "male").mean() - 0.5) < 0.08


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_does_not_depend_on_the_others_or_on_processes(kind):
    together, _ = draw_eyes(kind, [4, 9, 4], [0, 1, 2], 32, SEED)
    alone = [
        draw_eyes(kind, [identity], [number], 32, SEED)[0][0]
        for identity, number in [(4, 2), (9, 1), (4, 0)]
    ]
    assert np.array_equal(together, np.stack(alone[::-1]))
    spread, _ = draw_eyes(kind, [4, 9, 4], [0, 1, 2], 32, SEED, processes=2)
    assert np.array_equal(together, spread)


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_seeds_and_identities_all_differ(kind):
    same, _ = draw_eyes(kind, [2, 2, 4], [0, 1, 0], 32, SEED)
    other, _ = draw_eyes(kind, [2], [0], 32, SEED + 1)
    drawn = [*same, other[0]]
    gaps = [np.abs(a.astype(float) - b).mean() for i, a in enumerate(drawn) for b in drawn[i + 1 :]]
    assert min(gaps) > 2


def test_the_disc_of_a_right_eye_is_on_the_right():
    pictures, table = draw_eyes("fundus", range(60), [0] * 60, 32, SEED)
    left, right = (colours[:, 1] - 0.4 * colours[:, 0] for colours in halves(pictures))
    agree = (right > left) == (table["eye_side"] == "right").to_numpy()
    assert agree.mean() > 0.8


def test_the_caruncle_of_a_right_eye_is_on_the_right():
    pictures, table = draw_eyes("iris", range(60), [0] * 60, 32, SEED)
    rows = pictures[:, 13:22].astype(float)
    pink = rows[..., 0] - rows[..., 1]
    agree = (pink[:, :, -6:].mean(axis=(1, 2)) > pink[:, :, :6].mean(axis=(1, 2))) == (
        table["eye_side"] == "right"
    )
    assert agree.mean() > 0.85


@pytest.mark.parametrize("kind", KINDS)
def test_simple_features_read_side_and_sex_of_unseen_persons(kind):
    pictures, table = draw_eyes(kind, range(460), [0] * 460, 32, SEED)
    features = shrinked(pictures)
    learn = np.arange(460) < 360
    for column, positive in (("eye_side", "left"), ("sex", "male")):
        truth = np.where(table[column] == positive, 1.0, -1.0)
        guess = ridge(features[learn], truth[learn], features[~learn])
        assert (np.sign(guess) == truth[~learn]).mean() > 0.84


@pytest.mark.parametrize("kind", KINDS)
def test_two_pictures_of_one_eye_match_once_aligned_and_only_then(kind):
    pictures, _ = draw_eyes(kind, np.repeat(range(0, 80, 2), 2), [0, 1] * 40, 64, SEED)
    flat = pictures.reshape(80, -1).astype(float)
    plain = np.corrcoef(flat[::2], flat[1::2])[:40, 40:]
    aligned = best_shifted_correlation(*(details(pictures[start::2]) for start in (0, 1)))
    assert own_above_other(aligned) > max(0.75, own_above_other(plain))
    assert np.abs(pictures[::2].astype(float) - pictures[1::2]).mean() > 10


def details(pictures):
    """Green channel without its slow changes and with even contrast, zero outside the lit field."""
    green, lit = pictures[..., 1].astype(np.float32), pictures.max(axis=3) > 12
    slow = gaussian_filter(green, (0, 6, 6)) / np.maximum(
        gaussian_filter(lit.astype(np.float32), (0, 6, 6)), 0.05
    )
    fine = gaussian_filter(green, (0, 1, 1)) - slow
    even = fine / (np.sqrt(gaussian_filter(fine**2, (0, 6, 6))) + 3)
    return even * binary_erosion(lit, np.ones((1, 9, 9)))


def best_shifted_correlation(first, second, reach=10):
    spectra = [np.fft.rfft2(pictures, (96, 96)) for pictures in (first, second)]
    shifted = np.fft.irfft2(spectra[0][:, None] * np.conj(spectra[1][None]), (96, 96))
    near = np.r_[0:reach, -reach:0]
    scale = np.sqrt(np.multiply.outer((first**2).sum(axis=(1, 2)), (second**2).sum(axis=(1, 2))))
    return shifted[:, :, near][..., near].max(axis=(2, 3)) / scale


def own_above_other(scores):
    """How often a pair of one eye scores higher than a pair of two eyes."""
    own, other = np.diag(scores), scores[~np.eye(len(scores), dtype=bool)]
    return (own[:, None] > other[None]).mean()


def shrinked(pictures):
    """Each picture at 16 x 16, as one row; the light's overall strength is divided out."""
    small = np.stack([shrink(picture.astype(np.float32), 2) for picture in pictures]).reshape(
        len(pictures), -1
    )
    return small / small.mean(axis=1, keepdims=True)


def ridge(features, truth, unseen, strength=30.0):
    middle = features.mean(axis=0)
    centred = features - middle
    weights = np.linalg.solve(
        centred @ centred.T + strength * np.eye(len(truth)), truth - truth.mean()
    )
    return (unseen - middle) @ (centred.T @ weights)


def test_pose_and_its_inverse_agree():
    pose = Pose(0.3, 20.0, (-4.0, 2.0), left=True)
    x, y = pose.grid(16)
    points = pose.pixels(np.stack([x, y], -1).astype(float), 16)
    columns, rows = np.meshgrid(np.arange(16) + 0.5, np.arange(16) + 0.5)
    assert points[..., 0] == pytest.approx(columns, abs=1e-3)
    assert points[..., 1] == pytest.approx(rows, abs=1e-3)


def test_strokes_cover_what_their_width_says():
    line = np.array([[[4.0, 16.0], [16.0, 16.0], [28.0, 16.0]]])
    full = ribbons(32, 4, line, np.full((1, 3), 4.0))
    assert full.sum() == pytest.approx(24 * 4, rel=0.12)
    assert ribbons(32, 4, line, np.array([[4.0, 4.0, 0.0]])).sum() == pytest.approx(
        12 * 4, rel=0.15
    )
    assert ribbons(32, 4, line, np.full((1, 3), 4.0), np.array([0.5])).max() == pytest.approx(
        0.5, abs=0.01
    )
    assert blots(32, 4, np.array([[16.0, 16.0]]), [5.0]).sum() == pytest.approx(np.pi * 25, rel=0.1)


def test_textures_are_standardised():
    noise = texture(np.random.default_rng(1), 0.2, 0.02)
    assert noise.mean() == pytest.approx(0, abs=1e-4)
    assert noise.std() == pytest.approx(1, abs=1e-4)


def test_no_vessel_crosses_the_fovea():
    habit = Habit(10, 1, 0.5, (-15.5, 1.5))
    for tree in grow(np.random.default_rng(3), habit):
        drawn = tree.lines[tree.widths > 0]
        assert np.hypot(*(drawn - np.array(habit.fovea)).T).min() > FOVEAL_REST_DEG
        assert tree.widths.max() < 1.2


@pytest.mark.parametrize(
    ("kind", "identities", "size_px", "words"),
    [
        ("ear", [0], 32, "unknown kind"),
        ("iris", [0], 4, "size 4 px"),
        ("iris", [-2], 32, "negative"),
    ],
)
def test_refusals(kind, identities, size_px, words):
    with pytest.raises(AvatarflowError, match=words):
        draw_eyes(kind, identities, [0], size_px, SEED)


def test_pairs_must_be_pairs():
    with pytest.raises(ValueError, match="2 identities but 1 pictures"):
        draw_eyes("iris", [0, 1], [0], 32, SEED)


def test_nothing_asked_nothing_drawn():
    pictures, table = draw_eyes("fundus", [], [], 32, SEED)
    assert pictures.shape == (0, 32, 32, 3)
    assert table.empty
