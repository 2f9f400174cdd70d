import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avatarflow.core.errors import AvatarflowError
from avatarflow.core.statistics import clopper_pearson, share_of_pictures
from avatarflow.privacy.cones.cone import (
    Cones,
    calibrate,
    local_sparsity,
    needed_scales,
    own_radii,
    uncalibrated,
)
from avatarflow.privacy.cones.coverage import conformal_coverage, reject_all_coverage
from avatarflow.privacy.cones.decide import Judge, miss_rate, risks, specificity
from avatarflow.privacy.cones.settings_plane import draw_plane, settings_plane
from avatarflow.privacy.cones.shape import ORIGINAL, PICTURE, Shape


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def population(seed, m=40, a=4, d=8, spread=0.1):
    rng = np.random.default_rng(seed)
    originals = unit(rng.standard_normal((m, d)))
    own, draws = (
        unit(originals[:, None] + spread * rng.standard_normal((m, a, d))) for _ in range(2)
    )
    return originals, np.arange(m) // 2, own, draws


def calibrated(seed=0, mode="reject-all", **settings_):
    originals, persons, own, draws = population(seed)
    cones = uncalibrated(originals, persons, np.arange(1, 41), own, Shape(**settings_), "abc")
    return calibrate(
        cones, draws.reshape(-1, 8), np.repeat(persons, 4), mode, 0.1, fewest_persons=20
    )


def test_own_radius_is_the_farthest_version():
    angles = np.radians([[0, 20, -35], [5, 10, 1]])
    originals = np.array([[1, 0], [1, 0]], np.float32)
    versions = np.stack([np.cos(angles), np.sin(angles)], 2).astype(np.float32)
    assert np.degrees(own_radii(originals, versions)) == pytest.approx([35, 10], abs=1e-4)


def test_sparsity_counts_other_persons_only():
    angle = np.radians([0, 1, 30, 50])
    originals = np.stack([np.cos(angle), np.sin(angle)], 1).astype(np.float32)
    sparsity = np.degrees(local_sparsity(originals, np.array([0, 0, 1, 2]), 1))
    assert sparsity == pytest.approx([30, 29, 20, 20], abs=1e-4)
    assert np.degrees(local_sparsity(originals, np.array([0, 0, 1, 2]), 9))[0] == pytest.approx(
        40, abs=1e-4
    )


def test_every_calibration_draw_is_rejected_in_reject_all():
    cones, calibration = calibrated()
    draws = population(0)[3].reshape(-1, 8)
    assert (risks(draws, cones) <= 1).all()
    assert cones.c == calibration.needed.max()
    assert miss_rate(cones, draws, np.repeat(np.arange(20), 8)).value == 0
    narrower = replace(cones, c=cones.c * (1 - 1e-6))
    assert (risks(draws, narrower) > 1).any()


JUDGED_ELSEWHERE = """
import sys
from dataclasses import replace
import numpy as np
from avatarflow.privacy.cones.cone import Cones
from avatarflow.privacy.cones.decide import risks
cones, draws, needed = Cones.read(sys.argv[1]), np.load(sys.argv[2]), np.load(sys.argv[3])
for row, c in enumerate(needed):  # each draw once sets c
    for start, k in ((row, 2), (max(0, row - 5), 32), (0, 32)):
        risk = risks(draws[start : row + 1], replace(cones, c=float(c)), k=k)[-1]
        assert risk <= 1, (row, start, k, risk)
"""


@pytest.mark.parametrize(
    "kernel",
    [
        {},
        {"OPENBLAS_CORETYPE": "Haswell"},
        {"OPENBLAS_CORETYPE": "Sandybridge"},
        {"OPENBLAS_CORETYPE": "Prescott", "OPENBLAS_NUM_THREADS": "2"},
        {"NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F AVX512CD AVX512_SKX"},
    ],
    ids=["as it is", "Haswell", "Sandybridge", "Prescott", "without vector code"],
)
def test_the_draws_that_set_c_are_rejected_on_every_processor(tmp_path, kernel):
    """The angles of one pair differ in the last digits between blocks and processors; the decision must not."""
    originals, persons, own, draws = population(3, m=60, d=96, spread=0.03)
    draws = draws.reshape(-1, 96)
    for density in (ORIGINAL, PICTURE):
        shape = Shape(density=density, beta=0.2, k=5)
        cones = uncalibrated(originals, persons, np.arange(1, 61), own, shape, "abc")
        cones.save(tmp_path / "cones")
        for name, rows in (("draws", draws), ("needed", needed_scales(cones, draws))):
            np.save(tmp_path / f"{name}.npy", rows)
        files = [str(tmp_path / name) for name in ("cones", "draws.npy", "needed.npy")]
        command = [sys.executable, "-W", "ignore", "-c", JUDGED_ELSEWHERE, *files]
        subprocess.run(
            command,
            check=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **kernel},
        )


