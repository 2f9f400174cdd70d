"""Figures with known answers: agreement, the mixed model, power, correlation, and twelve readers of known skill."""

import json
from contextlib import ExitStack

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from study_files import SCALES, make, serving, write_release

from avatarflow.core.errors import AvatarflowError
from avatarflow.reader_study.analysis.agreement import INTERVAL, NOMINAL, alpha
from avatarflow.reader_study.analysis.answers import two_way_mean, with_key
from avatarflow.reader_study.analysis.blinded import blinded_task
from avatarflow.reader_study.analysis.mixed_model import Answers, _Model, fit
from avatarflow.reader_study.analysis.power import detectable, expit, mean_rate, standard_error
from avatarflow.reader_study.analysis.recognition import called_synthetic, learning, told_apart
from avatarflow.reader_study.analysis.results import write_results
from avatarflow.reader_study.analysis.similarity import correlation_with_risk
from avatarflow.reader_study.browser import Browser
from avatarflow.reader_study.machine_readers import MachineReader, Skill, let_answer
from avatarflow.reader_study.store import MACHINES, PEOPLE, Store, opened, sqlite_url

X = np.nan
KRIPPENDORFF = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, X, X, X],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, X, 3],
        [X, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, X],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, X],
    ]
)
"""The example of Krippendorff 2011, with the values that he gives."""


@pytest.mark.parametrize(("scale", "value"), [(NOMINAL, 0.743), (INTERVAL, 0.849)])
def test_alpha_is_that_of_krippendorffs_example(scale, value):
    assert alpha(KRIPPENDORFF, scale) == pytest.approx(value, abs=5e-4)


def test_alpha_of_a_question_that_counts_twice_is_that_of_the_question_twice():
    weights = np.ones(12)
    weights[3] = 2
    twice = np.column_stack([KRIPPENDORFF, KRIPPENDORFF[:, 3]])
    assert alpha(KRIPPENDORFF, NOMINAL, weights) == pytest.approx(alpha(twice, NOMINAL))


def test_alpha_of_chance_is_nothing_and_of_one_opinion_undefined():
    said = np.random.default_rng(1).integers(0, 2, (8, 3000)).astype(float)
    assert abs(alpha(said)) < 0.02
    assert np.isnan(alpha(np.ones((3, 4))))
    assert np.isnan(alpha(np.full((2, 3), np.nan)))


def simulated(seed, readers=12, pictures=20, logits=(-0.75, 0.5, 1.75), sd=(0.5, 0.5), slope=0.0):
    """Answers of part two as a table, drawn from the model."""
    random = np.random.default_rng(seed)
    n = pictures * len(logits)
    reader, picture = (x.ravel() for x in np.meshgrid(range(readers), range(n), indexing="ij"))
    of_reader, of_picture = random.normal(0, sd[0], readers), random.normal(0, sd[1], n)
    position = np.concatenate([random.permutation(n) for _ in range(readers)])
    group = picture // pictures
    chance = expit(
        np.array(logits)[group]
        + of_reader[reader]
        + of_picture[picture]
        + slope * (position / (n - 1) - 0.5)
    )
    return pd.DataFrame(
        {
            "reader": reader,
            "question": picture,
            "position": position,
            "group": [f"guidance {one}.0" for one in group],
            "origin": "synthetic",
            "said_origin": np.where(random.random(len(chance)) < chance, "synthetic", "real"),
        }
    )


def test_the_models_intervals_hold_the_true_rates():
    logits = (-0.75, 0.5, 1.75)
    truth = [mean_rate(one, np.hypot(0.5, 0.5)) for one in logits]
    held = [
        [rate.low <= true <= rate.high for rate, true in zip(rates.values(), truth, strict=True)]
        for rates in (called_synthetic(simulated(seed)) for seed in range(8))
    ]
    assert np.mean(held) >= 0.85  # 24 intervals of 95 %


def test_the_model_finds_the_spread_of_readers_and_pictures_apart():
    found = []
    for seed in range(3):
        table = simulated(seed, readers=30, pictures=40, sd=(1.2, 0.3))
        said = (table["said_origin"] == "synthetic").to_numpy(float)
        design = np.eye(3)[table["group"].str[9].astype(int)]
        reader, picture = table["reader"].to_numpy(), table["question"].to_numpy()
        model = fit(Answers(said, design, reader, picture))
        found.append((model.reader_sd, model.picture_sd))
    assert np.median(found, axis=0) == pytest.approx([1.2, 0.3], abs=0.2)


