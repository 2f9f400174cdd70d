"""The Illumina error model: rates come out as asked, and raising the rate moves nothing."""

import numpy as np
import pytest

from avatarflow.core.errors import AvatarflowError
from avatarflow.reads.genomes.genome import Genome
from avatarflow.reads.simulation.illumina.errors import WOBBLE_Q, read_profile
from avatarflow.reads.simulation.library import View, build
from avatarflow.reads.simulation.sequencer import CAUSES, Scratch, read_template, row_of, tables_of

READS, LENGTH = 3000, 150
GENOME = Genome.of([("a", np.random.default_rng(2).integers(0, 4, 40_000, np.uint8))])
LIBRARY = build([View(GENOME, GENOME, None, 0, 0)])


@pytest.fixture(scope="module")
def model(root):
    return read_profile(root / "resources" / "error_profiles" / "illumina.tsv", LENGTH)


def sequence(model, rate, ratio=0.0, library=LIBRARY, length=LENGTH):
    """Bases, qualities and causes of reads that start at every tenth place."""
    scratch, tables = Scratch.for_mates(length), model.tables(rate, ratio)
    bases, qualities, causes = [], [], []
    for i in range(READS):
        key = np.uint64(12345 + i)
        done, runs, _ = read_template(
            library, 0, 10 * i, True, key, tables_of(tables, 0), row_of(scratch, 0, 0)
        )
        assert done == length
        bases.append(scratch.bases[0].copy())
        qualities.append(scratch.qualities[0].copy())
        causes.append(
            "".join(
                chr(CAUSES[scratch.kinds[0, k]]) * int(scratch.lengths[0, k]) for k in range(runs)
            )
        )
    return np.array(bases), np.array(qualities), causes


TEMPLATES = np.stack([GENOME.codes[10 * i : 10 * i + LENGTH] for i in range(READS)])


@pytest.mark.parametrize("rate", [0.0, 0.001, 0.01, 0.06, 0.12])
def test_realised_rate_is_the_asked_one(model, rate):
    bases, _, causes = sequence(model, rate)
    wrong = np.array([[letter == "x" for letter in text] for text in causes])
    expected = model.probabilities(rate)[0].mean()
    assert wrong.mean() == pytest.approx(
        expected, abs=4 * np.sqrt(max(expected, 1e-9) / wrong.size)
    )
    assert ((bases != TEMPLATES) == wrong).all()


def test_errors_of_a_low_rate_are_there_unchanged_at_a_higher_one(model):
    low, _, _ = sequence(model, 0.01)
    high, _, _ = sequence(model, 0.06)
    few = low != TEMPLATES
    assert few.any()
    assert (low[few] == high[few]).all()
    assert ((high != TEMPLATES) | ~few).all()


def test_every_wrong_base_is_equally_likely(model):
    bases, _, _ = sequence(model, 0.1)
    step = (bases.astype(int) - TEMPLATES) % 4
    counts = np.bincount(step[step > 0], minlength=4)[1:]
    assert (abs(counts - counts.mean()) < 4 * np.sqrt(counts.mean())).all()


def test_qualities_tell_the_truth(model):
    bases, qualities, _ = sequence(model, 0.06)
    for value in np.unique(qualities):
        seen = qualities == value
        if seen.sum() > 5000:
            wrong = (bases != TEMPLATES)[seen].mean()
            assert -10 * np.log10(wrong) == pytest.approx(value, abs=1.0)
    assert len(np.unique(qualities)) > len(WOBBLE_Q)


def test_indels_come_at_the_asked_ratio_in_equal_parts(model):
    _, _, causes = sequence(model, 0.05, ratio=0.2)
    text = "".join(causes)
    half = 0.05 * 0.1 * model.shape[0].mean() * READS * LENGTH
    for letter in "id":
        assert text.count(letter) == pytest.approx(half, abs=4 * np.sqrt(half))


def test_unknown_bases_stay_unknown_with_lowest_quality(model):
    unknown = Genome.of([("a", np.full(40_000, 4, np.uint8))])
    bases, qualities, causes = sequence(
        model, 0.1, library=build([View(unknown, unknown, None, 0, 0)])
    )
    assert (bases == 4).all()
    assert (qualities == 2).all()
    assert set("".join(causes)) == {"="}


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
