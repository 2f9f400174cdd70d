"""The decision about a table of labels, and the folder that may be published where every gate passes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from avatarflow.core.arrays import Integers
from avatarflow.core.gates import Gate, switched_off
from avatarflow.core.outcomes import PASS
from avatarflow.core.paths import replacing_folder, write_text
from avatarflow.core.tables import write_table
from avatarflow.intake.identifiers import spelled
from avatarflow.release.certificate import as_json, record, remove_earlier
from avatarflow.release.checksums import CHECKSUMS, write_checksums
from avatarflow.release.gates.other_thresholds import shown_gates
from avatarflow.release.signing import Signer, read_signer
from avatarflow.release.templates import fill
from avatarflow.runs.context import Step

from .certificate import certificate
from .dates import day_of, shift_days, written
from .gates import RULES, hold_all, passed
from .hierarchies import generalised
from .marginals.release import synthetic_table
from .measure import Published, measure, sensitive_of
from .pseudonyms import fingerprint, pseudonym, read_key
from .reading import Labels, read_labels
from .search import Lattice, Limits, Solution, search

PATIENT = "\0patient"  # no column of a manifest has such a name


def release_table(
    name: str, paths: Mapping[str, Any], settings: Mapping[str, Any], outputs: Mapping[str, str],
    folder: str | Path, step: Step,
) -> dict[str, Any]:  # fmt: skip
    """Decide, write the certificate and the page, and on a pass the folder with the table.

    Parameters
    ----------
    name : str
        The entry's name in the config; a part of every pseudonym.
    paths : mapping
        As for `reading.read_labels`, and `key` (None where nothing needs one).
    settings : mapping
        The entry, with `seed` and `signing` of the config.
    outputs : mapping
        Paths: `certificate`, `page`.
    folder : path
        `release/`: whatever lay there is gone, first of all.
    step : Step
    """
    remove_earlier(folder)
    internal: dict[str, Any] = {}
    if settings["marginals"] is not None:
        decided, internal, gates, table = synthetic_table(name, paths, settings, step)
        template = "table_marginals.html.j2"
    else:
        decided, gates, table = _generalised_table(name, paths, settings, step)
        template = "table_report.html.j2"
    shown = {"certificate": decided, "internal": internal, **shown_gates(decided["gates"])}
    stays = decided | ({"internal": internal} if internal else {})
    write_text(outputs["certificate"], as_json(stays))
    write_text(outputs["page"], fill(template, **shown))
    # last of all: nothing is released that its page does not show
    if decided["decision"] == PASS and passed(gates, settings):
        _write_folder(Path(folder), decided, table, read_signer(settings.get("signing")))
        step.info("%d rows released", len(table))
    for gate in gates:
        step.info(
            "gate %s: %s (%s %s %s)",
            gate.name,
            gate.result,
            gate.held,
            gate.direction,
            gate.threshold,
        )
    record(decided, gates, step)
    return stays


def _generalised_table(
    name: str, paths: Mapping[str, Any], settings: Mapping[str, Any], step: Step
) -> tuple[dict[str, Any], list[Gate], pd.DataFrame]:
    """Replace, shift, generalise and measure; return the certificate, its gates, and the table."""
    where = f"config tables.{name}"
    key = read_key(paths["key"], f"{where}.key_file") if paths["key"] else None
    labels = read_labels(settings, paths, where, settings["seed"], step)
    solution = _solve(labels, settings)
    table, patients = _published(name, labels, solution, settings, key)
    figures, measured = measure(labels, solution, Published(table, patients), settings)
    if key is not None:
        measured["key"] = fingerprint(key)
    gates = hold_all(figures, settings)
    return certificate(name, gates, settings, measured), gates, table


def _solve(labels: Labels, settings: Mapping[str, Any]) -> Solution:
    """Search for the levels; k is raised where the gate of the prosecutor's risk asks for larger classes."""
    columns, off = list(labels.hierarchies), switched_off(RULES, settings["gates"])
    gates = {kind: limit for kind, limit in settings["gates"].items() if kind not in off}
    of_risk = int(np.ceil(1 / gates.get("prosecutor_risk", 1.0) - 1e-9))
    limits = Limits(
        k=max(gates["k_anonymity"], of_risk),
        l_distinct=gates.get("l_diversity", 0.0),
        l_entropy=gates.get("entropy_l_diversity", 0.0),
        t=gates.get("t_closeness", 1.0),
        suppression=gates["suppression"],
    )
    lattice = Lattice.of(
        labels.patients,
        [labels.cells[column] for column in columns],
        [labels.hierarchies[column] for column in columns],
    )
    return search(lattice, sensitive_of(labels.rows, labels.patients, settings), limits)


def _published(
    name: str,
    labels: Labels,
    solution: Solution,
    settings: Mapping[str, Any],
    key: bytes | None,
) -> tuple[pd.DataFrame, Integers]:
    """Return the table as it would be published, and each row's patient, 0-based; rows in the order of their cells.

    The order of the cells says nothing about the order in the source.
    """
    cells: dict[str, list[str]] = {}
    if key is not None:
        for column in settings["identifiers"]:
            texts = [spelled(cell or "") for cell in labels.rows[column]]
            cells[column] = [text and pseudonym(key, name, column, text) for text in texts]
        shifts = [
            shift_days(key, name, identity, settings["date_shift_days"])
            for identity in labels.identities
        ]
        for column in settings["dates"]:
            days = [day_of(cell or "") for cell in labels.rows[column]]
            cells[column] = [
                "" if day is None else written(day + shifts[patient])
                for day, patient in zip(days, labels.patients, strict=True)
            ]
    cells |= generalised(labels.hierarchies, solution.levels, labels.cells)
    for column in settings["sensitive"]:
        cells[column] = [(cell or "").strip() for cell in labels.rows[column]]
    table = pd.DataFrame(cells, dtype=object)
    stays = solution.kept[labels.patients]
    kept = table[stays].assign(**{PATIENT: labels.patients[stays]})
    kept = kept.sort_values(list(table.columns)).reset_index(drop=True)
    patients = np.unique(kept.pop(PATIENT), return_inverse=True)[1].astype(np.int64)
    return kept, patients


def _write_folder(
    folder: Path, decided: Mapping[str, Any], table: pd.DataFrame, signer: Signer | None
) -> None:
    with replacing_folder(folder) as target:
        write_table(table, target / "table.csv", separator=",")
        (target / "certificate.json").write_text(as_json(decided), encoding="utf-8")
        write_checksums(target, CHECKSUMS, signer)