def test_the_deviations_are_at_the_maximum_and_not_where_the_search_began():
    table = simulated(4, logits=(-1.0,), pictures=10)
    _, reader = np.unique(table["reader"], return_inverse=True)
    said = (table["said_origin"] == "synthetic").to_numpy(float)
    answers = Answers(said, np.ones((len(said), 1)), reader, table["question"].to_numpy())
    model, fitted = _Model(answers), fit(answers)
    found = np.log([fitted.reader_sd, fitted.picture_sd])
    least = model.minus_log_likelihood(found)
    for step in ((0.2, 0), (-0.2, 0), (0, 0.2), (0, -0.2)):
        assert model.minus_log_likelihood(found + step) > least
    assert abs(found - np.log(0.5)).max() > 0.02


def test_a_group_in_which_all_agree_has_an_interval_that_ends():
    table = simulated(1)
    table.loc[table["group"] == "guidance 2.0", "said_origin"] = "synthetic"
    rate = called_synthetic(table)["guidance 2.0"]
    assert 0.95 < rate.value <= 1
    assert 0.7 < rate.low < rate.value <= rate.high <= 1


@pytest.mark.parametrize(("slope", "is_there"), [(0.0, False), (1.5, True), (-1.5, True)])
def test_learning_is_found_where_it_is(slope, is_there):
    effect = learning(simulated(3, slope=slope))
    assert (effect.low <= 0 <= effect.high) != is_there
    assert effect.low < slope < effect.high


def test_who_says_synthetic_of_everything_tells_nothing_apart():
    table = simulated(1)
    real = table[table["group"] == "guidance 0.0"].assign(group="real", origin="real")
    real["question"] += 1000
    both = pd.concat([table, real], ignore_index=True).assign(said_origin="synthetic")
    assert {rate.value for rate in told_apart(both, 1).values()} == {0.5}
    right = both.assign(said_origin=both["origin"])
    assert {rate.low for rate in told_apart(right, 1).values()} == {1.0}


def test_the_error_that_power_is_stated_with_is_that_of_simulated_studies():
    shares = [
        (simulated(seed, pictures=15, logits=(0.4,), sd=(0.8, 0.6))["said_origin"] == "synthetic").mean()
        for seed in range(400)
    ]  # fmt: skip
    assert np.std(shares) == pytest.approx(standard_error(0.4, 12, 15, 0.8, 0.6), rel=0.12)
    assert np.mean(shares) == pytest.approx(mean_rate(0.4, 1.0), abs=0.015)


def test_more_readers_and_more_pictures_detect_less():
    base = detectable(12, 20, 0.5, 0.5)
    assert 0.5 < detectable(40, 20, 0.5, 0.5) < base
    assert 0.5 < detectable(12, 80, 0.5, 0.5) < base < 1
    # without any spread it is the plain binomial test
    asked = stats.t.ppf(0.975, 99) + stats.norm.ppf(0.8)
    rate = detectable(100, 10, 0.0, 0.0)
    assert rate - 0.5 == pytest.approx(asked * np.sqrt(rate * (1 - rate) / 1000), rel=1e-3)
    assert detectable(2, 1, 5.0, 5.0) is None


def test_the_two_way_interval_is_wider_than_that_of_independent_answers():
    random = np.random.default_rng(1)
    table = (random.random((10, 30)) < expit(random.normal(0, 1.5, (10, 1)))).astype(float)
    found = two_way_mean(table, 1, "test")
    independent = 1.96 * np.sqrt(found.value * (1 - found.value) / table.size)
    assert found.high - found.low > 3 * independent
    table[0, :5] = np.nan
    assert two_way_mean(table, 1, "test").value == pytest.approx(np.nanmean(table))


