"""An audit says what its risky candidates have in common."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from avatarflow.audit.pattern import OTHERWISE, change, pattern, small
from avatarflow.imaging.phantom.eyes import draw_eyes
from avatarflow.privacy.cones.decide import INSIDE, MATCHED, OUTSIDE


@pytest.fixture(scope="module")
def eyes():
    return draw_eyes("fundus", [2 * person for person in range(8)], [0] * 8, 64, 3)[0]


def enlarged(part):
    return np.asarray(Image.fromarray(np.ascontiguousarray(part)).resize((64, 64)))


def covered(picture):
    out = picture.copy()
    out[:, 32:] = 0
    return out


def found(eyes, candidates, of, reasons, verified=None):
    decisions = pd.DataFrame(
        {"reason": reasons, "matched_original": pd.array([10 * row for row in of], "Int64")}
    )
    pool = pd.DataFrame({"row": 10 * np.arange(8), "person": np.arange(8) // 2})
    return pattern(decisions, verified, pool, eyes.__getitem__, candidates.__getitem__)


@pytest.mark.parametrize(
    ("alter", "kind"),
    [
        (lambda p: p.copy(), "as they are, or exported again"),
        (lambda p: p[..., [1, 2, 0]], "with their colour channels in another order"),
        (lambda p: np.rot90(p), "turned or mirrored"),
        (lambda p: p[:, ::-1], "turned or mirrored"),
        (lambda p: 255 - p, "as negatives"),
        (
            lambda p: np.repeat(p.mean(2, keepdims=True), 3, 2).astype(np.uint8),
            "without their colours",
        ),
        (lambda p: enlarged(p[10:42, 20:52]), "cut out and enlarged"),
        (lambda p: enlarged(p[13:, :51]), "cut out and enlarged"),
        (covered, "with one half covered"),
    ],
)
def test_one_way_of_changing_originals_is_named(eyes, alter, kind):
    candidates = np.stack([np.ascontiguousarray(alter(picture)) for picture in eyes])
    said = found(eyes, candidates, range(8), [MATCHED] * 6 + [OUTSIDE] * 2)
    assert said["sentence"] == f"6 of 6 that were looked at are originals {kind}"
    others = [(one, other) for one in range(8) for other in range(8) if one != other]
    kinds = [change(small(eyes[one]), small(candidates[other])) for one, other in others]
    assert kinds.count(OTHERWISE) > 0.9 * len(kinds)


def test_one_copied_person_is_named(eyes):
    said = found(eyes, eyes[::-1].copy(), [2, 3, 2, 3, 7, 0, 0, 0], [INSIDE] * 5 + [OUTSIDE] * 3)
    assert said["sentence"] == "4 of 5 are taken for pictures of one person"
    assert (said["risky"], said["persons"]) == (5, 2)


def test_the_verifiers_original_counts_where_it_matched(eyes):
    verified = pd.DataFrame({"matched": [True, False], "original": pd.array([50, None], "Int64")})
    said = found(eyes, eyes[[5, 1]], [0, 1], [MATCHED, INSIDE], verified)
    assert said["changes"] == {"as they are, or exported again": 2}


def test_without_a_pattern_nothing_is_said(eyes):
    assert found(eyes, eyes, range(8), [OUTSIDE] * 8)["sentence"] == ""
    assert found(eyes, eyes[::-1].copy(), range(8), [INSIDE] * 8)["sentence"] == ""
