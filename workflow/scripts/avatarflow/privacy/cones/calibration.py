"""The step that calibrates: cones of an entry, set on some persons and measured on others.

No torch here: faiss must not share a process with it.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors.numpy import save_file

from avatarflow.core.arrays import Floats, Integers, Mask, Rows
from avatarflow.core.paths import replacing, write_json
from avatarflow.core.statistics import share_of_persons, share_of_pictures
from avatarflow.core.tables import write_table
from avatarflow.imaging.shards import read_table
from avatarflow.imaging.spool import spooled
from avatarflow.privacy.canaries.gallery import append_canaries, gallery_rows
from avatarflow.privacy.fingerprints.files import (
    FlatRows,
    RowFile,
    StoredRows,
    encoder_digest,
    load_rows,
)
from avatarflow.privacy.fingerprints.retrieval import rank_one, verification
from avatarflow.privacy.held_out_families import kept_families, left_out_figures
from avatarflow.privacy.measured import ROLE, measured_rows
from avatarflow.privacy.verifier import matcher
from avatarflow.privacy.verifier.recognised import Recognised, recognised
from avatarflow.runs.context import Step

from .cone import Calibration, Cones, choose_scale, needed_scales, uncalibrated
from .decide import risks
from .margin import margin_scale
from .settings_plane import draw_plane, settings_plane
from .shape import Shape
from .subgroups import by_subgroup, worst_person

HELDOUT = "heldout"
UNKNOWN = -1  # field of a picture whose manifest row names none


def calibrate_entry(
    inputs: Mapping[str, str],
    settings: Mapping[str, Any],
    seed: int,
    outputs: Mapping[str, str],
    step: Step,
) -> None:
    """Set the cones of an entry and write them with all that was measured on the way.

    Parameters
    ----------
    inputs : mapping
        `pool` (shards), `encoder`, `originals` (n, d) with rows as in the pool, and the perturbations: `own`
        (gallery, a, d), `calibration` and `test` (pictures of that role, a, d), and `seen` (of patients whom the
        encoder has seen, those of `measured_rows`). With `canaries` (shards) also
        `canaries_fingerprints` (n, d) and `canaries_own` (n, a, d): they get cones too. With `trial` (what
        `verifier.trial.try_verifier` wrote) and a matcher that is asked about every original, cones and verifier are
        calibrated together.
    settings : mapping
        `cone` of the config.
    outputs : mapping
        Files to write: `cones` and `risks` (safetensors; `test` and `seen` (pictures, a), `heldout` (pictures,), at
        most 1 where the verifier refuses), `calibrated` (JSON), `plane` (PNG), `plane_data` (TSV).

    Raises
    ------
    AvatarflowError
        If the cones cannot be calibrated with these persons.
    """
    table = read_table(inputs["pool"])
    encoder = encoder_digest(inputs["encoder"])
    originals = np.asarray(load_rows(inputs["originals"], encoder))
    altered = {
        name: RowFile(inputs[name], encoder, ndim=3) for name in ("calibration", "test", "seen")
    }
    with _verifier(inputs, table, settings, seed, step) as verifier:
        done, calibration, perturbed, unspared = _calibrated(
            _gallery(inputs, table, originals, encoder), altered["calibration"], table, settings, encoder, verifier
        )  # fmt: skip
        judged, held_out_matched = _judged(done, originals, altered, table, seed, verifier)
    done.save(outputs["cones"])
    with replacing(outputs["risks"]) as temporary:
        save_file(judged, temporary)
    families, left_out = kept_families(settings), settings["held_out_families"]
    known = settings["draws"] * len(families)
    figures = measure(done, calibration, table, judged, known, families, seed)
    figures |= recognition(table, originals, FlatRows(altered["test"], known), families, seed)
    persons = table["person"].to_numpy()
    figures |= {
        "miss_seen": share_of_persons(
            (judged["seen"] > 1).ravel(),
            np.repeat(persons[measured_rows(table, "seen", seed)], judged["seen"].shape[1]),
        ).as_dict(),
        "held_out_families": left_out_figures(
            judged["test"][:, known:] <= 1, left_out, persons[table["role"] == "test"], seed
        ),
    }
    if verifier:
        figures["verifier"] = {
            "asked": verifier.asked,
            "recognised": verifier.found,
            "easy_families": verifier.easy,
            "held_out_matched": held_out_matched,
        }
    for name in ("miss", "rejected", "specificity"):
        if figures[name] is not None:
            step.metric(name, figures[name]["value"])
    step.info("c = %.3f, calibrated on %d persons", done.c, len(calibration.persons))
    write_json(outputs["calibrated"], figures)
    held_out = originals[(table["role"] == HELDOUT).to_numpy()]
    plane = settings_plane(done, perturbed, held_out, wanted=unspared)
    draw_plane(plane, done, outputs["plane"])
    write_table(plane, outputs["plane_data"])


def _gallery(
    inputs: Mapping[str, str], table: pd.DataFrame, originals: Rows, encoder: str
) -> tuple[Rows, Integers, Integers, Rows | RowFile]:
    """Return whatever gets a cone: fingerprints (m, d), persons (m,), manifest rows (m,), perturbations (m, a, d)."""
    places = np.flatnonzero((table["role"] != HELDOUT).to_numpy())
    everyone: tuple[Any, ...] = (
        originals[places],
        table["person"].iloc[places],
        table["row"].iloc[places],
        RowFile(inputs["own"], encoder, ndim=3),
    )
    if canaries := inputs.get("canaries"):
        more = gallery_rows(
            canaries, inputs["canaries_fingerprints"], inputs["canaries_own"], encoder
        )
        everyone = tuple(
            np.concatenate([ours[:], theirs]) for ours, theirs in zip(everyone, more, strict=True)
        )
    *known, own = everyone
    rows, persons, numbers = map(np.asarray, known)
    return rows, persons, numbers, own


@contextmanager
def _verifier(
    inputs: Mapping[str, str],
    table: pd.DataFrame,
    settings: Mapping[str, Any],
    seed: int,
    step: Step,
) -> Iterator[Recognised | None]:
    """The verifier that decides together with the cones; None without one."""
    trial = json.loads(Path(inputs["trial"]).read_bytes()) if inputs.get("trial") else None
    if trial is None or not matcher(trial["matcher"]).asks_all:
        yield None
        return
    pictures, items = spooled(inputs["pool"]), table["item"].to_numpy()
    originals, canaries = table["role"] != HELDOUT, inputs.get("canaries", "")
    gallery = append_canaries(pictures, np.flatnonzero(originals), canaries)
    if canaries:
        items = np.concatenate([items, read_table(canaries)["item"].to_numpy(np.int64)])
    with recognised(trial, pictures, items, gallery, settings, seed, step) as verifier:
        yield verifier


def _calibrated(
    gallery: tuple[Rows, Integers, Integers, Rows | RowFile],
    altered: RowFile,
    table: pd.DataFrame,
    settings: Mapping[str, Any],
    encoder: str,
    verifier: Recognised | None,
) -> tuple[Cones, Calibration, StoredRows, Mask]:
    """Return the cones, how they came about, the perturbations, and which the verifier is not known to recognise."""
    rows, persons, numbers, own = gallery
    counted = np.ones(own.shape[1], bool)
    if verifier:
        counted = verifier.hard_columns(np.flatnonzero((table["role"] == "encoder").to_numpy()))
    shape = Shape.of(dict(settings))
    open_cones = uncalibrated(rows, persons, numbers, own, shape, encoder, counted)
    unseen = np.isin(persons, table.loc[table["role"] == "calibration", "person"])
    wide = margin_scale(open_cones, np.flatnonzero(unseen), settings["margin"])
    perturbed, whose = perturbed_of(altered, table, "calibration")
    needed = needed_scales(open_cones, perturbed)
    unspared = np.ones(len(needed), bool)
    if verifier and len(needed):
        places = np.flatnonzero((table["role"] == "calibration").to_numpy())
        # (q,) -> (p, a): the verifier is asked by picture and column
        spared = verifier.spared(
            needed.reshape(len(places), -1), places, table["person"].to_numpy()[places], wide
        ).ravel()
        unspared = (spared > 0) | (needed == 0)
        needed = spared
    done, calibration = choose_scale(
        replace(open_cones, with_verifier=verifier is not None), needed, whose,
        settings["mode"], settings["alpha"], settings["fewest_persons"],
    )  # fmt: skip
    return replace(done, c=max(done.c, wide)), calibration, perturbed, unspared


def _judged(
    cones: Cones,
    originals: Rows,
    altered: Mapping[str, RowFile],
    table: pd.DataFrame,
    seed: int,
    verifier: Recognised | None,
) -> tuple[dict[str, Floats], dict[str, Any] | None]:
    """Return risks of perturbations (p, a), for each purpose of `ROLE`, and of held-out subjects' pictures (h,).

    And the share of held-out subjects' pictures outside every cone that the verifier refuses.
    """
    judged = {}
    for purpose in ROLE:
        rows = altered[purpose]
        # (p a,) -> (p, a)
        risk = risks(FlatRows(rows, rows.shape[1]), cones).reshape(rows.shape[:2])
        places = measured_rows(table, purpose, seed)
        judged[purpose] = verifier.tested(risk, places, purpose) if verifier else risk
    held_out = np.flatnonzero((table["role"] == HELDOUT).to_numpy())
    judged["heldout"] = risks(originals[held_out], cones)
    outside = np.flatnonzero(judged["heldout"] > 1)
    if not verifier or not len(outside):
        return judged, None
    refused = verifier.real(held_out[outside])
    judged["heldout"][outside[refused]] = 1.0
    whose = table["person"].to_numpy()[held_out[outside]]
    return judged, share_of_pictures(refused, whose, seed).as_dict()


def measure(
    cones: Cones,
    calibration: Calibration,
    table: pd.DataFrame,
    judged: Mapping[str, Floats],
    known: int,
    families: list[str],
    seed: int,
) -> dict[str, Any]:
    """Return what the filter does to persons who did not calibrate it, as plain values.

    Parameters
    ----------
    judged : mapping
        `test` (pictures, a) and `heldout` (pictures,): risks, at most 1 where the verifier refuses.
    known : int
        Perturbations of a picture that are of the calibrated families: the first ones.

    Returns
    -------
    dict
        `c`, `set_by_margin` (whether the promise needs less), `coverage` (the promise), `half_angle_deg` (quantiles),
        `miss` (share of test persons with an accepted perturbation), `rejected` (share of their perturbations
        rejected), `rejected_by_family`, `specificity` (share of held-out subjects' real pictures accepted, None without
        any), `worst_person` (run-local number), `subgroups`.
    """
    tested = table[table["role"] == "test"]
    risk, people = judged["test"][:, :known], tested["person"].to_numpy()
    whose, rejected = np.repeat(people, known), (risk <= 1).ravel()
    # (p, families draws) -> (p, families, draws)
    per_family = (risk <= 1).reshape(len(risk), len(families), -1)
    by_family = {
        family: share_of_pictures(
            per_family[:, place].ravel(), np.repeat(people, per_family.shape[2]), seed
        ).as_dict()
        for place, family in enumerate(families)
    }
    held_out, passing = table[table["role"] == HELDOUT], judged["heldout"] > 1
    owners = held_out["person"].to_numpy()
    angles = np.degrees(cones.half_angles_rad)
    return {
        "c": cones.c,
        "set_by_margin": cones.c > calibration.c,
        "coverage": asdict(calibration.coverage),
        "half_angle_deg": {
            str(q): float(np.quantile(angles, q)) for q in (0.0, 0.05, 0.5, 0.95, 1.0)
        },
        "miss": share_of_persons(~rejected, whose).as_dict(),
        "rejected": share_of_pictures(rejected, whose, seed).as_dict(),
        "rejected_by_family": by_family,
        "worst_person": worst_person(risk.ravel(), whose),
        "subgroups": {
            "rejected": by_subgroup(rejected, tested.loc[tested.index.repeat(known)], seed),
            "specificity": by_subgroup(passing, held_out, seed),
        },
        "specificity": share_of_pictures(passing, owners, seed).as_dict() if len(owners) else None,
    }


def recognition(
    table: pd.DataFrame, originals: Rows, test: StoredRows, families: list[str], seed: int
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
    figures = {name: asdict(each) if each else None for name, each in found.items()}
    return {"retrieval": ranks.to_dict("records"), **figures}


def perturbed_of(altered: Rows | RowFile, table: pd.DataFrame, role: str) -> tuple[StoredRows, Any]:
    """Return the perturbations (pictures of that role, a, d) of a role as rows (q, d), and whose they are (q,)."""
    people = table.loc[table["role"] == role, "person"].to_numpy()
    flat = (
        altered.reshape(-1, altered.shape[2])
        if isinstance(altered, np.ndarray)
        else FlatRows(altered, altered.shape[1])
    )
    return flat, np.repeat(people, altered.shape[1] if len(people) else 0)
