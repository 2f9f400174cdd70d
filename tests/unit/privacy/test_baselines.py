"""The comparison at equal sensitivity, and what every rule must do whatever the data."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avatarflow.core.errors import AvatarflowError
from avatarflow.core.tables import write_table
from avatarflow.privacy.baselines.compare import (
    LEVELS,
    People,
    at_level,
    compare,
    summary,
    winner,
)
from avatarflow.privacy.baselines.neighbourhood import Candidates, Originals
from avatarflow.privacy.baselines.registry import RULES
from avatarflow.privacy.baselines.step import draw_baselines
from avatarflow.privacy.cones.cone import uncalibrated
from avatarflow.privacy.cones.shape import Shape

D = 8


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def gallery(seed=0, m=80, spread=0.1):
    rng = np.random.default_rng(seed)
    rows, persons = unit(rng.standard_normal((m, D))), np.arange(m) // 2
    own = unit(rows[:, None] + spread * rng.standard_normal((m, 4, D)))
    return Originals.of(uncalibrated(rows, persons, np.arange(1, m + 1), own, Shape()), persons)


def people(originals, chosen, seed, draws=6, spread=0.1):
    rng = np.random.default_rng(seed)
    rows = originals.cones.fingerprints[chosen]
    altered = unit(rows[:, None] + spread * rng.standard_normal((len(rows), draws, D))).reshape(
        -1, D
    )
    return People(altered, np.repeat(originals.persons[chosen], draws))


def held_out(n=60, seed=9):
    return People(
        unit(np.random.default_rng(seed).standard_normal((n, D))), np.arange(1000, 1000 + n)
    )


@pytest.fixture(scope="module")
def compared():
    originals = gallery()
    parts = people(originals, np.arange(40), 1), people(originals, np.arange(40, 80), 2)
    return originals, parts, compare(originals, *parts, held_out(), 3)


def test_every_rule_at_every_level(compared):
    _, _, table = compared
    levels = [f"{level:.1%}" for level in LEVELS]
    assert list(dict.fromkeys(table["rule"])) == list(RULES)
    assert set(table.loc[table["level"].isin(levels), "rule"]) == set(RULES)
    assert set(table.loc[table["level"] == "published", "rule"]) == {"authenticity", "correlation"}
    for measure in ("sensitivity", "specificity"):
        assert (table[f"{measure}_low"] <= table[measure]).all()
        assert (table[measure] <= table[f"{measure}_high"]).all()
    assert (table["specificity_persons"] == 60).all()
    assert (table["sensitivity_persons"] == 20).all()
    assert (table.loc[table["rule"] == "cone", "ahead"] == 0).all()


@pytest.mark.parametrize("name", RULES)
def test_thresholds_hold_on_those_who_set_them_and_no_lower_one_does(compared, name):
    originals, (calibration, _), table = compared
    scored = RULES[name].score(Candidates.of(calibration.fingerprints, originals), originals)
    for level in LEVELS:
        threshold = table.set_index(["rule", "level"]).loc[(name, f"{level:.1%}"), "threshold"]
        assert (scored <= threshold).mean() >= level
        assert (scored < threshold).mean() < level


def test_the_order_statistic():
    assert at_level(np.arange(1.0, 101), 0.99) == 99
    assert at_level(np.arange(1.0, 101), 0.995) == 100
    assert at_level(np.arange(1.0, 2001), 0.999) == 1998


def test_the_winner_is_named_and_only_then_beyond_its_interval():
    table = pd.DataFrame(
        {"rule": ["cone", "distance", "density"], "level": "99.0%", "specificity": [0.5, 0.7, 0.6],
         "ahead_high": [0.0, -0.1, 0.05]}
    )  # fmt: skip
    assert winner(table, "99.0%") == ("distance", True)
    assert winner(table.iloc[[0, 2]], "99.0%") == ("density", False)


def test_ahead_is_the_difference_of_shares(compared):
    _, _, table = compared
    rows = table.set_index(["level", "rule"])["specificity"]
    for row in table[table["level"] == "99.0%"].itertuples():
        assert row.ahead == pytest.approx(rows[("99.0%", "cone")] - rows[("99.0%", row.rule)])


def test_without_held_out_subjects_there_is_a_table_but_no_winner(compared, tmp_path):
    originals, parts, _ = compared
    alone = compare(originals, *parts, held_out(0), 3)
    assert alone["specificity"].isna().all()
    assert summary(alone) == {}
    assert alone["sensitivity"].notna().all()
    draw_baselines(alone, tmp_path / "alone.png")


def test_table_and_figure_are_files(compared, tmp_path):
    table = compared[2]
    write_table(table, tmp_path / "baselines.tsv")
    draw_baselines(table, tmp_path / "baselines.png")
    again = pd.read_csv(tmp_path / "baselines.tsv", sep="\t")
    assert again["specificity"].to_numpy() == pytest.approx(
        table["specificity"].to_numpy(), rel=1e-5
    )
    assert (tmp_path / "baselines.png").read_bytes()[:4] == b"\x89PNG"
    assert set(summary(table)) == {"99.0%", "99.5%", "99.9%", "100.0%"}


@pytest.mark.parametrize("name", RULES)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), random=st.randoms(use_true_random=False))
def test_order_of_originals_candidates_and_names_of_persons_change_nothing(name, seed, random):
    originals = gallery(seed)
    queries = np.concatenate(
        [held_out(20, seed).fingerprints, people(originals, np.arange(5), seed).fingerprints]
    )
    truth = RULES[name].score(Candidates.of(queries, originals), originals)
    order, names, asked = list(range(80)), list(range(500, 540)), list(range(len(queries)))
    for each in (order, names, asked):
        random.shuffle(each)
    cones, renamed = originals.cones, np.array(names)[originals.persons]
    own = cones.radii_rad[order]
    moved = Originals.of(
        type(cones)(
            cones.fingerprints[order],
            cones.rows,
            own,
            cones.sparsity_rad[order],
            cones.shape,
            cones.c,
            cones.encoder,
        ),
        renamed[order],
    )
    again = RULES[name].score(Candidates.of(queries[asked], moved), moved)
    assert again == pytest.approx(truth[asked], rel=1e-12)


@pytest.mark.parametrize("name", RULES)
def test_a_copy_is_the_riskiest_there_is(name):
    originals = gallery()
    queries = np.concatenate([originals.cones.fingerprints[:10], held_out(50).fingerprints])
    scored = RULES[name].score(Candidates.of(queries, originals), originals)
    assert scored[:10] == pytest.approx(0, abs=1e-6)
    assert (scored[10:] > 1e-3).mean() > 0.9  # chance puts one inside an own radius


def test_identical_photographs_of_one_person_do_not_blind_a_rule():
    rng = np.random.default_rng(4)
    rows, persons = unit(rng.standard_normal((80, D))), np.arange(80) // 2
    rows[1] = rows[0]
    own = unit(rows[:, None] + 0.1 * rng.standard_normal((80, 4, D)))
    originals = Originals.of(uncalibrated(rows, persons, np.arange(1, 81), own, Shape()), persons)
    for name, rule in RULES.items():
        assert rule.score(Candidates.of(rows[:1], originals), originals)[0] == pytest.approx(
            0, abs=1e-6
        ), name


def test_refusals():
    originals = gallery()
    with pytest.raises(AvatarflowError, match="79 persons for 80 originals"):
        Originals.of(originals.cones, originals.persons[:79])
    with pytest.raises(AvatarflowError, match="candidates: row 2 has non-finite values"):
        Candidates.of(
            np.where(np.arange(5)[:, None] == 2, np.nan, held_out(5).fingerprints), originals
        )
    with pytest.raises(AvatarflowError, match="7 dimensions where the originals have 8"):
        Candidates.of(held_out(5).fingerprints[:, :7], originals)
