"""One eye under several ids: neither a cone nor a verdict becomes looser by the others' pictures of it."""

from dataclasses import replace

import numpy as np
import pytest

from avatarflow.privacy.cones.cone import calibrate, uncalibrated
from avatarflow.privacy.cones.decide import risks
from avatarflow.privacy.cones.own_radius import inside_own_radius
from avatarflow.privacy.cones.shape import Shape
from avatarflow.privacy.search.neighbours import pair_angles

PERSONS, D, DRAWS = 60, 24, 12


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def perturbed(rows, seed, draws=DRAWS, spread=0.06):
    noise = np.random.default_rng(seed).standard_normal((len(rows), draws, rows.shape[1]))
    return unit(rows[:, None] + spread * noise)


def cones_with(duplicates, density, kind="re-encoded"):
    """Cones over 60 persons, the first 20 of whom stand there again under so many other ids."""
    draw = np.random.default_rng(1)
    originals = unit(draw.standard_normal((PERSONS, D)))
    spread = {"re-encoded": 0.005, "shifted": 0.03, "another visit": 0.1}[kind]
    again = [
        unit(originals[:20] + spread * draw.standard_normal((20, D))) for _ in range(duplicates)
    ]
    rows = np.concatenate([originals, *again])
    return uncalibrated(
        rows, np.arange(len(rows)), np.arange(1, len(rows) + 1), perturbed(rows, 2),
        Shape(k=5, beta=0.2, density=density),
    ), originals  # fmt: skip


def copies(originals):
    """Altered pictures of the first 20, made as the perturbations are and up to twice as strong."""
    return np.concatenate(
        [perturbed(originals[:20], 3, spread=s).reshape(-1, D) for s in (0.06, 0.07, 0.09)]
    )


@pytest.mark.parametrize("density", ["original", "picture"])
@pytest.mark.parametrize("kind", ["re-encoded", "shifted", "another visit"])
@pytest.mark.parametrize("duplicates", [1, 5, 12])
def test_duplicates_under_other_ids_loosen_no_verdict(density, kind, duplicates):
    alone, originals = cones_with(0, density)
    whose = np.repeat(np.arange(PERSONS), DRAWS)
    ready, _ = calibrate(alone, perturbed(originals, 4).reshape(-1, D), whose, "reject-all")
    crowded = replace(cones_with(duplicates, density, kind)[0], c=ready.c)
    pictures = copies(originals)
    before, after = risks(pictures, ready), risks(pictures, crowded)
    assert 0.7 < (before <= 1).mean() < 0.95  # some leave their cones, so verdicts could change
    if kind != "another visit":  # which may lie outside the own radius; there the floor alone holds
        assert (after <= before * 1.05).all()
        assert not ((before <= 0.95) & (after > 1)).any()
    angles = pair_angles(np.repeat(originals[:20], DRAWS, 0), pictures[: 20 * DRAWS])
    within = angles <= np.repeat(ready.radii_rad[:20], DRAWS)
    assert 0.7 < within.mean() < 1
    assert (after[: 20 * DRAWS][within] <= 1).all()


@pytest.mark.parametrize("density", ["original", "picture"])
def test_no_cone_is_narrower_than_the_own_radius(density):
    alone = cones_with(5, density)[0]
    tiny = replace(alone, c=1e-6)
    own = perturbed(alone.fingerprints, 2).reshape(-1, D)
    assert (risks(own, tiny) <= 1 + 1e-9).all()
    assert (tiny.half_angles_rad >= tiny.radii_rad).all()


def as_mask(inside):
    """(m, m) for each original, which others lie inside."""
    held = np.zeros((len(inside.counts), len(inside.counts)), bool)
    held[np.repeat(np.arange(len(held)), inside.counts), inside.places] = True
    return held


def test_pairs_inside_the_own_radius_are_those_of_the_definition():
    draw = np.random.default_rng(5)
    rows = unit(draw.standard_normal((80, 6)))
    persons, radii = np.arange(80) // 2, draw.uniform(0.1, 1.5, 80)
    radii[7] = pair_angles(rows[7:8], rows[30:31])[0]  # on the edge, where rounding decides
    found = inside_own_radius(rows, persons, radii)
    angles = pair_angles(rows[:, None], rows[None])
    wanted = (angles <= radii[:, None] * (1 + 1e-9)) & (persons[:, None] != persons)
    assert (as_mask(found) == wanted).all()
    assert (as_mask(found)[40:50] == wanted[40:50]).all()
    assert found.counts.tolist() == wanted.sum(1).tolist()
    assert wanted[7, 30]