def test_conformal_takes_the_order_statistic():
    cones, calibration = calibrated(mode="conformal")
    assert calibration.coverage.rank == 19  # ceil(21 * 0.9)
    assert cones.c == np.sort(calibration.needed)[18]
    assert cones.c < calibrated()[0].c


def test_bounds_are_those_of_the_text():
    assert clopper_pearson(0, 20)[1] == pytest.approx(0.1684, abs=1e-4)
    assert reject_all_coverage(99).mean_miss == pytest.approx(0.01)
    assert reject_all_coverage(58).miss_bound == pytest.approx(0.0503, abs=1e-3)
    coverage = conformal_coverage(19, 0.05)
    assert (coverage.rank, coverage.mean_miss) == (19, pytest.approx(0.05))
    assert coverage.miss_bound == pytest.approx(1 - 0.05 ** (1 / 19))
    with pytest.raises(
        AvatarflowError,
        match=r"18 calibration persons cannot give a miss rate of 0.05; give at least 19",
    ):
        conformal_coverage(18, 0.05)


def test_intervals_are_over_persons():
    few = share_of_pictures(np.tile([True, False], 50), np.repeat(np.arange(4), 25), 1)
    many = share_of_pictures(np.tile([True, False], 50), np.arange(100), 1)
    assert few.persons == 4
    assert many.high - many.low == pytest.approx(0.2, abs=0.05)
    certain = share_of_pictures(np.ones(30, bool), np.repeat(np.arange(3), 10), 1)
    assert certain.low == pytest.approx(clopper_pearson(3, 3)[0])


def test_the_radii_are_clipped():
    cones, _ = calibrated(narrowest_rad=0.2, widest_rad=0.5)
    floors = np.clip(cones.radii_rad, 0.2, 0.5)  # no cone is narrower than its own radius
    assert len(np.unique(floors)) > 2
    assert replace(cones, c=1e-9).half_angles_rad == pytest.approx(floors)
    assert replace(cones, c=1e9).half_angles_rad == pytest.approx(0.5)


def test_cones_survive_the_file(tmp_path):
    cones, _ = calibrated()
    cones.save(tmp_path / "cones.safetensors")
    again = Cones.read(tmp_path / "cones.safetensors")
    assert (again.half_angles_rad == cones.half_angles_rad).all()
    assert (again.fingerprints == cones.fingerprints).all()
    assert (again.shape, again.c, again.encoder) == (cones.shape, cones.c, "abc")


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 5), st.floats(0, 1))
def test_adding_an_original_never_frees_a_picture(seed, c, beta):
    originals, persons, own, _ = population(seed)
    cones = replace(uncalibrated(originals, persons, np.arange(1, 41), own, Shape(beta=beta)), c=c)
    left = [
        array[:-5]
        for array in (cones.fingerprints, cones.rows, cones.radii_rad, cones.sparsity_rad)
    ]
    fewer = replace(
        cones, fingerprints=left[0], rows=left[1], radii_rad=left[2], sparsity_rad=left[3]
    )
    pictures = unit(np.random.default_rng(seed + 1).standard_normal((50, 8)))
    assert (risks(pictures, cones) <= risks(pictures, fewer)).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 5), st.floats(0, 1), st.integers(1, 12))
def test_another_picture_of_a_person_never_frees_one_near_that_person(seed, c, beta, k):
    originals, persons, own, _ = population(seed)
    shape = Shape(k, beta, density=PICTURE)
    cones = replace(uncalibrated(originals, persons, np.arange(1, 41), own, shape), c=c)
    kept = np.arange(40) != 7
    fewer = replace(
        uncalibrated(originals[kept], persons[kept], np.arange(1, 40), own[kept], shape), c=c
    )
    pictures = unit(np.random.default_rng(seed + 1).standard_normal((50, 8)))
    before = Judge(fewer).risks(pictures)
    theirs = persons[kept][before.original] == persons[7]
    assert (risks(pictures, cones)[theirs] <= before.risk[theirs] * (1 + 1e-9)).all()


def test_the_density_around_a_picture_needs_to_know_the_persons():
    originals, persons, own, _ = population(0)
    cones = replace(
        uncalibrated(originals, persons, np.arange(1, 41), own, Shape(density=PICTURE)), c=1.0
    )
    with pytest.raises(AvatarflowError, match="cones: persons are missing"):
        risks(originals, replace(cones, persons=None))


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 10_000), st.randoms(use_true_random=False), st.sampled_from([ORIGINAL, PICTURE])
)
def test_order_and_numbering_of_persons_change_nothing(seed, random, density):
    originals, persons, own, draws = population(seed)
    order, names = list(range(40)), list(range(100, 120))
    random.shuffle(order)
    random.shuffle(names)
    renamed = np.array(names)[persons]

    def fit(rows, who):
        cones = uncalibrated(
            originals[rows], who[rows], rows + 1, own[rows], Shape(density=density)
        )
        return calibrate(
            cones,
            draws[rows].reshape(-1, 8),
            np.repeat(who[rows], 4),
            "reject-all",
            fewest_persons=2,
        )[0]

    pictures = unit(np.random.default_rng(seed).standard_normal((30, 8)))
    assert (
        risks(pictures, fit(np.arange(40), persons))
        == risks(pictures, fit(np.array(order), renamed))
    ).all()


