"""Cones that follow the density at the picture, against their definition written out with loops."""

import math
from dataclasses import replace

import cone_reference as slow
import numpy as np
import pytest

from avatarflow.privacy.cones.cone import calibrate, needed_scales, uncalibrated
from avatarflow.privacy.cones.decide import Judge, risks
from avatarflow.privacy.cones.shape import PICTURE, Shape


def population(seed, m=30, a=4, d=6, spread=0.25, narrower=1.0):
    rng = np.random.default_rng(seed)

    def unit(rows):
        return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)

    originals = unit(rng.standard_normal((m, d)))
    persons = np.sort(rng.integers(0, m // 3, m))
    spreads = rng.uniform(0.1, 2, (m, 1, 1)) * spread
    own, draws = (
        unit(originals[:, None] + share * spreads * rng.standard_normal((m, a, d)))
        for share in (narrower, 1.0)
    )
    return originals, persons, own, draws.reshape(-1, d), unit(rng.standard_normal((60, d)))


def density(angles, i, between, persons, weights, radii, k):
    """The mean angle to the k nearest in units of their own radius, of others and outside the radius of original i."""
    counted = []
    for j in sorted(range(len(angles)), key=lambda j: angles[j] / weights[j]):
        another = any(
            persons[j] != persons[h] and between[h][j] <= min(radii[h], radii[j]) for h in counted
        )
        if persons[j] != persons[i] and between[i][j] > radii[i] and not another:
            counted.append(j)
    nearest = [angles[j] for j in counted[:k]]
    return sum(nearest) / len(nearest) if nearest else math.pi


def risk(angles, between, persons, radii, shape, c):
    """Of a picture with these angles to the originals, which have angles `between` them."""
    weights = [radius**shape.beta for radius in radii]
    ratios = []
    for i, (angle, weight) in enumerate(zip(angles, weights, strict=True)):
        around = density(angles, i, between, persons, weights, radii, shape.k)
        half = max(c * weight * around ** (1 - shape.beta), shape.narrowest_rad, radii[i])
        ratios.append(angle / min(half, shape.widest_rad))
    best = min(range(len(ratios)), key=ratios.__getitem__)
    return ratios[best], best


def smallest_c(angles, between, persons, radii, shape):
    """By bisection on the definition."""

    def rejects(c):
        return risk(angles, between, persons, radii, shape, c)[0] <= 1

    return slow.bisected(rejects, 1e3, 36)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("beta", "k", "narrowest_deg", "widest_deg"),
    [(0.35, 3, 1.0, 90.0), (0.5, 10, 20.0, 80.0), (0.0, 1, 1.0, 25.0), (1.0, 30, 8.0, 40.0)],
)
def test_agrees_with_the_definition(seed, beta, k, narrowest_deg, widest_deg):
    originals, persons, own, draws, held_out = population(seed)
    shape = Shape(k, beta, math.radians(narrowest_deg), math.radians(widest_deg), PICTURE)
    cones = uncalibrated(originals, persons, np.arange(1, 31), own, shape)
    radii = [slow.radius(x, versions) for x, versions in zip(originals, own, strict=True)]
    between = [[slow.angle(x, y) for y in originals] for x in originals]
    some = np.concatenate([draws[::9], held_out[:6], originals[:2]])
    needed = needed_scales(cones, some)
    seen = [[slow.angle(picture, x) for x in originals] for picture in some]
    assert needed == pytest.approx(
        [smallest_c(each, between, persons, radii, shape) for each in seen], rel=1e-5, abs=1e-6
    )

    ready = replace(cones, c=float(np.median(needed[np.isfinite(needed)])) or 0.5)
    seen = [[slow.angle(picture, x) for x in originals] for picture in held_out]
    wanted = [risk(each, between, persons, radii, shape, ready.c) for each in seen]
    for searched in (1, 8, 30):
        found = Judge(ready, searched).risks(held_out)
        assert found.risk == pytest.approx([value for value, _ in wanted], rel=1e-5)
        assert found.original.tolist() == [best for _, best in wanted]
        assert found.angle_rad / found.threshold_rad == pytest.approx(found.risk)


def test_calibrated_cones_reject_every_draw_and_a_copy_has_no_risk_of_escaping():
    originals, persons, own, draws, _ = population(9, narrower=0.5)
    shape = Shape(3, 0.35, density=PICTURE)
    cones = uncalibrated(originals, persons, np.arange(1, 31), own, shape)
    ready, _ = calibrate(cones, draws, np.repeat(persons, 4), "reject-all", fewest_persons=2)
    assert (risks(draws, ready) <= 1).all()
    assert (risks(draws, replace(ready, c=ready.c * 0.999)) > 1).any()
    assert (risks(originals, ready) < 1e-6).all()  # rounding to unit length twice
