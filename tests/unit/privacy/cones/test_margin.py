"""The margin: cones are widened until they would refuse a share of other patients' originals."""

from dataclasses import replace

import numpy as np
import pytest

from avatarflow.privacy.cones.cone import uncalibrated
from avatarflow.privacy.cones.decide import risks
from avatarflow.privacy.cones.margin import FOLDS, margin_scale
from avatarflow.privacy.cones.shape import Shape

PERSONS = 24


@pytest.fixture(scope="module", params=["original", "picture"])
def cones(request):
    """Two originals each of 24 persons, before calibration."""
    draw = np.random.default_rng(3)
    rows = draw.normal(size=(2 * PERSONS, 12))
    rows[1::2] = rows[::2] + 0.3 * draw.normal(size=(PERSONS, 12))  # the other eye of the person
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    altered = rows[:, None] + 0.02 * draw.normal(size=(2 * PERSONS, 4, 12))
    altered /= np.linalg.norm(altered, axis=2, keepdims=True)
    persons = np.repeat(np.arange(PERSONS), 2)
    shape = Shape(k=3, beta=0.2, narrowest_rad=0.01, widest_rad=1.2, density=request.param)
    return uncalibrated(
        rows.astype(np.float32), persons, persons + 1, altered.astype(np.float32), shape
    )


def refused(cones, places, c):
    """How many originals are refused at a scale, each asked without the persons of its fold in the gallery."""
    people, count = np.unique(cones.owners[places]), 0
    for fold in range(FOLDS):
        out = np.isin(cones.owners, people[fold::FOLDS])
        names = ("fingerprints", "rows", "radii_rad", "sparsity_rad", "persons")
        rest = replace(cones, c=c, **{name: getattr(cones, name)[~out] for name in names})
        asked = [place for place in places if out[place]]
        count += int((risks(cones.fingerprints[asked], rest) <= 1).sum())
    return count


@pytest.mark.parametrize("share", [0.05, 0.1, 0.5])
def test_so_many_originals_are_refused_at_the_scale_and_one_fewer_below_it(cones, share):
    places = np.arange(8, 2 * PERSONS)
    c = margin_scale(cones, places, share)
    wanted = int(share * len(places))
    assert refused(cones, places, c * (1 + 1e-9)) == wanted
    assert refused(cones, places, c * (1 - 1e-6)) == wanted - 1


def test_a_share_of_none_and_nobody_to_ask_give_no_margin(cones):
    assert margin_scale(cones, np.arange(2 * PERSONS), 0.0) == 0
    assert margin_scale(cones, np.arange(0), 0.1) == 0
    assert margin_scale(cones, np.arange(4), 0.1) == 0  # a tenth of four is nobody


def test_cones_that_reach_nobody_give_no_margin(cones):
    narrow = replace(cones, shape=replace(cones.shape, widest_rad=0.02))
    assert margin_scale(narrow, np.arange(2 * PERSONS), 0.2) == 0
