"""The step that calibrates: cones of an entry, set on some persons and measured on others.

No torch here: faiss must not share a process with it.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from avatarflow.core.arrays import Rows
from avatarflow.core.paths import write_json
from avatarflow.core.statistics import Estimate, share_of_pictures
from avatarflow.imaging.shards import read_table
from avatarflow.privacy.canaries.gallery import gallery_rows
from avatarflow.privacy.fingerprints.files import encoder_digest, load_rows
from avatarflow.privacy.fingerprints.retrieval import rank_one, verification
from avatarflow.privacy.held_out_families import kept_families, left_out_figures
from avatarflow.runs.context import Step

from .cone import Calibration, Cones, calibrate, uncalibrated
from .decide import miss_rate, risks, specificity
from .settings_plane import draw_plane, settings_plane
from .shape import Shape
from .subgroups import by_subgroup, worst_person

HELDOUT = "heldout"
UNKNOWN = -1  # field of a picture whose manifest row names none


def calibrate_entry(
    inputs: Mapping[str, str],
    settings: Mapping[str, Any],
    seed: int,
    cones: str,
    calibrated: str,
    plane: str,
    step: Step,
) -> None:
    """Set the cones of an entry and write them with all that was measured on the way.

    Parameters
    ----------
    inputs : mapping
        `pool` (shards), `encoder`, `originals` (n, d) with rows as in the pool, and the perturbations: `own`
        (gallery, a, d), `calibration` and `test` (pictures of that role, a, d). With `canaries` (shards) also
        `canaries_fingerprints` (n, d) and `canaries_own` (n, a, d): they get cones too.
    settings : mapping
        `cone` of the config.
    cones, calibrated, plane : str
        Files to write: safetensors, JSON, PNG.

    Raises
    ------
    AvatarflowError
        If the cones cannot be calibrated with these persons.
    """
    table = read_table(inputs["pool"])
    encoder = encoder_digest(inputs["encoder"])
    originals = np.asarray(load_rows(inputs["originals"], encoder))
    gallery = (table["role"] != HELDOUT).to_numpy()
    trained = table[gallery].reset_index(drop=True)
    shape = Shape.of(dict(settings))
    everyone: tuple[Any, ...] = (
        originals[gallery],
        trained["person"],
        trained["row"],
        load_rows(inputs["own"], encoder),
    )
    if canaries := inputs.get("canaries"):
        more = gallery_rows(
            canaries, inputs["canaries_fingerprints"], inputs["canaries_own"], encoder
        )
        everyone = tuple(
            np.concatenate([ours, theirs]) for ours, theirs in zip(everyone, more, strict=True)
        )
    rows, persons, numbers, own = map(np.asarray, everyone)
    open_cones = uncalibrated(rows, persons, numbers, own, shape, encoder)
    perturbed, whose = perturbed_of(load_rows(inputs["calibration"], encoder), table, "calibration")
    done, calibration = calibrate(
        open_cones,
        perturbed,
        whose,
        settings["mode"],
        settings["alpha"],
        settings["fewest_persons"],
    )
    done.save(cones)
    test, known = (
        load_rows(inputs["test"], encoder),
        settings["draws"] * len(kept_families(settings)),
    )
    figures = measure(
        done, calibration, table, originals, test[:, :known], kept_families(settings), seed
    )
    figures["held_out_families"] = _left_out(
        done, test[:, known:], table, settings["held_out_families"], seed
    )
    for name in ("miss", "rejected", "specificity"):
        if figures[name] is not None:
            step.metric(name, figures[name]["value"])
    step.info("c = %.3f, calibrated on %d persons", done.c, len(calibration.persons))
    write_json(calibrated, figures)
    border = settings_plane(
        done, perturbed, originals[~gallery] if (~gallery).any() else originals[:0]
    )
    draw_plane(border, done, plane)


def measure(
    cones: Cones,
    calibration: Calibration,
    table: pd.DataFrame,
    originals: Rows,
    test: Rows,
    families: list[str],
    seed: int,
) -> dict[str, Any]:
    """Return what the cones do to persons who did not calibrate them, as plain values.

    Returns
    -------
    dict
        `c`, `coverage` (the promise), `half_angle_deg` (quantiles), `miss` (share of test persons with an accepted
        perturbation), `rejected` (share of their perturbations rejected), `rejected_by_family`, `specificity` (share of
        held-out subjects' real pictures accepted, None without any), `worst_person` (run-local number), `subgroups`,
        `retrieval` (rank 1 per family), `verification` (same-eye pairs, None without any).
    """
    perturbed, whose = perturbed_of(test, table, "test")
    risk = risks(perturbed, cones)
    held_out = (table["role"] == HELDOUT).to_numpy()
    per_family = risk.reshape(len(test), len(families), -1) <= 1
    people = table.loc[table["role"] == "test", "person"].to_numpy()
    by_family = {
        family: share_of_pictures(
            per_family[:, place].ravel(), np.repeat(people, per_family.shape[2]), seed
        ).as_dict()
        for place, family in enumerate(families)
    }
    angles = np.degrees(cones.half_angles_rad)
    return {
        "c": cones.c,
        "coverage": calibration.coverage.summary(),
        "half_angle_deg": {
            str(q): float(np.quantile(angles, q)) for q in (0.0, 0.05, 0.5, 0.95, 1.0)
        },
        "miss": miss_rate(cones, perturbed, whose).as_dict(),
        "rejected": share_of_pictures(risk <= 1, whose, seed).as_dict(),
        "rejected_by_family": by_family,
        "worst_person": worst_person(risk, whose),
        "subgroups": _subgroups(cones, originals, table, risk <= 1, seed),
        "specificity": _specificity(
            cones, originals[held_out], table.loc[held_out, "person"].to_numpy(), seed
        ),
        **recognition(table, originals, test, families, seed),
    }


def _left_out(
    cones: Cones, test: Rows, table: pd.DataFrame, families: list[str], seed: int
) -> dict[str, Any]:
    """Return what the cones do to perturbations (pictures of test persons, a, d) of families that they never met."""
    people = table.loc[table["role"] == "test", "person"].to_numpy()
    rejected = risks(np.asarray(test).reshape(-1, test.shape[2]), cones) <= 1
    return left_out_figures(rejected.reshape(test.shape[:2]), families, people, seed)


def _subgroups(
    cones: Cones, originals: Rows, table: pd.DataFrame, rejected: npt.NDArray[np.bool_], seed: int
) -> dict[str, Any]:
    """Altered originals of test persons rejected, and held-out subjects' real pictures accepted, per subgroup."""
    held_out = (table["role"] == HELDOUT).to_numpy()
    tested = table[table["role"] == "test"]
    each = tested.loc[tested.index.repeat(len(rejected) // max(1, len(tested)))]
    accepted = risks(originals[held_out], cones) > 1
    return {
        "rejected": by_subgroup(rejected, each, seed),
        "specificity": by_subgroup(accepted, table[held_out], seed),
    }


def recognition(
    table: pd.DataFrame, originals: Rows, test: Rows, families: list[str], seed: int
) -> dict[str, Any]:
    """Rank-1 retrieval of the test persons' perturbations, and verification on eyes the encoder never saw.

    Where the pool says which field a picture shows, pairs of one field and of two are told apart as well.
    """
    gallery = table[table["role"] != HELDOUT]
    identities = np.where(
        gallery["eye"] >= 0, gallery["eye"], gallery["item"] + table["eye"].max() + 1
    )
    queried = np.flatnonzero((gallery["role"] == "test").to_numpy())
    ranks = rank_one(
        originals[gallery.index],
        identities,
        test,
        queried,
        gallery["person"].to_numpy(),
        families,
        seed,
    )
    unseen = (table["role"] != "encoder").to_numpy()
    pairs = (
        originals[unseen],
        table.loc[unseen, "eye"].to_numpy(),
        table.loc[unseen, "person"].to_numpy(),
        seed,
    )
    found = {"verification": verification(*pairs)}
    if "field" in table.columns:
        fields = pd.factorize(table.loc[unseen, "field"].where(lambda each: each != UNKNOWN))[
            0
        ].astype(np.int64)
        for name, same in (("verification_same_field", True), ("verification_other_field", False)):
            found[name] = verification(*pairs, fields=fields, same_field=same)
    figures = {name: each.summary() if each else None for name, each in found.items()}
    return {"retrieval": ranks.to_dict("records"), **figures}


def _specificity(cones: Cones, rows: Rows, persons: Any, seed: int) -> dict[str, Any] | None:
    share: Estimate | None = specificity(cones, rows, persons, seed) if len(rows) else None
    return share.as_dict() if share else None


def perturbed_of(altered: Rows, table: pd.DataFrame, role: str) -> tuple[Rows, Any]:
    """Return the perturbations (pictures of that role, a, d) of a role as rows (q, d), and whose they are (q,)."""
    people = table.loc[table["role"] == role, "person"].to_numpy()
    flat = np.asarray(altered).reshape(-1, altered.shape[-1])
    return flat, np.repeat(people, altered.shape[1] if len(people) else 0)
