import math

import numpy as np
import pytest
import rules_reference as slow
from test_cone_reference import population

from avatarflow.privacy.baselines.neighbourhood import Candidates, Originals
from avatarflow.privacy.baselines.registry import CONE, RULES
from avatarflow.privacy.cones.cone import uncalibrated
from avatarflow.privacy.cones.shape import Shape


@pytest.mark.parametrize("seed", range(3))
# the cone has a reference of its own
@pytest.mark.parametrize("name", [name for name in RULES if name != CONE])
def test_each_rule_is_what_its_paper_says(name, seed):
    originals, persons, own, draws, held_out = population(seed, m=80)
    cones = uncalibrated(originals, persons, np.arange(1, 81), own, Shape(k=4))
    queries = np.concatenate([held_out[:15], draws[::8, 0]])
    wanted = [getattr(slow, name)(g, originals, persons, 4) for g in queries]
    gallery = Originals.of(cones, persons)
    assert RULES[name].score(Candidates.of(queries, gallery), gallery) == pytest.approx(
        wanted, rel=1e-5, abs=1e-7
    )


def test_thresholds_that_papers_set():
    originals, persons, own, _, _ = population(0, m=80)
    gallery = Originals.of(
        uncalibrated(originals, persons, np.arange(1, 81), own, Shape()), persons
    )
    assert RULES["authenticity"].published(gallery) == 1
    best = [
        slow.correlation(
            x, [y for y, who in zip(originals, persons, strict=True) if who != whose], persons, 0
        )
        for x, whose in zip(originals, persons, strict=True)
    ]
    assert RULES["correlation"].published(gallery) == pytest.approx(
        float(np.quantile(best, 0.05)), rel=1e-5
    )
    assert math.isfinite(RULES["correlation"].published(gallery))
