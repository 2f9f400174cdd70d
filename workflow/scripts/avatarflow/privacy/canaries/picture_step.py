"""The step that looks for canaries in pictures: by their own cones, by the matcher, by attacks. faiss side."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from avatarflow.core.arrays import Mask, Rows
from avatarflow.core.paths import write_json
from avatarflow.imaging.shards import read_pictures, read_table
from avatarflow.intake.canaries import COPIES
from avatarflow.privacy.attacks.interface import Scores
from avatarflow.privacy.attacks.on_pictures import density_ratio, extraction, nearest
from avatarflow.privacy.attacks.on_pictures.knowledge import Knowledge
from avatarflow.privacy.attacks.on_pictures.views import Pixels
from avatarflow.privacy.cones.cone import Cones
from avatarflow.privacy.fingerprints.files import load_rows
from avatarflow.runs.context import Step

from .own_cone import own_cones
from .sightings import Sightings

RELEASE = "release"
ATTACKS: dict[str, Callable[[Knowledge], Scores]] = {
    "nearest_synthetic": nearest.score,
    "density_ratio": density_ratio.score,
    "extraction": extraction.score,
}
FEWEST = 8  # pictures below which nothing can be said of a set


def expose_pictures(
    inputs: Mapping[str, str], kind: str, seed: int, target: str, results: str, step: Step
) -> None:
    """Look for every canary in one set of pictures.

    Parameters
    ----------
    inputs : mapping
        `canaries` and `samples` (shards), `canaries_fingerprints` and `fingerprints` (of the samples), `cones`,
        `decisions` (of the samples).
    kind : str
        What the canaries are; names the matcher.
    target : str
        `teacher` or `student` (all candidates), or `release` (accepted ones only).
    results : str
        The JSON file: `target`, `pictures`, `scores` (attack to one number per canary), `in_cone`, `in_cone_accepted`
        (pictures in each canary's own cone, and those of them that were accepted), `matched` (whether the matcher finds
        it), `matched_accepted`, `matcher` (thresholds).
    """
    cones = Cones.read(inputs["cones"])
    table = read_table(inputs["canaries"])
    made = np.asarray(load_rows(inputs["fingerprints"], cones.encoder))
    known = np.asarray(load_rows(inputs["canaries_fingerprints"], cones.encoder))
    accepted = pd.read_parquet(inputs["decisions"])["accepted"].to_numpy(bool)
    kept: Mask = np.asarray(np.isfinite(made).all(1))
    if target == RELEASE:
        kept = kept & accepted
    pictures = read_pictures(inputs["samples"], kept)
    found: dict[str, Any] = {"target": target, "pictures": int(kept.sum()), "scores": {}}
    inside = own_cones(cones, table["row"].to_numpy(), known, made[kept])
    found["in_cone"], found["in_cone_accepted"] = (
        inside.sum(1).tolist(),
        (inside & accepted[kept]).sum(1).tolist(),
    )
    originals = read_pictures(inputs["canaries"])
    sightings = Sightings.of(originals, pictures, kind, table["item"].to_numpy(), seed)
    found["matched"] = sightings.matched.tolist()
    found["matched_accepted"] = (
        (sightings.matched & accepted[kept][sightings.best]).tolist() if len(pictures) else []
    )
    found["matcher"] = sightings.thresholds
    if len(pictures) >= FEWEST:
        pixels = Pixels.fit(pictures)
        views = {
            "fingerprint": (made[kept], known),
            "pixels": (pixels.rows(pictures), pixels.rows(originals)),
        }
        for view, (released, rows) in views.items():
            found["scores"] |= _scores(released, rows, table, seed, view, target)
    step.info(
        "%s: %d of %d canaries in their cones",
        target,
        sum(n > 0 for n in found["in_cone"]),
        len(table),
    )
    write_json(results, found, allow_nan=False)


def _scores(
    released: Rows, known: Rows, table: pd.DataFrame, seed: int, view: str, target: str
) -> dict[str, list[float]]:
    people, nothing = table["person"].to_numpy(np.int64), np.zeros((len(table), 0), np.int64)
    knowledge = Knowledge(
        released, np.zeros((len(released), 0), np.int64), known, nothing, people, np.full(len(people), -1),
        (table[COPIES] > 0).to_numpy(), seed,
    )  # fmt: skip
    attacks = {
        name: score for name, score in ATTACKS.items() if target != RELEASE or name != "extraction"
    }
    found = {f"{name} ({view})": score(knowledge) for name, score in attacks.items()}
    return {
        name: np.asarray(scores.values).tolist()
        for name, scores in found.items()
        if np.isfinite(scores.values).all()
    }
