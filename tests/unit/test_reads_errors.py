"""The Illumina error model: rates come out as asked, and raising the rate moves nothing."""

import numpy as np
import pytest

from avatarflow.errors import AvatarflowError
from avatarflow.reads.errors import ErrorDraws, read_profile, sequenced

PAIRS, LENGTH = 2000, 150


@pytest.fixture(scope="module")
def model(root):
    return read_profile(root / "resources" / "error_profiles" / "illumina.tsv", LENGTH)


@pytest.fixture(scope="module")
def draws():
    return ErrorDraws.draw(np.random.default_rng(1), PAIRS, LENGTH)


TEMPLATES = np.random.default_rng(2).integers(0, 4, (PAIRS, 2, LENGTH), np.uint8)


@pytest.mark.parametrize("rate", [0.0, 0.001, 0.01, 0.06, 0.12])
def test_realised_rate_is_the_asked_one(model, draws, rate):
    bases, _, wrong = sequenced(TEMPLATES, draws, model, rate)
    assert wrong.mean() == pytest.approx(rate, abs=4 * np.sqrt(max(rate, 1e-9) / wrong.size))
    assert ((bases != TEMPLATES) == wrong).all()


def test_errors_of_a_low_rate_are_there_unchanged_at_a_higher_one(model, draws):
    low, _, few = sequenced(TEMPLATES, draws, model, 0.01)
    high, _, many = sequenced(TEMPLATES, draws, model, 0.06)
    assert (many | ~few).all()
    assert (low[few] == high[few]).all()


def test_qualities_tell_the_truth(model, draws):
    _, qualities, wrong = sequenced(TEMPLATES, draws, model, 0.06)
    for value in np.unique(qualities):
        seen = qualities == value
        if seen.sum() > 5000:
            assert -10 * np.log10(wrong[seen].mean()) == pytest.approx(value, abs=1.0)


def test_unknown_bases_stay_unknown_with_lowest_quality(model, draws):
    templates = np.full_like(TEMPLATES, 4)
    bases, qualities, wrong = sequenced(templates, draws, model, 0.1)
    assert (bases == 4).all()
    assert (qualities == 2).all()
    assert not wrong.any()


def test_profile_stretches_to_the_read_length(root):
    shape = read_profile(root / "resources" / "error_profiles" / "illumina.tsv", 70).shape
    assert shape.shape == (2, 70)
    assert shape.mean() == pytest.approx(1.0)
    assert shape[0, -1] > 2 * shape[0, 20]


def test_refuses_a_rate_above_chance_and_a_file_that_is_no_profile(model, tmp_path):
    with pytest.raises(AvatarflowError, match=r"0\.5 is too high for this profile; ask for"):
        model.probabilities(0.5)
    (tmp_path / "x.tsv").write_text("mate\tcycle\n1\t1\n")
    with pytest.raises(AvatarflowError, match="no error profile"):
        read_profile(tmp_path / "x.tsv", 10)
