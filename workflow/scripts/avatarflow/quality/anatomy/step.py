"""The steps of the anatomy check: limits from originals, and a row for every candidate."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from avatarflow.core.arrays import Pictures
from avatarflow.core.parquet import parquet_writer
from avatarflow.core.paths import read_json, write_json
from avatarflow.core.statistics import share_of_persons
from avatarflow.imaging.shards import iterate, read_table
from avatarflow.intake.patients.persons import HELDOUT
from avatarflow.runs.context import Step

from . import fundus, iris, radiograph
from .limits import refusals, set_limits

KINDS: dict[str, Any] = {"fundus": fundus, "iris": iris, "radiograph": radiograph}
REFERENCE, HELD_OUT, TEST = ("encoder",), (HELDOUT, "test"), "calibration"
"""Roles whose patients say how far findings go, by how much that is widened, and how many pass; nobody has two. All
roles are alike here: nothing is learned from any of them."""
AT_ONCE = 256  # pictures measured at a time; a row group of the outcome


def measure(kind: str, picture: Pictures, asked: Mapping[str, Any]) -> dict[str, float]:
    """Return the findings of one picture; none where it cannot be measured, which refuses it.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    picture : (h, w, 3) uint8
    asked : mapping
        The conditions that it was drawn for, or the labels of an original.
    """
    try:
        found: dict[str, float] = KINDS[kind].findings(picture, asked)
    except (ArithmeticError, ValueError, IndexError):
        return {}
    return found


def set_limits_of(
    pool: str, settings: Mapping[str, Any], columns: Sequence[str], limits: str, step: Step
) -> None:
    """Measure the originals, set the limits and measure these on test patients.

    Parameters
    ----------
    pool : str
        Shards of the pool.
    settings : mapping
        `anatomy` of the config.
    columns : sequence of str
        The condition columns.
    limits : str
        The JSON file to write: `kind`, `pass_share`, `limits`, the numbers of patients, and `test_patients_refused`,
        the share of patients of role `TEST` with a picture that does not pass.
    """
    kind, table = settings["kind"], read_table(pool)
    names = KINDS[kind].FINDINGS
    rows = [found for found, _ in _measured(pool, kind, table, columns)]
    found = pd.DataFrame(rows, columns=list(names)).assign(person=table["person"].to_numpy())
    role = table["role"].to_numpy()
    # an original that cannot be measured says nothing of how far findings go, and counts as refused elsewhere
    whole = np.isfinite(found[list(names)].to_numpy(float)).all(1)
    reference, held_out = found[whole & np.isin(role, REFERENCE)], found[np.isin(role, HELD_OUT)]
    set_to = set_limits(names, reference, held_out, float(settings["pass_share"]))
    tested = found[role == TEST]
    failed = np.array(
        [bool(refusals(names, set_to, row)) for row in tested.to_dict("records")], bool
    )
    share = share_of_persons(failed, tested["person"].to_numpy())
    counts = {
        "reference": int(reference["person"].nunique()),
        "held_out": int(held_out["person"].nunique()),
        "not_measured": int((~whole).sum()),
    }
    write_json(
        limits,
        {
            "kind": kind,
            "pass_share": settings["pass_share"],
            "limits": set_to,
            "patients": counts,
            "test_patients_refused": share.as_dict(),
        },
    )
    if share.value is not None:
        step.metric("test_patients_refused", share.value)
    step.info("limits of %d findings from %d patients", len(set_to), counts["held_out"])


def check_candidates(
    candidates: str, limits: str, columns: Sequence[str], checked: str, step: Step
) -> None:
    """Hold every candidate against the limits; written block by block.

    Parameters
    ----------
    candidates : str
        Shards of a stage's candidates.
    limits : str
        As `set_limits_of` wrote it.
    columns : sequence of str
        The condition columns.
    checked : str
        The Parquet file to write, internal only: `candidate`, `refusal` ("" where it passes, else the first reason)
        and a column per finding, rows as the candidates.
    """
    read = read_json(limits)
    kind, table = read["kind"], read_table(candidates)
    names, reasons, refused = KINDS[kind].FINDINGS, Counter[str](), 0
    with _writer(checked, list(names)) as write:
        block: list[dict[str, Any]] = []
        for found, row in _measured(candidates, kind, table, columns):
            why = refusals(names, read["limits"], found)
            reasons.update(why)
            refused += bool(why)
            known = {name: found.get(name) for name in names}
            block.append(
                {"candidate": str(row["candidate"]), "refusal": why[0] if why else "", **known}
            )
            if len(block) == AT_ONCE:
                write(block)
                block = []
        write(block)
    for reason, count in reasons.most_common():
        step.info("%d pictures: %s", count, reason)
    step.metric("refused_by_anatomy", refused)


def _measured(
    folder: str, kind: str, table: pd.DataFrame, columns: Sequence[str]
) -> Iterator[tuple[dict[str, float], dict[Any, Any]]]:
    """Findings and row of each picture of a shard set, which is read block by block."""
    start = 0
    for block in iterate(folder):
        rows = table.iloc[start : start + len(block)].to_dict("records")
        for picture, row in zip(block, rows, strict=True):
            yield measure(kind, picture, {name: row[name] for name in columns}), row
        start += len(block)


@contextmanager
def _writer(path: str, names: Sequence[str]) -> Iterator[Any]:
    schema = pa.schema(
        [
            pa.field("candidate", pa.string(), nullable=False),
            pa.field("refusal", pa.string(), nullable=False),
            *(pa.field(name, pa.float64()) for name in names),
        ]
    )
    with parquet_writer(path, schema) as file:
        yield lambda rows: file.write_table(pa.Table.from_pylist(rows, schema))
