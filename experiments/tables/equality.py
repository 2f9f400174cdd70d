"""Compare our k, l and t with those of an independent tool, and our search with one over all nodes.

Two tools are asked in an environment of their own, since they need older numpy and pandas than the lock:

    python3 -m venv /tmp/pycanon && /tmp/pycanon/bin/pip install pycanon==1.3.5 anjana==1.2.3
    python experiments/tables/equality.py --python /tmp/pycanon/bin/python

pycanon 1.3.5 (numpy 2.0.2, pandas 2.3.3) measures k, distinct and entropy l, and t of the same tables. It also measures
every combination of levels of small tables, of which the one of the smallest loss that keeps the limits is what our
search must give. anjana 1.2.3 searches by itself. Both count rows, so each table has one row per patient here; with
several rows a patient, a row says the whole set of his combinations.

Predicted: k, distinct l and t (to 1e-9) are equal on all tables. pycanon cuts exp(entropy) to a whole number, so it may
say 1 where ours is 2 but for rounding. The search gives the smallest loss on all. anjana never loses less.
"""

import argparse
import itertools
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from avatarflow.core.paths import write_json
from avatarflow.core.results import clean
from avatarflow.tables.classes import numbered, patient_classes
from avatarflow.tables.criteria import (
    EQUAL,
    ORDERED,
    Sensitive,
    distances,
    distinct_values,
    entropy_values,
    sizes,
)
from avatarflow.tables.hierarchies import Hierarchy, build
from avatarflow.tables.search import Lattice, Limits, search

HERE = Path(__file__).parent
SETTINGS = {"age": {"intervals": [5, 10, 20]}, "sex": {}, "postcode": {"digits": [2, 1]}}
MEASURED, SEARCHED = 60, 12
LIMITS = (
    Limits(2, 0, 0, 1.0), Limits(3, 0, 0, 1.0), Limits(2, 3, 0, 0.35), Limits(2, 2, 0, 0.25)
)  # fmt: skip


def drawn_table(case: int, patients: int) -> dict[str, list[str]]:
    """Draw a table of one row per patient."""
    draw = np.random.default_rng(case)
    return {
        "age": [str(age) for age in draw.integers(20, 80, patients)],
        "sex": [("f", "m")[one] for one in draw.integers(0, 2, patients)],
        "postcode": [str(code) for code in draw.integers(100, 300, patients)],
        "diagnosis": [
            ("a", "b", "c", "d")[one] for one in draw.choice(4, patients, p=(0.5, 0.3, 0.15, 0.05))
        ],
        "grade": [str(one) for one in draw.integers(0, 6, patients)],
    }


def hierarchies_of(table: dict[str, list[str]]) -> dict[str, Hierarchy]:
    """Return the hierarchies over a table's own values."""
    return {
        name: build(name, settings, table[name], None, name) for name, settings in SETTINGS.items()
    }


def at(table: dict[str, list[str]], levels: tuple[int, ...]) -> dict[str, list[str]]:
    """Return the table at these levels."""
    hierarchies = hierarchies_of(table)
    coarse = {
        name: [hierarchies[name].levels[level][value] for value in table[name]]
        for name, level in zip(SETTINGS, levels, strict=True)
    }
    return {**table, **coarse}


def ours(patients: np.ndarray, table: dict[str, list[str]]) -> dict[str, float]:
    """Measure a table."""
    classes = patient_classes(patients, numbered([table[name] for name in SETTINGS], len(patients)))
    everyone = np.ones(len(classes), bool)
    diagnosis = Sensitive.of(patients, table["diagnosis"], EQUAL)
    equal, surest = diagnosis.masses(classes, everyone), diagnosis.surest(classes, everyone)
    ordered = Sensitive.of(patients, table["grade"], ORDERED).masses(classes, everyone)
    return {
        "k": int(sizes(classes, everyone).min()),
        "l": int(distinct_values(equal, surest).min()),
        "entropy_l": float(entropy_values(equal, surest).min()),
        "t_equal": float(distances(equal, EQUAL).max()),
        "t_ordered": float(distances(ordered, ORDERED).max()),
    }


def by_sets(table: dict[str, list[str]], rows: np.ndarray) -> dict[str, list[str]]:
    """Return one row per patient whose quasi-identifiers are the set of those of all of his rows."""
    combinations = list(zip(*(table[name] for name in SETTINGS), strict=True))
    own: dict[int, set[tuple[str, ...]]] = {}
    for patient, texts in zip(rows, combinations, strict=True):
        own.setdefault(int(patient), set()).add(texts)
    return {"age": [repr(sorted(own[patient])) for patient in sorted(own)]}


def smallest_loss(
    table: dict[str, list[str]], limits: Limits, measured: list[dict[str, float]]
) -> float | None:
    """Return the smallest loss of a node whose table keeps the limits, as the other tool measured it."""
    losses = []
    for levels, found in zip(nodes(), measured, strict=True):
        keeps = found["k"] >= limits.k and found["l"] >= limits.l_distinct
        if keeps and found["t_equal"] <= limits.t + 1e-9:
            losses.append(loss(table, at(table, levels)))
    return min(losses, default=None)


def loss(table: dict[str, list[str]], coarse: dict[str, list[str]]) -> float:
    """LM of Iyengar 2002, counted over the texts."""
    parts = []
    for name in SETTINGS:
        pairs = set(zip(table[name], coarse[name], strict=True))
        joined = [sum(text == other for _, other in pairs) for text in coarse[name]]
        parts.append(np.mean([(count - 1) / max(len(pairs) - 1, 1) for count in joined]))
    return float(np.mean(parts))


