"""Differential privacy of measured marginals: the account, the noise, and what one patient more or less can change."""

import math
import random
import secrets
from fractions import Fraction

import numpy as np
import pytest
from scipy import optimize, stats

from avatarflow.core.differential_privacy import largest_advantage
from avatarflow.tables.marginals import accountant, noise, release
from avatarflow.tables.marginals.domains import Domain, one_row_each
from avatarflow.tables.marginals.drawing import counted, measured_sets
from avatarflow.tables.marginals.ledger import Ledger

# --- the account


def epsilon_by_delta(rho, delta):
    """Search the epsilon whose delta is the given one: proposition 12 of Canonne et al., over a grid of orders."""
    orders = 1 + np.logspace(-6, 7, 200_001)

    def logarithm(epsilon):
        over = orders - 1
        logs = over * (orders * rho - epsilon) - np.log(over) + orders * np.log1p(-1 / orders)
        return logs.min() - math.log(delta)

    return optimize.brentq(logarithm, 0, 1000)


@pytest.mark.parametrize("delta", [1e-6, 1e-10])
@pytest.mark.parametrize("rho", [1e-5, 0.01, 0.0157, 0.5, 2.56, 30])
def test_epsilon_equals_that_of_an_independent_search(rho, delta):
    epsilon = accountant.epsilon_of(rho, delta)
    assert epsilon == pytest.approx(epsilon_by_delta(rho, delta), rel=1e-5)
    # Bun and Steinke's simpler one is never smaller
    assert epsilon < rho + 2 * math.sqrt(rho * math.log(1 / delta))


@pytest.mark.parametrize("rho", [0.005, 0.5])
def test_epsilon_is_a_bound_on_the_exact_one_of_gaussian_noise_and_near_it(rho):
    """The exact delta of one count with Gaussian noise: Balle and Wang 2018, theorem 8."""
    epsilon, sigma = accountant.epsilon_of(rho, 1e-6), math.sqrt(1 / (2 * rho))
    exact = stats.norm.cdf(1 / (2 * sigma) - epsilon * sigma) - math.exp(epsilon) * stats.norm.cdf(
        -1 / (2 * sigma) - epsilon * sigma
    )
    assert 1e-7 < exact <= 1e-6


@pytest.mark.parametrize("epsilon", [0.01, 1, 20])
def test_what_is_measured_costs_no_more_than_was_asked_for(epsilon):
    rho = accountant.rho_of(epsilon, 1e-6)
    assert accountant.epsilon_of(rho, 1e-6) <= epsilon
    assert accountant.epsilon_of(rho * 1.001, 1e-6) > epsilon
    for marginals in (1, 7):
        variance = accountant.variance_of(rho, marginals)
        assert rho * 0.98 < accountant.cost(variance, marginals) <= rho
    assert accountant.cost(Fraction(50), 3) == 3 / 100


def test_nothing_costs_nothing_and_the_advantage_is_bounded():
    assert accountant.epsilon_of(0, 1e-6) == 0
    assert largest_advantage(math.log(3), 0) == pytest.approx(0.5)
    assert largest_advantage(0, 1e-3) == pytest.approx(1e-3)
    assert largest_advantage(1e6, 1e-3) == 1


# --- the noise


@pytest.mark.parametrize("variance", [Fraction(3, 10), Fraction(1), Fraction(29, 4), Fraction(120)])
def test_noise_has_the_chances_of_the_discrete_gaussian(variance):
    below = random.Random(5).randrange
    drawn = np.array([noise.discrete_gaussian(variance, below) for _ in range(6000)])
    reach = math.ceil(4 * math.sqrt(variance))
    chances = np.exp(-(np.arange(-40 * reach, 40 * reach + 1) ** 2) / (2 * float(variance)))
    chances /= chances.sum()
    middle = chances[39 * reach : 41 * reach + 1]
    counts = np.bincount(np.clip(drawn, -reach, reach) + reach, minlength=2 * reach + 1)
    enough = middle * 6000 >= 5
    rest = [counts[~enough].sum()], [6000 * (1 - middle[enough].sum())]
    observed, wanted = (np.append(one, other) for one, other in
                        zip((counts[enough], 6000 * middle[enough]), rest, strict=True))  # fmt: skip
    assert stats.chisquare(observed, wanted).pvalue > 0.001
    spread = float((chances * np.arange(-40 * reach, 40 * reach + 1) ** 2).sum())
    assert drawn.var() == pytest.approx(spread, rel=0.08)


def test_noise_comes_from_the_operating_system_and_from_no_seed():
    assert noise.FROM_SYSTEM is secrets.randbelow
    drawn = []
    for _ in range(2):
        random.seed(1)
        np.random.seed(1)  # noqa: NPY002
        drawn.append([noise.discrete_gaussian(Fraction(1000)) for _ in range(30)])
    assert drawn[0] != drawn[1]


# --- one patient more or less

DOMAINS = {
    "age": {"values": [], "edges": [0, 40, 65, 120], "empty": False},
    "sex": {"values": ["f", "m"], "edges": [], "empty": False},
    "grade": {"values": ["a", "b"], "edges": [], "empty": False},
}  # fmt: skip