def test_similarity_that_falls_with_the_risk_is_found():
    rows = [
        {"reader": reader, "question": f"q{pair}", "sort": "nearest", "risk": 1 + pair / 10,
         "similarity": str(5 - pair // 2)}
        for reader in range(4) for pair in range(8)
    ]  # fmt: skip
    found = correlation_with_risk(pd.DataFrame(rows), 1)
    assert found.value < -0.95
    assert found.high < -0.5
    assert found.n == 8
    few = pd.DataFrame(rows)[lambda table: table["question"] < "q3"]
    assert correlation_with_risk(few, 1).value is None


def test_the_blinded_task_counts_only_what_is_known_and_uninterrupted():
    table = pd.DataFrame(
        {
            "reader": ["a", "a", "b", "b"],
            "question": ["p", "q", "p", "q"],
            "group": ["real", "guidance 1.0"] * 2,
            "label_eye_side": ["left", "left", "right", "unsure"],
            "true_eye_side": [None, "left", None, "left"],
            "disc": ["yes", "no", "yes", "yes"],
            "confidence": ["1", "2", "3", "4"],
            "seconds": [5.0, 6.0, 500.0, 8.0],
            "times_shown": [1, 1, 2, 1],
        }
    )
    found = blinded_task(table, 1)
    assert {group: rate.value for group, rate in found["right eye_side"].items()} == {
        "guidance 1.0": 0.5
    }
    assert {group: rate.value for group, rate in found["disc seen"].items()} == {
        "real": 1.0,
        "guidance 1.0": 0.5,
    }
    assert found["seconds"]["real"].value == 5.0


# --- machine readers


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory):
    """Twelve machine readers at five guidance scales, through the application."""
    folder = tmp_path_factory.mktemp("rehearsal")
    release = write_release(folder, per_scale=20, persons=90)
    make(release, folder, parts=["origin"], pictures_per_scale=10, real_pictures=10)
    skill = Skill.rising(list(SCALES))
    with ExitStack() as stack:
        site = serving(folder, stack, made_by=MACHINES)
        readers = [MachineReader(number, site.key, skill, seed=3) for number in range(12)]
        readers[0].take_part(site.address, most=5)  # gives up
        code = readers[1].take_part(site.address, most=9)
        readers[1].take_part(site.address, code=code)
        let_answer(site.address, readers[2:])
        page = Browser(site.address).get("/").text
        exported = site.store.export()
    results = write_results(
        exported, MACHINES, folder / "key.parquet", folder / "power.json", folder / "out", 1
    )
    return folder, skill, exported, results, page


def test_estimated_rates_of_twelve_machine_readers_cover_the_true_ones(rehearsal):
    _, skill, _, results, _ = rehearsal
    rates = results["origin"]["called_synthetic"]
    assert len(rates) == len(SCALES) + 1
    for group, rate in rates.items():
        true = skill.true_rate(None if group == "real" else float(group.split()[1]))
        assert rate["low"] <= true <= rate["high"], group
        assert rate["high"] - rate["low"] < 0.45, group
    values = [rates[f"guidance {scale}"]["value"] for scale in SCALES]
    assert values[-1] - values[0] > 0.3


def test_who_was_interrupted_is_one_reader_with_all_answers(rehearsal):
    _, _, exported, _, _ = rehearsal
    counts = sorted(exported.groupby("reader").size())
    assert counts == [4] + [60] * 11  # five pages, of which the first was the introduction


def test_what_machines_make_says_so_everywhere(rehearsal):
    folder, _, exported, results, page = rehearsal
    assert set(exported["made_by"]) == {MACHINES}
    assert exported["reader"].str.startswith("MACHINE").all()
    assert results["made_by"] == MACHINES
    assert "none by people" in results["remark"]
    assert 'class="machines"' in page
    table = pd.read_csv(folder / "out" / "answers.csv")
    assert set(table["made_by"]) == {MACHINES}
    written = json.loads((folder / "out" / "results.json").read_text())
    assert written == results
    assert (folder / "out" / "recognition.png").stat().st_size > 5000


def test_power_was_stated_before_and_stands_in_the_results(rehearsal):
    folder, _, _, results, _ = rehearsal
    power = json.loads((folder / "power.json").read_text())
    assert results["power_stated_before"] == power
    assert power["groups"]["origin, guidance 1.0"]["pictures"] == 10
    assert 0.5 < power["groups"]["origin, real"]["smallest_detectable_rate"] < 0.9


def test_answers_of_people_and_machines_are_not_mixed_nor_those_of_two_studies(tmp_path):
    url = sqlite_url(tmp_path / "answers.sqlite")
    with opened(url, "one", PEOPLE) as store:
        store.new_reader()
    with pytest.raises(AvatarflowError, match="answers of people"):
        Store(url, "one", MACHINES)
    with pytest.raises(AvatarflowError, match="other pictures"):
        Store(url, "two", PEOPLE)


@pytest.mark.parametrize(
    "url", ["nonsense", "oracle9://a:secret@b/c", "sqlite:////no/such/folder/a"]
)
def test_a_database_that_cannot_be_opened_is_refused_without_its_password(url):
    with pytest.raises(AvatarflowError, match="reader study store") as refused:
        Store(url, "one", PEOPLE)
    assert "secret" not in str(refused.value)


def test_only_its_owner_may_read_the_answers(tmp_path):
    sqlite_url(tmp_path / "home" / "answers.sqlite")
    assert (tmp_path / "home" / "answers.sqlite").stat().st_mode & 0o077 == 0


def test_answers_without_a_key_and_no_answers_are_refused(rehearsal, tmp_path):
    folder, _, exported, _, _ = rehearsal
    with pytest.raises(AvatarflowError, match="no answers yet"):
        with_key(exported[:0], folder / "key.parquet")
    pd.read_parquet(folder / "key.parquet")[1:].to_parquet(tmp_path / "key.parquet")
    with pytest.raises(AvatarflowError, match="does not name"):
        with_key(exported, tmp_path / "key.parquet")
