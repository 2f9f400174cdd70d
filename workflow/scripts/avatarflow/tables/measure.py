"""Measure the very table that would be published: its texts, and not the codes of the search."""

from collections.abc import Mapping, Sequence
from itertools import compress
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from avatarflow.core.arrays import Floats, Integers
from avatarflow.core.counts import balance
from avatarflow.core.statistics import Estimate
from avatarflow.intake.identifiers import normalised

from .classes import numbered, patient_classes
from .criteria import ORDERED, Sensitive, distances, distinct_values, entropy_values, sizes
from .hierarchies import generalised
from .linkage import Known, attack, combinations, known, known_visits, singled_out, success
from .reading import Labels
from .risk import journalist, marketer, over_patients, prosecutor
from .search import Solution


class Published(NamedTuple):
    """The table of texts, and each row's patient, 0-based in the order of the patients that were kept."""

    table: pd.DataFrame
    patients: Integers


def sensitive_of(
    rows: pd.DataFrame, patients: Integers, settings: Mapping[str, Any]
) -> list[Sensitive]:
    """Return the sensitive columns of a table.

    Spellings of one value count as one, and words that say that nothing is known as no value: else a class in which
    everybody has the same could pass for a diverse one.
    """
    columns = []
    for column, part in settings["sensitive"].items():
        is_number = part["distance"] == ORDERED
        cells = [
            (cell or "").strip() if is_number else normalised(cell) or "" for cell in rows[column]
        ]
        columns.append(Sensitive.of(patients, cells, part["distance"]))
    return columns


def measure(
    labels: Labels, solution: Solution, published: Published, settings: Mapping[str, Any]
) -> tuple[dict[str, Estimate], dict[str, Any]]:
    """Return the figure of each gate, and what the certificate tells besides."""
    quasi, n = list(labels.hierarchies), len(labels.identities)
    table, patients = published
    classes = patient_classes(patients, numbered([list(table[name]) for name in quasi], len(table)))
    everyone = np.ones(len(classes), bool)
    counts, left = sizes(classes, everyone), len(classes)
    risk = risks(labels, solution, settings["gates"]["prosecutor_risk"])
    linked = linkage(labels, solution, published)
    figures = {
        "k_anonymity": Estimate.exact(int(counts.min()), left),
        "suppression": Estimate.exact((n - left) / n, n),
        "prosecutor_risk": Estimate.exact(float(1 / counts.min()), left),
        "linkage": linked["after"],
    }
    if settings["dates"]:
        limit = settings["gates"]["prosecutor_risk_with_dates"]
        for name, chances in dated_chances(labels, solution, published, settings).items():
            linked[f"{name}_with_dates"] = success(chances)
            linked[f"{name}_singled_out"] = singled_out(chances)
            risk[name]["prosecutor_with_dates"] = over_patients(chances, limit).as_dict()
        largest = risk["after"]["prosecutor_with_dates"]["largest"]
        figures |= {
            "prosecutor_risk_with_dates": Estimate.exact(largest, left),
            "linkage_with_dates": linked["after_with_dates"],
            "singled_out": linked["after_singled_out"],
        }
    columns = sensitive_of(table, patients, settings)
    for column, part in zip(settings["sensitive"], columns, strict=True):
        masses, surest = part.masses(classes, everyone), part.surest(classes, everyone)
        least = {
            "l_diversity": distinct_values(masses, surest).min(),
            "entropy_l_diversity": entropy_values(masses, surest).min(),
            "t_closeness": distances(masses, part.distance).max(),
        }
        figures |= {
            f"{kind}.{column}": Estimate.exact(float(value), left) for kind, value in least.items()
        }
    suppressed = int((~solution.kept).sum())
    rows = len(labels.rows)
    left_out = int((~solution.kept[labels.patients]).sum())
    measured = {
        "counts": {
            "patients": balance("patients", n, left, {"suppressed": suppressed}),
            "rows": balance("rows", rows, len(table), {"of suppressed patients": left_out}),
        },
        "levels": [
            {
                "column": name,
                "level": level,
                "highest": len(labels.hierarchies[name].levels) - 1,
                "meaning": labels.hierarchies[name].names[level],
            }
            for name, level in zip(quasi, solution.levels, strict=True)
        ],
        "limits_kept": solution.feasible,
        "loss": solution.loss,
        "tried": solution.tried,
        "classes": {
            "number": len(counts),
            "smallest": int(counts.min()),
            "median": float(np.median(counts)),
            "largest": int(counts.max()),
        },
        "risk": risk,
        "linkage": {name: estimate.as_dict() for name, estimate in linked.items()},
        "generated": settings["source"]["generate"] is not None,
    }
    return figures, measured


