"""Measure the very table that would be published: its texts, and not the codes of the search."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from avatarflow.core.arrays import Integers
from avatarflow.core.counts import balance
from avatarflow.core.statistics import Estimate
from avatarflow.intake.identifiers import normalised

from .classes import numbered, patient_classes
from .criteria import ORDERED, Sensitive, distances, distinct_values, entropy_values, sizes
from .hierarchies import generalised
from .linkage import Known, attack, combinations, days, known, success
from .reading import Labels
from .risk import journalist, marketer, prosecutor
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
    linked = linkage(labels, solution, published, settings)
    figures = {
        "k_anonymity": Estimate.exact(int(counts.min()), left),
        "suppression": Estimate.exact((n - left) / n, n),
        "prosecutor_risk": Estimate.exact(float(1 / counts.min()), left),
        "linkage": linked["after"],
    }
    if settings["dates"]:
        figures["linkage_with_dates"] = linked["after_with_dates"]
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


def linkage(
    labels: Labels, solution: Solution, published: Published, settings: Mapping[str, Any]
) -> dict[str, Estimate]:
    """Attack the table before and after, with quasi-identifiers alone and with the days of all dates.

    Before, only the identifiers are replaced. The attacker looks for each published patient in the table. With a
    population he also looks for each in a registry of all its persons, the patients among them (`registry_...`).
    """
    kept = np.flatnonzero(solution.kept)
    names, lowest = list(labels.hierarchies), [0] * len(solution.levels)
    exact = generalised(labels.hierarchies, lowest, labels.cells)
    coarse = generalised(labels.hierarchies, solution.levels, labels.cells)
    released = {name: list(published.table[name]) for name in names}
    texts = {
        "before": combinations(labels.patients, exact),
        "after": combinations(labels.patients, coarse),
    }
    shown = {
        "before": [texts["before"][one] for one in kept],
        "after": combinations(published.patients, released),
    }
    true_days = days(labels.patients, [list(labels.rows[name]) for name in settings["dates"]])
    true_days = [true_days[one] for one in kept]
    shown_days = {
        "before": true_days,
        "after": days(
            published.patients, [list(published.table[name]) for name in settings["dates"]]
        ),
    }
    found = {}
    for name in ("before", "after"):
        who, truth = [texts[name][one] for one in kept], np.arange(len(kept))
        found[name] = success(attack(known(who), known(shown[name]), truth, 0))
        if settings["dates"]:
            asked, among = known(who, true_days), known(shown[name], shown_days[name])
            reach = 0 if name == "before" else settings["date_shift_days"]
            found[f"{name}_with_dates"] = success(attack(asked, among, truth, reach))
        if labels.others is not None:
            levels = lowest if name == "before" else solution.levels
            others = generalised(labels.hierarchies, levels, labels.others[1])
            registry = known([*texts[name], *combinations(labels.others[0], others)])
            table = Known(shown[name], np.zeros(len(kept), np.int64))
            found[f"registry_{name}"] = success(attack(table, registry, kept, 0))
    return found
