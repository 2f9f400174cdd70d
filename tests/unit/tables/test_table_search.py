"""Hierarchies, and the search over them against a slow one over all nodes."""

import itertools
from collections import Counter

import numpy as np
import pytest

from avatarflow.core.errors import AvatarflowError, Problems
from avatarflow.tables import search as searching
from avatarflow.tables.criteria import Sensitive
from avatarflow.tables.hierarchies import as_value, build, checked_values
from avatarflow.tables.search import Lattice, Limits, search

AGES, CODES = {"intervals": [5, 10, 20]}, {"digits": [2, 1]}


def of(settings, values, file=None):
    return build("age", settings, values, file, "config q.age")


@pytest.mark.parametrize(
    ("value", "texts"),
    [("47", ["47", "[45, 50)", "[40, 50)", "[40, 60)", "*"]), ("0", ["0", "[0, 5)", "[0, 10)", "[0, 20)", "*"]),
     ("-0.5", ["-0.5", "[-5, 0)", "[-10, 0)", "[-20, 0)", "*"]),
     ("-10", ["-10", "[-10, -5)", "[-10, 0)", "[-20, 0)", "*"]),
     ("", ["", "", "", "", "*"])],
)  # fmt: skip
def test_intervals(value, texts):
    assert [level[value] for level in of(AGES, [value, "3"]).levels] == texts


def test_widths_below_one_are_exact():
    assert of({"intervals": [0.1]}, ["0.3"]).levels[1]["0.3"] == "[0.3, 0.4)"


def test_characters_and_nothing_at_all():
    assert [level["10115"] for level in of(CODES, ["10115"]).levels] == ["10115", "10*", "1*", "*"]
    assert [level["f"] for level in of({}, ["f"]).levels] == ["f", "*"]


@pytest.mark.parametrize(("cell", "value"), [("047.50", "47.5"), (" 1e2 ", "100"), ("-0", "0"), ("x", None),
                                             ("nan", None), ("1e99", None), ("1e-99", None), (None, "")])  # fmt: skip
def test_numbers_as_the_hierarchy_knows_them(cell, value):
    assert as_value(cell, AGES) == value


def test_cells_that_are_no_number_are_named_by_row_and_not_quoted():
    problems = Problems()
    checked_values(["4", "secret", None, "older"], [1, 2, 3, 7], AGES, "config q.age", problems)
    assert problems.lines == [
        "config q.age: 2 cells that are no number (row 2, 7); correct them, or give a hierarchy as a file"
    ]


def test_a_hierarchy_from_a_file(tmp_path):
    file = tmp_path / "h.csv"
    file.write_text("code,group,part\nH35.0,H35,eye\nH35.3,H35,eye\nE11,E11,other\n")
    hierarchy = of({"file": True}, ["H35.3", "E11"], str(file))
    assert [level["H35.3"] for level in hierarchy.levels] == ["H35.3", "H35", "eye", "*"]
    assert hierarchy.names[1] == "level 'group' of its file"


@pytest.mark.parametrize(
    ("text", "values", "found"),
    [
        ("v,a\nx,1\n", ["x", "SECRET", "SECRET"], "1 values of the column, in 2 rows, are not in it; add a row"),
        ("v,a\nx,1\ny,2\nx,2\n", ["x"], "1 values stand there again (row 3); keep one row for each value"),
        ("v,a,b\nx,1,1\ny,1,2\n", ["x"], "level 'b' divides what level 'a' joins; let each level join"),
        ("v,a\nx,\n", ["x"], "an empty cell; fill it"),
    ],
)  # fmt: skip
def test_hierarchies_that_cannot_be_used(tmp_path, text, values, found):
    file = tmp_path / "h.csv"
    file.write_text(text)
    with pytest.raises(AvatarflowError) as error:
        of({"file": True}, values, str(file))
    assert str(error.value).startswith(f"config q.age: {found}")
    assert "SECRET" not in str(error.value)


def test_a_hierarchy_file_that_is_not_there(tmp_path):
    with pytest.raises(AvatarflowError, match=r"config q.age: it cannot be read"):
        of({"file": True}, ["x"], str(tmp_path / "none.csv"))


# --- the search