def risks(labels: Labels, solution: Solution, limit: float) -> dict[str, dict[str, Any]]:
    """Return the risks of the kept patients by each model, before and after; two of them need a population."""
    found: dict[str, dict[str, Any]] = {}
    for name, levels in (("before", [0] * len(solution.levels)), ("after", solution.levels)):
        persons = combinations(
            labels.patients, generalised(labels.hierarchies, levels, labels.cells)
        )
        count = len(persons)
        if labels.others is not None:
            texts = generalised(labels.hierarchies, levels, labels.others[1])
            persons += combinations(labels.others[0], texts)
        number = {one: place for place, one in enumerate(dict.fromkeys(persons))}
        every = np.array([number[one] for one in persons], np.int64)
        kept = every[:count][solution.kept]
        found[name] = {"prosecutor": prosecutor(kept, limit).as_dict()}
        if labels.others is not None:
            found[name]["journalist"] = journalist(kept, every, limit).as_dict()
            found[name]["marketer"] = marketer(kept, every)
    return found


def linkage(labels: Labels, solution: Solution, published: Published) -> dict[str, Estimate]:
    """Attack the table before and after, with quasi-identifiers alone.

    Before, only the identifiers are replaced. The attacker looks for each published patient in the table. With a
    population he also looks for each in a registry of all its persons, the patients among them (`registry_...`).
    """
    kept = np.flatnonzero(solution.kept)
    names, lowest = list(labels.hierarchies), [0] * len(solution.levels)
    released = {name: list(published.table[name]) for name in names}
    found = {}
    for name, levels in (("before", lowest), ("after", solution.levels)):
        texts = combinations(labels.patients, generalised(labels.hierarchies, levels, labels.cells))
        who = [texts[one] for one in kept]
        shown = who if name == "before" else combinations(published.patients, released)
        found[name] = success(attack(known(who), known(shown), np.arange(len(kept)), 0))
        if labels.others is not None:
            others = generalised(labels.hierarchies, levels, labels.others[1])
            registry = known([*texts, *combinations(labels.others[0], others)])
            found[f"registry_{name}"] = success(attack(known(shown), registry, kept, 0))
    return found


def dated_chances(
    labels: Labels, solution: Solution, published: Published, settings: Mapping[str, Any]
) -> dict[str, Floats]:
    """(patients,) chance to name each published patient rightly, before and after, by the days of each of his rows.

    Before, dates are not moved; after, the first may be anywhere within the shift.
    """
    stays = solution.kept[labels.patients]
    patients = (np.cumsum(solution.kept) - 1)[labels.patients[stays]]
    true_days = [list(labels.rows.loc[stays, name]) for name in settings["dates"]]
    everyone = np.arange(int(solution.kept.sum()))

    def knows(levels: Sequence[int]) -> Known:
        texts = generalised(labels.hierarchies, levels, labels.cells)
        chosen = {name: list(compress(cells, stays)) for name, cells in texts.items()}
        return known_visits(patients, chosen, true_days)

    table = published.table
    shown = known_visits(
        published.patients,
        {name: list(table[name]) for name in labels.hierarchies},
        [list(table[name]) for name in settings["dates"]],
    )
    before = knows([0] * len(solution.levels))
    after = attack(knows(solution.levels), shown, everyone, settings["date_shift_days"])
    return {
        "before": attack(before, before, everyone, 0),
        # everybody's own rows fit: whose do not could not be measured, and counts as named
        "after": np.where(after > 0, after, 1.0),
    }
