"""Count how often a planted linkage attack names the right patient, before and after a table is generalised.

    PYTHONPATH=workflow/scripts python experiments/tables/linkage.py

A population of 10,000 made-up persons is the registry: names, and age, sex, postcode as they are. 500 of them are the
patients of a table. The attacker is written here and shares nothing with the package: it reads the published texts
("[40, 50)", "12*", "*") and asks each person of the registry whether he fits. It names one of those who fit by chance.
Two attackers: one knows that his target is in the table and looks for him there (prosecutor); one looks for each
patient of the table in the whole registry. A third knows the day of the visit, too. Hits are draws; `expected` is the
sum of 1 over those who fit. Intervals are Clopper and Pearson's over the patients who are in the table.

Predicted before the run: of the 500, before: prosecutor above 95 %, registry about 50 %. After, with the gates'
defaults (k 5): prosecutor 3 to 8 %, with the visit's day one and a half to two and a half times that (dates move by up
to a year, and visits spread over three); registry below 1 %. With k 11 and k 20 less of each.
"""

import argparse
import csv
import json
import tempfile
from pathlib import Path

from avatarflow.config.loading import load
from avatarflow.core import seeds
from avatarflow.core.paths import write_json
from avatarflow.core.results import clean
from avatarflow.core.statistics import clopper_pearson
from avatarflow.runs.context import Step
from avatarflow.tables.dates import day_of
from avatarflow.tables.gates import OF_DATES
from avatarflow.tables.generated import generated_labels
from avatarflow.tables.pseudonyms import pseudonym
from avatarflow.tables.release import release_table

HERE = Path(__file__).parent
PERSONS, PATIENTS, SEED, SHIFT = 10_000, 500, 1, 365
KEY = "of-this-study-alone-0123456789abcdef"
QUASI = ("age", "sex", "postcode")
Row = dict[str, str]


def fits(published: str, value: str) -> bool:
    """Whether a published text may stand for a value."""
    if published.startswith("["):
        low, high = published[1:-1].split(", ")
        return float(low) <= float(value) < float(high)
    if published.endswith("*"):
        return value.startswith(published[:-1])
    return published == value


def who_fits(row: Row, registry: dict[str, Row]) -> list[str]:
    """Names of the registry that a published row may be of."""
    return [name for name, known in registry.items() if all(fits(row[c], known[c]) for c in QUASI)]


def shares(hits: int, expected: float, n: int) -> dict[str, float]:
    """The share of patients named rightly, with its interval."""
    low, high = clopper_pearson(hits, n)
    return {
        "hits": hits,
        "n": n,
        "share": hits / n,
        "low": low,
        "high": high,
        "expected": expected / n,
    }


def attacked(
    rows: dict[str, Row], truth: dict[str, str], registry: dict[str, Row], with_day: bool
) -> dict:
    """Look for each patient of a table: in the table, in it with his day, and in the whole registry."""
    draw = seeds.generator(SEED, "experiment.linkage")
    inside = {name: registry[name] for name in truth.values()}
    of = {name: pseudonym for pseudonym, name in truth.items()}
    candidates: dict[str, dict[str, list[str]]] = {"prosecutor": {}, "with_day": {}}
    for name, known in inside.items():
        alike = [one for one, row in rows.items() if all(fits(row[c], known[c]) for c in QUASI)]
        candidates["prosecutor"][name] = alike
        reach = SHIFT if with_day else 0
        candidates["with_day"][name] = [
            one
            for one in alike
            if abs(day_of(rows[one]["visit"]) - day_of(known["visit"])) <= reach
        ]
    found = {}
    for attacker, lists in candidates.items():
        named = {name: draw.choice(ones) for name, ones in lists.items() if len(ones)}
        hits = sum(of[name] == one for name, one in named.items())
        chance = sum(1 / len(ones) for name, ones in lists.items() if of[name] in ones)
        found[attacker] = shares(hits, chance, len(inside))
    hits, chance = 0, 0.0
    for one, row in rows.items():
        ones = who_fits(row, registry)
        hits += draw.choice(ones) == truth[one]
        chance += 1 / len(ones)
    return found | {"registry": shares(hits, chance, len(rows))}


def main() -> None:
    """Plant, release, attack, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", default=str(HERE / "results" / "linkage.json"))
    arguments = parser.parse_args()
    population = generated_labels(PERSONS, SEED).drop_duplicates("patient_id")
    registry = {row["patient_id"]: row for row in population.to_dict("records")}
    chosen = seeds.generator(SEED, "experiment.chosen").choice(PERSONS, PATIENTS, replace=False)
    names = [list(registry)[place] for place in sorted(chosen)]
    table = population[population["patient_id"].isin(names)].drop(columns="row")
    results = {}
    before = {f"p{place}": dict(registry[name]) for place, name in enumerate(names)}
    truth = {f"p{place}": name for place, name in enumerate(names)}
    results["before"] = attacked(before, truth, registry, with_day=False)
    with tempfile.TemporaryDirectory() as folder:
        for k in (5, 11, 20):
            results[f"k {k}"] = released(Path(folder), table, population, registry, k)
            print(f"k {k}", json.dumps(clean(results[f"k {k}"]["attack"])), flush=True)
    write_json(arguments.out, clean({"persons": PERSONS, "patients": PATIENTS, "results": results}))


def decision(folder: Path, entry: dict) -> dict:
    """Release an entry whose manifest and population lie in a folder; return its certificate."""
    settings = {**load({"tables": {"t": entry}})["tables"]["t"], "seed": SEED}
    paths = {
        "manifest": folder / "labels.csv",
        "hierarchies": None,
        "population": folder / "people.csv",
        "key": entry.get("key_file"),
    }
    outputs = {name: folder / name for name in ("certificate", "page")}
    return release_table("t", paths, settings, outputs, folder / "release", Step.null())


def released(folder: Path, table, population, registry: dict[str, Row], k: int) -> dict:
    """Release a table with the gates' defaults but for k, and attack what is published."""
    key = folder / "key"
    key.write_text(KEY, encoding="utf-8")
    key.chmod(0o600)
    table.to_csv(folder / "labels.csv", index=False)
    population.drop(columns="row").to_csv(folder / "people.csv", index=False)
    entry = {
        "source": {"manifest": "labels.csv"}, "identifiers": ["patient_id"], "dates": ["visit"],
        "quasi_identifiers": {"age": {"intervals": [5, 10, 20, 40]}, "sex": {}, "postcode": {"digits": [2, 1]}},
        "sensitive": {"diagnosis": {}}, "key_file": str(key),
        "gates": {"k_anonymity": k, "linkage": 1, **dict.fromkeys(OF_DATES, 1)},
    }  # fmt: skip
    decided = decision(folder, entry)
    with (folder / "release" / "table.csv").open(encoding="utf-8") as file:
        rows = {row["patient_id"]: row for row in csv.DictReader(file)}
    truth = {pseudonym(KEY.encode(), "t", "patient_id", name.lower()): name for name in registry}
    measured = decided["measured"]
    return {
        "attack": attacked(rows, {one: truth[one] for one in rows}, registry, with_day=True),
        "certificate": {
            part: measured[part]
            for part in ("linkage", "risk", "levels", "classes", "loss", "counts")
        },
    }


if __name__ == "__main__":
    main()