def slow(patients, columns, hierarchies, sensitive, limits):
    """Try every node, with sets and dictionaries; returns the smallest loss, or None."""
    people = sorted(set(patients))
    losses = []
    for node in itertools.product(*(range(len(one.levels)) for one in hierarchies)):
        texts = [
            [one.levels[level][value] for value in column]
            for one, level, column in zip(hierarchies, node, columns, strict=True)
        ]
        shown = {who: set() for who in people}
        cost = {who: [] for who in people}
        for who in people:
            for place, one in enumerate(hierarchies):
                known, level = sorted(set(columns[place])), one.levels[node[place]]
                own = {columns[place][row] for row, other in enumerate(patients) if other == who}
                spread = [sum(level[v] == level[u] for v in known) - 1 for u in own]
                cost[who].append(np.mean(spread) / max(len(known) - 1, 1))
        for row, who in enumerate(patients):
            shown[who].add(tuple(column[row] for column in texts))
        kept = set(people)
        while True:
            groups = Counter(frozenset(shown[who]) for who in kept)
            bad = {who for who in kept if groups[frozenset(shown[who])] < limits.k}
            for who in kept:
                same = [other for other in kept if shown[other] == shown[who]]
                bad |= {who} if breaks(same, kept, patients, sensitive, limits) else set()
            kept -= bad
            if not bad:
                break
        if kept and len(people) - len(kept) <= limits.suppression * len(people):
            losses.append(np.mean([np.mean(cost[who]) if who in kept else 1.0 for who in people]))
    return min(losses, default=None)


def breaks(same, kept, patients, cells, limits):
    values = {who: {cells[row] for row, one in enumerate(patients) if one == who} for who in kept}

    def shares(group):
        total = Counter()
        for who in group:
            for value in values[who]:
                total[value] += 1 / len(values[who]) / len(group)
        return total

    here, whole = shares(same), shares(kept)
    entropy = np.exp(-sum(share * np.log(share) for share in here.values()))
    far = sum(abs(here[value] - whole[value]) for value in whole) / 2
    return (
        len(here) < limits.l_distinct or entropy < limits.l_entropy - 1e-9 or far > limits.t + 1e-9
    )


@pytest.mark.parametrize("case", range(12))
def test_the_search_loses_as_little_as_one_over_all_nodes(case):
    draw = np.random.default_rng(case)
    patients = np.concatenate([np.arange(14), draw.integers(0, 14, 4)])
    columns = [
        [str(age) for age in draw.integers(20, 60, len(patients))],
        [str(code) for code in draw.integers(100, 400, len(patients))],
        [("f", "m")[one] for one in draw.integers(0, 2, len(patients))],
    ]
    cells = [("a", "b", "c")[one] for one in draw.integers(0, 3, len(patients))]
    hierarchies = [
        of(settings, column) for settings, column in zip([AGES, CODES, {}], columns, strict=True)
    ]
    limits = [
        Limits(2),
        Limits(3, suppression=0.2),
        Limits(3, 2, 1.2, 0.6, 0.2),
        Limits(4, 3, 1.5, 0.3, 0.3),
    ][case % 4]
    lattice = Lattice.of(patients, columns, hierarchies)
    solution = search(lattice, [Sensitive.of(patients, cells)], limits)
    best = slow(patients.tolist(), columns, hierarchies, cells, limits)
    assert solution.feasible == (best is not None)
    if best is not None:
        assert solution.loss == pytest.approx(best)
        assert solution.tried <= len(lattice.nodes())


def test_the_order_of_rows_and_rows_that_stand_twice_change_nothing():
    draw = np.random.default_rng(1)
    patients = np.concatenate([np.arange(40), np.arange(40)])
    ages = [str(age) for age in draw.integers(20, 60, 80)]
    again = np.concatenate([draw.permutation(80), [3, 3, 50]])
    there = search(Lattice.of(patients, [ages], [of(AGES, ages)]), [], Limits(3, suppression=0.3))
    shuffled = [ages[row] for row in again]
    here = search(
        Lattice.of(patients[again], [shuffled], [of(AGES, ages)]), [], Limits(3, suppression=0.3)
    )
    assert (here.levels, here.loss, here.kept.tolist()) == (
        there.levels,
        there.loss,
        there.kept.tolist(),
    )


def test_k_counts_patients_and_not_rows():
    patients, ages = np.array([0, 0, 0, 1, 1, 1]), ["40", "40", "40", "70", "70", "70"]
    assert search(Lattice.of(patients, [ages], [of({}, ages)]), [], Limits(2)).levels == (1,)


def test_without_a_node_that_keeps_the_limits_all_is_left_out_of_the_cells():
    patients, ages = np.arange(4), ["1", "2", "3", "4"]
    solution = search(
        Lattice.of(patients, [ages], [of(AGES, ages)]),
        [Sensitive.of(patients, ["a"] * 4)],
        Limits(2, 2),
    )
    assert (solution.levels, solution.feasible) == ((4,), False)


def test_too_many_combinations_of_levels_are_refused(monkeypatch):
    monkeypatch.setattr(searching, "MOST_NODES", 4)
    lattice = Lattice.of(np.arange(2), [["1", "2"]], [of(AGES, ["1", "2"])])
    with pytest.raises(AvatarflowError, match="5 combinations of levels, more than 4; take levels"):
        search(lattice, [], Limits(2))