@pytest.mark.parametrize("density", [ORIGINAL, PICTURE])
def test_blocks_do_not_change_the_needed_scales(density):
    cones, _ = calibrated()
    cones = replace(cones, shape=replace(cones.shape, density=density))
    draws = population(0)[3].reshape(-1, 8)
    assert (needed_scales(cones, draws, 7) == needed_scales(cones, draws)).all()


def test_specificity_counts_held_out_subjects_that_pass():
    cones, _ = calibrated()
    held_out = np.concatenate(
        [cones.fingerprints[:10], unit(np.random.default_rng(9).standard_normal((30, 8)))]
    )
    share = specificity(cones, held_out, np.arange(40), 1)
    assert share.value == (risks(held_out, cones) > 1).mean()
    assert share.value <= 0.75
    assert share.low <= share.value <= share.high


def test_settings_plane_meets_the_calibration(tmp_path):
    cones, calibration = calibrated(beta=0.5)
    draws = population(0)[3].reshape(-1, 8)
    held_out = unit(np.random.default_rng(9).standard_normal((60, 8)))
    plane = settings_plane(cones, draws, held_out, (0.0, 0.5, 1.0))
    assert plane.loc[plane["beta"] == 0.5, "border"].iloc[0] == pytest.approx(
        calibration.needed.max()
    )
    above = plane[plane["c"] >= plane["border"]]
    assert (above["altered_rejected"] == 1).all()
    at_border = plane.loc[plane["beta"] == 0.5, "at_border_passing"].iloc[0]
    assert at_border == pytest.approx((risks(held_out, cones) > 1).mean())
    draw_plane(plane, cones, tmp_path / "plane.png")
    assert (tmp_path / "plane.png").stat().st_size > 10_000
    alone = settings_plane(cones, draws, held_out[:0], (0.5,))
    assert alone["heldout_passing"].isna().all()
    assert alone["border"].iloc[0] == plane.loc[plane["beta"] == 0.5, "border"].iloc[0]


def test_refusals():
    originals, persons, own, draws = population(0)
    rows, flat, who = np.arange(1, 41), draws.reshape(-1, 8), np.repeat(persons, 4)
    with pytest.raises(
        AvatarflowError, match="originals of one person only; give originals of at least two"
    ):
        uncalibrated(originals, np.zeros(40, int), rows, own, Shape())
    nobody = persons.copy()
    nobody[[3, 8]] = -1
    with pytest.raises(AvatarflowError, match=r"row 4: no person.*\n.*row 9: no person"):
        uncalibrated(originals, nobody, rows, own, Shape())
    with pytest.raises(AvatarflowError, match="39 persons and 40 rows for 40 originals"):
        uncalibrated(originals, persons[:39], rows, own, Shape())
    broken = originals.copy()
    broken[[4, 7]] = np.nan
    with pytest.raises(AvatarflowError, match=r"row 5: no fingerprint.*\n.*row 8: no fingerprint"):
        uncalibrated(broken, persons, rows, own, Shape())
    twice = originals.copy()
    twice[9] = twice[2]
    with pytest.raises(
        AvatarflowError, match="rows 3 and 10: equal fingerprints but different persons"
    ):
        uncalibrated(twice, persons, rows, own, Shape())
    still = own.copy()
    still[6] = originals[6]
    with pytest.raises(AvatarflowError, match="row 7: no perturbation moves its fingerprint"):
        uncalibrated(originals, persons, rows, still, Shape())
    with pytest.raises(AvatarflowError, match="row 0 has length 2, not 1"):
        uncalibrated(2 * originals, persons, rows, own, Shape())
    cones = uncalibrated(originals, persons, rows, own, Shape(widest_rad=0.02, narrowest_rad=0.01))
    with pytest.raises(
        AvatarflowError, match=r"20 calibration persons where cone.fewest_persons asks for 30"
    ):
        calibrate(cones, flat, who, "reject-all", fewest_persons=30)
    with pytest.raises(
        AvatarflowError, match=r"outside every cone at its widest; raise cone.widest_deg"
    ):
        calibrate(cones, flat, who, "reject-all")
    with pytest.raises(
        AvatarflowError,
        match=r"20 calibration persons cannot give a miss rate of 0.01; give at least 99",
    ):
        calibrate(cones, flat, who, "conformal", 0.01)


def test_two_photographs_of_one_person_may_be_equal():
    originals, persons, own, _ = population(0)
    originals[1], own[1] = originals[0], own[0]
    assert np.isfinite(
        uncalibrated(originals, persons, np.arange(1, 41), own, Shape()).sparsity_rad
    ).all()
