"""The intake step as a whole: pool, refusals and summary as files."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from avatarflow.core.counts import balance, by_condition, by_reason
from avatarflow.core.paths import write_json
from avatarflow.core.tables import write_table
from avatarflow.imaging.shards import write_shards
from avatarflow.runs.context import Step

from .consent.day import write_day
from .consent.gate import ConsentFiles, Gate
from .gallery_completeness import left_out, refuse_gaps, repeats
from .patients.minimum_patients import refuse_too_few
from .patients.persons import ROLES, TRAINED
from .pool import Pool, pool_from_generator, pool_from_manifest
from .refusals import check_share
from .sizes import summary_of_sizes
from .sources.withdrawn import IntakeInputs


def take_in(
    entry: dict[str, Any],
    inputs: IntakeInputs,
    seed: int,
    processes: int,
    outputs: Mapping[str, str],
    step: Step,
    asked: Mapping[str, Any] | None = None,
) -> None:
    """Make the pool of one entry.

    Parameters
    ----------
    entry : dict
        The config entry; with `whole` a gap in the gallery is refused.
    inputs : IntakeInputs
        Where the rows come from; without a manifest DICOM files where the entry names some, else procedural eyes are
        drawn.
    outputs : mapping
        `pictures` (folder of shards to write), `summary` (JSON of counts and the unit, `person` or `eye`), `refused`
        (CSV of manifest, row and reason; written before a run stops for too many refused rows).
    asked : mapping, optional
        The whole entry: too few patients for its cone and gates are refused now.
    """
    pictures, manifest = outputs["pictures"], inputs.place.manifest
    folder = str(Path(pictures).parent)
    Path(folder).mkdir(parents=True, exist_ok=True)
    is_dicom = bool(entry.get("source", {}).get("dicom"))
    if manifest is None and not is_dicom:
        pool = pool_from_generator(entry, seed, processes, folder)
    else:
        pool = pool_from_manifest(entry, inputs, seed, processes, step, folder)
    kind = "dicom" if is_dicom else "generated"
    write_refused(pool.refused, Path(manifest or kind).name, outputs["refused"])
    whole = bool(entry.get("whole"))
    if whole:
        refuse_gaps(pool)
    check_share(
        pool.refused,
        len(pool.table) + len(pool.refused),
        entry["limits"]["max_refused_share"],
        "intake",
    )
    if asked is not None:
        refuse_too_few(pool.table, entry["split"], asked, release=not whole)
    counts = summarise(pool)
    if entry["conditions"]:
        counts["patients_per_condition"] = patients_per_condition(pool.table, entry["conditions"])
    if whole:
        counts |= {
            "left_out": left_out(pool.refused),
            "repeats": repeats(pool.refused),
            "sizes": summary_of_sizes(pool.sizes.values(), entry["size_px"]),
        }
    if pool.gate and inputs.consents:
        counts["consent"] = pool.gate.summary
        note_day(pool.gate, inputs.consents, step)
    step.params(counts)
    step.info(
        "%d pictures of %d persons taken in, %d refused",
        len(pool.table),
        counts["persons"],
        len(pool.refused),
    )
    write_shards(pictures, pool.pictures, pool.table)
    write_json(outputs["summary"], counts)


def note_day(gate: Gate, consents: ConsentFiles, step: Step) -> None:
    """Say what was decided, and note until when it stays decided."""
    patients = gate.summary["patients"]
    step.info("consents: %s", ", ".join(f"{count} {name}" for name, count in patients.items()))
    before = date.fromordinal(gate.next_change).isoformat() if gate.next_change else None
    write_day(consents.record, consents.state, consents.day, before)


def write_refused(refused: dict[int, str], manifest: str, path: str) -> None:
    """The refused rows as a CSV of manifest, row and reason; no file names, no labels."""
    rows = pd.DataFrame(sorted(refused.items()), columns=["row", "reason"])
    rows.insert(0, "manifest", manifest)
    write_table(rows, path, separator=",")


def patients_per_condition(
    table: pd.DataFrame, conditions: Mapping[str, Sequence[str]]
) -> dict[str, int]:
    """Return how many of the patients trained on have each condition, in one picture or more."""
    trained = table[table["role"].isin(TRAINED)]
    return {
        label: int(rows["person"].nunique()) for label, rows in by_condition(trained, conditions)
    }


def summarise(pool: Pool) -> dict[str, Any]:
    """Counts that may be shown anywhere: rows asked for are pictures taken in and rows refused, by reason."""
    table = pool.table
    counts = balance("originals", pool.asked, len(table), by_reason(pool.refused.values()))
    known_by_eye = table.loc[table["unit"] == "eye", "person"].nunique()
    return {
        "pictures": len(table),
        "persons": int(table["person"].nunique()),
        "unit": "eye" if known_by_eye else "person",
        "persons_known_by_eye_only": int(known_by_eye),
        "asked": pool.asked,
        "refused": len(pool.refused),
        "refused_by_reason": counts["left_out"],
        "persons_per_role": {
            role: int(table.loc[table["role"] == role, "person"].nunique()) for role in ROLES
        },
        "pictures_per_role": {role: int((table["role"] == role).sum()) for role in ROLES},
    }
