import math

import cone_reference as slow
import numpy as np
import pytest

from avatarflow.privacy.cones.cone import (
    Shape,
    calibrate,
    local_sparsity,
    needed_scales,
    own_radii,
    person_maxima,
    uncalibrated,
)
from avatarflow.privacy.cones.decide import Judge


def population(seed, m=24, a=5, d=6, spread=0.25):
    rng = np.random.default_rng(seed)

    def unit(rows):
        return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)

    originals = unit(rng.standard_normal((m, d)))
    persons = np.arange(m) // 2
    own, draws = (
        unit(originals[:, None] + spread * rng.standard_normal((m, a, d))) for _ in range(2)
    )
    held_out = unit(rng.standard_normal((60, d)))
    return originals, persons, own, draws, held_out


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    ("beta", "k", "widest_deg"), [(0.5, 3, 80.0), (0.0, 10, 40.0), (1.0, 1, 25.0)]
)
def test_agrees_with_the_definition(seed, beta, k, widest_deg):
    originals, persons, own, draws, held_out = population(seed)
    narrowest, widest = math.radians(8.0), math.radians(widest_deg)
    shape = Shape(k, beta, narrowest, widest)
    cones = uncalibrated(originals, persons, np.arange(1, 25), own, shape)
    radii = [slow.radius(x, versions) for x, versions in zip(originals, own, strict=True)]
    sparsities = [slow.sparsity(i, originals, persons, radii, k) for i in range(24)]
    assert own_radii(originals, own) == pytest.approx(radii, abs=1e-6)
    assert cones.sparsity_rad == pytest.approx(sparsities, abs=1e-6)
    plain = [slow.sparsity(i, originals, persons, [0.0] * 24, k) for i in range(24)]
    assert local_sparsity(originals, persons, k) == pytest.approx(plain, abs=1e-6)

    flat = draws.reshape(-1, 6)
    needed = [
        slow.smallest_c(g, originals, radii, sparsities, beta, narrowest, widest) for g in flat
    ]
    assert needed_scales(cones, flat) == pytest.approx(needed, rel=1e-5)

    largest = person_maxima(needed_scales(cones, flat), np.repeat(persons, 5))[1]
    wanted = [max(needed[i * 10 : i * 10 + 10]) for i in range(12)]
    assert largest == pytest.approx(wanted, rel=1e-5)
    if math.isinf(max(wanted)):
        return
    ready, calibration = calibrate(
        cones, flat, np.repeat(persons, 5), "reject-all", fewest_persons=2
    )
    assert ready.c == pytest.approx(max(wanted), rel=1e-5)
    assert calibration.coverage.mean_miss == pytest.approx(1 / 13)
    halves = [
        slow.half_angle(ready.c, r, s, beta, narrowest, widest)
        for r, s in zip(radii, sparsities, strict=True)
    ]
    for k_search in (1, 4, 24):
        found = Judge(ready, k_search).risks(held_out)
        truth = [slow.risk(g, originals, halves) for g in held_out]
        assert found.risk == pytest.approx([value for value, _ in truth], rel=1e-5)
        assert found.original.tolist() == [best for _, best in truth]
        assert found.angle_rad / found.threshold_rad == pytest.approx(found.risk)
    assert (Judge(ready).risks(flat).risk <= 1).all()