def plan_of(epsilon=1.0, delta=1e-6, order=2):
    return release.Plan.of({
        "quasi_identifiers": {"age": {}, "sex": {}}, "sensitive": {"grade": {}},
        "source": {"manifest": "labels.csv"}, "patient_id_columns": ["patient_id"],
        "marginals": {
            "measurement": 1, "epsilon": epsilon, "delta": delta, "order": order, "sets": [], "domains": DOMAINS,
        },
    })  # fmt: skip


def test_every_cell_of_a_measurement_has_noise_of_the_planned_variance(tmp_path):
    plan, true = plan_of(), np.zeros((40, 3), np.int64)
    below = random.Random(3).randrange
    truth = np.concatenate([counted(true, columns, plan.shape) for columns in plan.sets])
    rows = []
    with (tmp_path / "ledger").open("wb") as stream:
        for _ in range(150):
            noisy, _ = release.measured_once("t", plan, true, Ledger([], stream), 100, below)
            rows.append(np.concatenate(noisy) - truth)
    noise_of = np.array(rows)  # (measurements, cells)
    assert noise_of.shape == (150, 3 + 2 + 2 + 6 + 6 + 4)
    assert noise_of.var() == pytest.approx(float(plan.variance), rel=0.08)
    for cell in noise_of.T:  # none goes without: 150 draws are within a third
        assert cell.var() == pytest.approx(float(plan.variance), rel=0.5)
    assert abs(np.corrcoef(noise_of.T)[np.triu_indices(23, 1)]).max() < 0.4


def test_one_patient_more_changes_one_cell_of_each_marginal_by_one():
    """Also a patient with several rows, and wherever his rows stand."""
    plan = plan_of()
    generator = np.random.default_rng(2)
    patients = np.concatenate([np.arange(30), generator.integers(0, 30, 60)])
    codes = np.stack([generator.integers(0, size, 90) for size in plan.shape], axis=1)
    for left_out in range(3):
        stays = patients != left_out
        tables = one_row_each(patients, codes), one_row_each(patients[stays], codes[stays])
        assert len(tables[0]) == len(tables[1]) + 1
        changes = [
            counted(tables[0], columns, plan.shape) - counted(tables[1], columns, plan.shape)
            for columns in plan.sets
        ]
        assert all(sorted(change)[-1] == 1 and change.sum() == 1 for change in changes)
        assert all(np.abs(change).sum() == 1 for change in changes)


@pytest.mark.parametrize(("epsilon", "order"), [(0.5, 2), (1.0, 1), (3.0, 2)])
def test_two_tables_that_differ_in_a_patient_keep_to_epsilon_but_for_delta(epsilon, order):
    """Exactly, over everything that the noisy counts can be.

    The logarithm of the likelihood ratio hangs on the cells that differ alone, one of each marginal. If x is the noise
    on it, it is (2 x + 1) / (2 variance), and those of all marginals add up.
    """
    plan = plan_of(epsilon, 1e-6, order)
    variance = float(plan.variance)
    far = math.ceil(12 * math.sqrt(variance))
    values = np.arange(-far, far + 1)
    one = np.exp(-(values**2) / (2 * variance))
    one /= one.sum()
    chances = np.ones(1)
    for _ in plan.sets:
        chances = np.convolve(chances, one)
    sums = np.arange(len(chances)) - (len(chances) - 1) // 2
    loss = (2 * sums + len(plan.sets)) / (2 * variance)
    beyond = float((chances * np.maximum(-np.expm1(epsilon - loss), 0)).sum())
    assert 1e-8 < beyond <= 1e-6  # kept, and not by wasting most of it
    assert len(plan.sets) == (3 if order == 1 else 6)


def test_which_marginals_are_measured():
    assert measured_sets(["a", "b", "c"], 1, []) == [(0,), (1,), (2,)]
    assert measured_sets(["a", "b", "c"], 2, [])[3:] == [(0, 1), (0, 2), (1, 2)]
    chosen = measured_sets(["a", "b", "c"], 2, [["c", "a"], ["a", "c"]])
    assert chosen == [(0,), (1,), (2,), (0, 2)]


def test_domains_come_from_the_config():
    age, sex = Domain.of("age", DOMAINS["age"]), Domain.of("sex", DOMAINS["sex"])
    assert age.texts == ("[0, 40)", "[40, 65)", "[65, 120)")
    codes = [age.code(cell) for cell in ("0", "39.9", " 40", "65.0", "119", "120", "-1", "old", "", None)]  # fmt: skip
    assert codes == [0, 0, 1, 2, 2, -1, -1, -1, -1, -1]
    assert [sex.code(cell) for cell in ("f", " m ", "M", "", None)] == [0, 1, -1, -1, -1]
    empty = Domain.of("age", {**DOMAINS["age"], "empty": True})
    assert [empty.code(cell) for cell in ("", None, "[0, 40)", "7")] == [3, 3, -1, 0]


def test_the_row_that_counts_hangs_on_no_other_patient_and_on_no_order():
    patients = np.array([1, 0, 1, 2, 1])
    codes = np.array([[1, 1], [1, 0], [0, 9], [2, 2], [1, 0]])
    assert one_row_each(patients, codes).tolist() == [[1, 0], [0, 9], [2, 2]]
    turned = np.array([4, 3, 2, 1, 0])
    assert one_row_each(patients[turned], codes[turned]).tolist() == [[1, 0], [0, 9], [2, 2]]
