"""The matcher on trial: its threshold from pictures of two persons, and how well it does on what the run knows.

No faiss here: perturbations come from torch. The threshold is set before a candidate is seen.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from avatarflow.core import seeds
from avatarflow.core.arrays import Floats, Integers
from avatarflow.core.errors import refuse
from avatarflow.core.paths import write_json
from avatarflow.core.statistics import bootstrap, share_of_pictures
from avatarflow.imaging.shards import read_table
from avatarflow.imaging.spool import Stored, spooled
from avatarflow.privacy import perturbations
from avatarflow.privacy.fingerprints.pair_errors import auc, eer
from avatarflow.privacy.verifier import Matcher, matcher
from avatarflow.runs.context import Step

WHERE = "verifier"
PERSONS = 500  # whose pictures are paired at most; their templates are held together
KEPT = 64  # templates held of eyes with several pictures
RESAMPLES = 500
PERTURBATION_STREAM = (
    "second opinion"  # name of the random stream: another name would draw other perturbations
)


def try_verifier(
    pool: str,
    settings: Mapping[str, Any],
    families: Sequence[str],
    seed: int,
    figures: str,
    step: Step,
) -> None:
    """Set the matcher's threshold, measure the matcher, and write both.

    Parameters
    ----------
    pool : str
        Shards of the pool.
    settings : mapping
        `verifier` of the config.
    families : names
        Of the perturbations that the test persons' pictures undergo.
    figures : str
        The JSON file to write: `matcher`, `threshold`, `two_persons`, `same_eye`, `recognised`, `rank1`.

    Raises
    ------
    AvatarflowError
        If there are no two calibration persons with a picture that the matcher can use.
    """
    table, pictures, match = read_table(pool), spooled(pool), matcher(settings["matcher"])
    calibration = np.flatnonzero((table["role"] == "calibration").to_numpy())
    impostors = two_persons(match, pictures, table, calibration, settings["pairs"], seed)
    asked = int((table["role"] != "heldout").sum()) if match.asks_all else 1
    limit = threshold(impostors, settings["false_match_rate"] / asked)  # each may match by chance
    step.info("threshold %.3f from %d pairs of two persons", limit, len(impostors))
    results = {
        "matcher": settings["matcher"],
        "threshold": limit,
        "two_persons": {
            "pairs": len(impostors),
            "persons": int(table["person"].iloc[calibration].nunique()),
            "median": float(np.median(impostors)),
            "largest": float(impostors.max()),
            "above_threshold": float((impostors > limit).mean()),
        },
        "same_eye": same_eye(match, pictures, table, impostors, limit, settings["pairs"], seed),
        **altered_originals(match, pictures, table, families, limit, settings, seed, step),
    }
    write_json(figures, results)


def threshold(impostors: Floats, false_match_rate: float) -> float:
    """Return the similarity that at most this share of pairs of two persons exceeds, the largest for a share of 0."""
    return float(np.quantile(impostors, 1 - false_match_rate, method="higher"))


def two_persons(
    match: Matcher, pictures: Stored, table: pd.DataFrame, rows: Integers, count: int, seed: int
) -> Floats:
    """Similarities of pictures of two persons each, at most `count` of all pairs; one picture a person.

    Parameters
    ----------
    rows : (r,)
        Rows of the pool whose persons are paired.
    """
    drawn = seeds.generator(seed, "pairs of two persons")
    firsts = rows[np.unique(table["person"].to_numpy()[rows], return_index=True)[1]]
    some = np.sort(drawn.permutation(firsts)[:PERSONS])
    templates = [kept for row in some if (kept := match.template(pictures[row])) is not None]
    if len(templates) < 2:
        message = f"{len(templates)} calibration persons with a picture that the matcher can use"
        raise refuse(WHERE, message, "give more persons, or turn it off")
    first, second = np.triu_indices(len(templates), 1)
    chosen = np.sort(drawn.permutation(len(first))[:count])
    return np.array([match.similarity(templates[first[p]], templates[second[p]]) for p in chosen])


def same_eye(
    match: Matcher,
    pictures: Stored,
    table: pd.DataFrame,
    impostors: Floats,
    limit: float,
    count: int,
    seed: int,
) -> dict[str, Any] | None:
    """Return how well pairs of the same eye are told from pairs of two persons; None without such pairs."""
    eye = table["eye"].to_numpy()
    groups = [np.flatnonzero(eye == number) for number in np.unique(eye[eye >= 0])]
    pairs = np.array(
        [(a, b) for group in groups for k, a in enumerate(group) for b in group[k + 1 :]], np.int64
    )
    pairs = pairs.reshape(-1, 2)
    pairs = pairs[
        np.sort(seeds.generator(seed, "pairs of one eye").permutation(len(pairs))[:count])
    ]
    template = lru_cache(KEPT)(lambda row: match.template(pictures[row]))

    def similarity(a: int, b: int) -> float:
        one, other = template(a), template(b)
        return float("nan") if one is None or other is None else match.similarity(one, other)

    every = np.array([similarity(a, b) for a, b in pairs.tolist()])
    proving = every < match.same_file  # False where there is nothing to compare
    alike, whose = every[proving], table["person"].to_numpy()[pairs[proving, 0]]
    if not len(alike):
        return None
    distances, genuine = (
        np.sort(-impostors),
        [-alike[whose == person] for person in np.unique(whose)],
    )
    out: dict[str, Any] = {
        "pairs": len(alike),
        "persons": len(genuine),
        "without_template": int(np.isnan(every).sum()),
    }
    for name, figure in (("auc", auc), ("eer", eer)):
        low, high = bootstrap(
            lambda rows, f=figure: f(np.concatenate([genuine[row] for row in rows]), distances),  # type: ignore[misc]
            len(genuine), seed, RESAMPLES,
        )  # fmt: skip
        out[name] = {"value": figure(-alike, distances), "low": low, "high": high}
    out["recognised"] = share_of_pictures(alike > limit, whose, seed).as_dict()
    return out


def altered_originals(
    match: Matcher, pictures: Stored, table: pd.DataFrame, families: Sequence[str], limit: float,
    settings: Mapping[str, Any], seed: int, step: Step,
) -> dict[str, Any]:  # fmt: skip
    """Altered pictures of test persons: above the threshold with their original, and nearer to it than to any other.

    Every picture is altered once by every family for `recognised`, and one of these perturbations is looked for among
    originals of other persons for `rank1`.
    """
    drawn = seeds.generator(seed, "altered originals")
    tested = np.flatnonzero((table["role"] == "test").to_numpy())
    tested = np.sort(drawn.permutation(tested)[: settings["queries"]])
    others = np.flatnonzero((table["role"] != "heldout").to_numpy())
    others = np.sort(drawn.permutation(others)[: settings["gallery"]])
    gallery = [(int(table["person"].iloc[row]), match.template(pictures[row])) for row in others]
    events: dict[str, list[bool]] = {family: [] for family in families}
    first: list[bool] = []
    for number, row in enumerate(tested.tolist()):
        item, person = int(table["item"].iloc[row]), int(table["person"].iloc[row])
        own = match.template(pictures[row])
        alike = {}
        for family in families:
            picture = perturbations.alter(
                pictures[row : row + 1], family, 1, seed, [item], PERTURBATION_STREAM
            )[0]
            template = match.template(picture)
            alike[family] = (
                template,
                -1.0 if template is None or own is None else match.similarity(own, template),
            )
            events[family].append(alike[family][1] > limit)
        template, similarity = alike[families[number % len(families)]]
        first.append(
            template is not None
            and all(kept is None or whose == person or match.similarity(kept, template) < similarity
                    for whose, kept in gallery)
        )  # fmt: skip
        step.progress(number + 1, len(tested), "test pictures")
    who = table["person"].to_numpy()[tested]
    every = np.array([events[family] for family in families], bool)
    shares = {
        family: share_of_pictures(row, who, seed).as_dict()
        for family, row in zip(families, every, strict=True)
    }
    shares["all"] = share_of_pictures(every.ravel(), np.tile(who, len(families)), seed).as_dict()
    rank1 = {
        **share_of_pictures(np.array(first, bool), who, seed).as_dict(),
        "gallery": len(gallery),
    }
    return {"recognised": shares, "rank1": rank1}