def nodes() -> list[tuple[int, ...]]:
    """Every combination of levels of `SETTINGS`."""
    return list(itertools.product(range(5), range(2), range(4)))


def tables() -> tuple[list[dict], list[dict]]:
    """Return the tables to measure with our figures, and those to search."""
    measured = []
    for case in range(MEASURED):
        draw = np.random.default_rng(1000 + case)
        table = drawn_table(case, 30 + 5 * (case % 10))
        levels = tuple(int(draw.integers(top)) for top in (5, 2, 4))
        coarse, rows = at(table, levels), np.arange(len(table["age"]))
        if case % 3 == 2:  # several rows a patient: rows 0 to n/2 are of the patients of the others
            rows = np.concatenate([np.arange(len(rows) // 2)] * 2)
            coarse = {name: cells[: len(rows)] for name, cells in coarse.items()}
            half = len(rows) // 2
            for name in ("diagnosis", "grade"):
                coarse[name] = coarse[name][:half] * 2
            flat = by_sets(coarse, rows)
            asked = flat | {name: [""] * half for name in ("sex", "postcode")}
            asked |= {name: coarse[name][:half] for name in ("diagnosis", "grade")}
        else:
            asked = coarse
        measured.append({"table": asked, "ours": ours(rows, coarse), "several_rows": case % 3 == 2})
    searched = [
        {"table": drawn_table(500 + case, 40), "limits": LIMITS[case % len(LIMITS)]}
        for case in range(SEARCHED)
    ]
    return measured, searched


def main() -> None:
    """Measure, ask the tools, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--python", required=True, help="of the environment with pycanon and anjana"
    )
    parser.add_argument("--out", default=str(HERE / "results" / "equality.json"))
    arguments = parser.parse_args()
    measured, searched = tables()
    asked = {
        "measure": [one["table"] for one in measured],
        "lattices": [[at(one["table"], levels) for levels in nodes()] for one in searched],
        "searches": [
            {
                "table": one["table"],
                "k": one["limits"].k,
                "hierarchies": {
                    name: [
                        [level[value] for value in one["table"][name]] for level in hierarchy.levels
                    ]
                    for name, hierarchy in hierarchies_of(one["table"]).items()
                },
            }
            for one in searched
        ],
        "quasi": list(SETTINGS),
    }
    with tempfile.TemporaryDirectory() as folder:
        given, answered = Path(folder) / "asked.json", Path(folder) / "answers.json"
        given.write_text(json.dumps(asked), encoding="utf-8")
        subprocess.run(
            [arguments.python, str(HERE / "other_tools.py"), str(given), str(answered)], check=True
        )
        answers = json.loads(answered.read_text(encoding="utf-8"))
    rows = [
        {**one["ours"], "theirs": theirs, "several_rows": one["several_rows"]}
        for one, theirs in zip(measured, answers["measure"], strict=True)
    ]
    searches = [
        compared(one, lattice, other)
        for one, lattice, other in zip(
            searched, answers["lattices"], answers["searches"], strict=True
        )
    ]
    summary = {
        "tables": len(rows),
        "with_several_rows_a_patient": sum(row["several_rows"] for row in rows),
        **{
            f"equal_{key}": sum(row[key] == row["theirs"][key] for row in rows)
            for key in ("k", "l")
        },
        "equal_whole_entropy_l": sum(
            int(row["entropy_l"] + 1e-9) == row["theirs"]["entropy_l"] for row in rows
        ),
        **{
            f"equal_{key}": sum(abs(row[key] - row["theirs"][key]) < 1e-9 for row in rows)
            for key in ("t_equal", "t_ordered")
        },
        "searches": len(searches),
        "equal_smallest_loss": sum(row["equal"] for row in searches),
        "l_or_t_decide": sum(row["loss"] > row["loss_of_k_alone"] for row in searches),
        "anjana_loses_less": sum(row["anjana_loses_less"] for row in searches),
        "anjana_loses_more": sum(row["anjana_loses_more"] for row in searches),
        "anjana_keeps_k": sum(
            row["anjana_k"] is not None and row["anjana_k"] >= row["k"] for row in searches
        ),
    }
    found = {"versions": answers["versions"], "summary": summary, "measured": rows}
    write_json(arguments.out, clean(found | {"searches": searches}))
    print(json.dumps(summary, indent=1))


def compared(one: dict, lattice: list[dict], other: dict) -> dict:
    """Hold our search against the whole lattice, and against anjana, which only knows k."""
    table, limits = one["table"], one["limits"]
    values = [table[name] for name in SETTINGS]
    patients = np.arange(len(table["age"]))
    ladder = Lattice.of(patients, values, list(hierarchies_of(table).values()))
    solution = search(ladder, [Sensitive.of(patients, table["diagnosis"])], limits)
    best = smallest_loss(table, limits, lattice)
    same = solution.feasible == (best is not None)
    if best is not None:
        same = same and abs(solution.loss - best) < 1e-9
    of_k = search(ladder, [], Limits(limits.k))
    theirs = loss(table, other["table"]) if other["table"] else None
    return {
        "k": limits.k, "l": limits.l_distinct, "t": limits.t, "levels": list(solution.levels), "loss": solution.loss,
        "tried": solution.tried, "nodes": len(nodes()), "whole_lattice": best,
        "equal": same,
        "loss_of_k_alone": of_k.loss, "anjana": theirs, "anjana_k": other["k"],
        "anjana_loses_less": theirs is not None and theirs < of_k.loss - 1e-9,
        "anjana_loses_more": theirs is not None and theirs > of_k.loss + 1e-9,
    }  # fmt: skip


if __name__ == "__main__":
    main()
