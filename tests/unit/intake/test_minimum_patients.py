"""Too few patients are refused at intake, with the number that would do."""

import pandas as pd
import pytest

from avatarflow.core.errors import AvatarflowError
from avatarflow.core.statistics import clopper_pearson
from avatarflow.intake.patients.minimum_patients import calibration_needed, refuse_too_few
from avatarflow.privacy.cones.coverage import conformal_coverage

SHARES = {"encoder": 0.5, "calibration": 0.25, "test": 0.15, "heldout": 0.1}
SPLIT = {"shares": SHARES, "column": None}


def cone(mode="conformal", alpha=0.02, fewest=20):
    return {"mode": mode, "alpha": alpha, "fewest_persons": fewest}


def asked(missed=1.0, anatomy=None):
    share = None if anatomy is None else {"pass_share": anatomy}
    return {"cone": cone(), "gates": {"missed_patients": missed}, "anatomy": share}


@pytest.mark.parametrize("alpha", [0.01, 0.02, 0.05, 0.1, 0.3])
def test_the_number_is_the_smallest_that_calibration_takes(alpha):
    needed = calibration_needed(cone(alpha=alpha, fewest=1))
    conformal_coverage(needed, alpha)
    with pytest.raises(AvatarflowError):
        conformal_coverage(needed - 1, alpha)
    assert calibration_needed(cone("reject-all")) == 20


def pool(**counts):
    roles = [role for role, count in counts.items() for _ in range(count)]
    return pd.DataFrame({"role": roles, "person": range(len(roles))})


def test_names_every_role_and_how_many_patients_would_do():
    with pytest.raises(AvatarflowError) as caught:
        refuse_too_few(
            pool(encoder=10, calibration=14),
            SPLIT,
            asked(),
            release=True,
        )
    lines = str(caught.value).splitlines()
    assert (
        "intake: 14 patients for calibration where at least 49 are needed; give about 198 patients in all"
        in lines[-1]
    )
    assert len(lines) == 3


def test_enough_is_enough_and_an_audit_may_have_nobody_held_out():
    refuse_too_few(
        pool(encoder=2, calibration=49, test=1, heldout=1),
        SPLIT,
        asked(),
        release=True,
    )
    refuse_too_few(
        pool(encoder=2, calibration=49, test=1),
        SPLIT,
        asked(),
        release=False,
    )


def test_a_column_that_divides_gives_other_advice():
    split = {"shares": SHARES, "column": "set"}
    with pytest.raises(AvatarflowError) as caught:
        refuse_too_few(pool(encoder=10, calibration=14, test=4), split, asked(), release=True)
    text = str(caught.value)
    # of those whom the column marks as train, .25 of .9 are calibration patients
    assert "give about 179 patients in the column's training part, or change split.shares" in text
    assert "0 patients for heldout where at least 1 are needed; mark more patients as held" in text


def test_patients_that_a_gate_needs_are_named_before_anything_is_trained():
    """With none missed, 36 test patients show .1; radiographs of 71 patients had 7."""
    shares = {"encoder": 0.3, "calibration": 0.35, "test": 0.1, "heldout": 0.25}
    few = pool(encoder=40, calibration=60, test=7, heldout=20)
    split = {"shares": shares, "column": None}
    with pytest.raises(AvatarflowError) as caught:
        refuse_too_few(few, split, asked(missed=0.1, anatomy=0.95), release=True)
    assert str(caught.value) == (
        "intake: 7 patients for test where at least 36 are needed to show that at most 0.1 of them are missed, even if "
        "none is; give about 365 patients in all, or change split.shares or gates.missed_patients"
    )
    with pytest.raises(
        AvatarflowError,
        match=r"27 patients for test and heldout where at least 99 are needed for limits that 0\.99",
    ):
        refuse_too_few(few, split, asked(anatomy=0.99), release=True)
    refuse_too_few(few, split, asked(missed=0.1), release=False)  # an audit has no such gate
    enough = pool(encoder=40, calibration=60, test=36, heldout=20)
    refuse_too_few(enough, split, asked(missed=0.1), release=True)
    for n in (35, 36):
        assert (clopper_pearson(0, n)[1] <= 0.1) == (n == 36)


def test_what_differential_privacy_needs_is_known_at_intake():
    private = {"epsilon": 3, "delta": 0.01, "patients": 150}
    few = pool(encoder=40, calibration=60, test=20, heldout=20)
    with pytest.raises(AvatarflowError) as caught:
        refuse_too_few(few, SPLIT, asked() | {"differential_privacy": private}, release=True)
    assert str(caught.value).splitlines() == [
        "intake: 120 patients for encoder and calibration and test where at least 150 are needed to draw so many in a "
        "step of training; give about 168 patients in all, or change split.shares or differential_privacy.patients",
        "differential_privacy.delta: 0.01 for 120 patients, so that one of them may be given away; "
        "set it well below 0.008",
    ]
    private |= {"delta": 0.001, "patients": 120}
    refuse_too_few(few, SPLIT, asked() | {"differential_privacy": private}, release=True)
