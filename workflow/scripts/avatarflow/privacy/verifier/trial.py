"""The matcher on trial: its threshold from pictures of two persons, and how well it does on what the run knows.

No torch here: another process draws perturbations. The threshold is set before a candidate is seen.
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
from avatarflow.imaging.spool import Stored, folder_of, spooled
from avatarflow.privacy.fingerprints.pair_errors import auc, eer
from avatarflow.privacy.perturbing import perturber
from avatarflow.privacy.search.neighbours import blocks
from avatarflow.privacy.verifier import Matcher, matcher
from avatarflow.runs.context import Step

from .keypoint_votes import indexed

WHERE = "verifier"
PERSONS = 500  # of whom a picture is compared with those of others at most
SET_ON = ("encoder", "calibration")  # roles whose pictures set the threshold; never `test`
AT_ONCE = 64  # persons asked about between two words of progress
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
    rate = settings["false_match_rate"]
    if match.asks_all:
        impostors = with_all_others(match, pictures, table, seed, step)
        persons = len(impostors)
    else:
        calibration = np.flatnonzero((table["role"] == "calibration").to_numpy())
        impostors = two_persons(match, pictures, table, calibration, settings["pairs"], seed)
        persons = int(table["person"].iloc[calibration].nunique())
        rate /= settings["nearest"] + 1  # each original that is asked about may match by chance
    limit = threshold(impostors, rate)
    step.info("threshold %.3f from %d comparisons of two persons", limit, len(impostors))
    altered = altered_originals(pictures, table, families, limit, settings, seed, step)
    results = {
        "matcher": settings["matcher"],
        "threshold": limit,
        "refuse_unseen": settings["refuse_unseen"],
        "two_persons": {
            "compared": len(impostors),
            "persons": persons,
            "median": float(np.median(impostors)),
            "largest": float(impostors.max()),
            "above_threshold": float((impostors > limit).mean()),
        },
        "same_eye": same_eye(match, pictures, table, impostors, limit, settings["pairs"], seed),
        **altered,
    }
    write_json(figures, results)


def threshold(impostors: Floats, false_match_rate: float) -> float:
    """Return the similarity that at most this share of pairs of two persons exceeds, the largest for a share of 0."""
    return float(np.quantile(impostors, 1 - false_match_rate, method="higher"))


def with_all_others(
    match: Matcher, pictures: Stored, table: pd.DataFrame, seed: int, step: Step
) -> Floats:
    """Largest similarities that a picture of a person has with anybody else's originals, asked as a candidate is.

    One picture each of at most `PERSONS` persons of the roles `SET_ON`.

    Raises
    ------
    AvatarflowError
        If there are no two of them.
    """
    who, role = table["person"].to_numpy(), table["role"]
    gallery = np.flatnonzero((role != "heldout").to_numpy())
    rows = np.flatnonzero(role.isin(SET_ON).to_numpy())
    drawn = seeds.generator(seed, "pairs of two persons").permutation(first_of_each(who, rows))
    if len(drawn) < 2:
        message = f"{len(drawn)} persons to set its threshold on"
        raise refuse(WHERE, message, "give more persons, or turn it off")
    index = indexed(match, (pictures[place] for place in gallery), folder_of(pictures))
    asked = np.sort(drawn[:PERSONS])
    alike = np.zeros(len(asked))
    for some in blocks(len(asked), AT_ONCE):
        own = [np.flatnonzero(who[gallery] == who[row]).tolist() for row in asked[some]]
        variants = [match.of_candidate(pictures[row]) for row in asked[some]]
        alike[some] = index.most_alike(variants, without=own)[0]
        step.progress(some.stop, len(asked), "persons")
    return np.nan_to_num(alike)  # a picture without a variant is like none


def first_of_each(persons: Integers, rows: Integers) -> Integers:
    """Return the first of the rows of each person."""
    return np.asarray(rows[np.unique(persons[rows], return_index=True)[1]])


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
    firsts = first_of_each(table["person"].to_numpy(), rows)
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
    pictures: Stored,
    table: pd.DataFrame,
    families: Sequence[str],
    limit: float,
    settings: Mapping[str, Any],
    seed: int,
    step: Step,
) -> dict[str, Any]:
    """Altered pictures of test persons: above the threshold with their original, and nearer to it than to any other.

    Every picture is altered once by every family for `recognised`, and one of these perturbations is looked for among
    originals of other persons for `rank1`.
    """
    match, drawn = matcher(settings["matcher"]), seeds.generator(seed, "altered originals")
    tested = np.flatnonzero((table["role"] == "test").to_numpy())
    tested = np.sort(drawn.permutation(tested)[: settings["queries"]])
    others = np.flatnonzero((table["role"] != "heldout").to_numpy())
    others = np.sort(drawn.permutation(others)[: settings["gallery"]])
    gallery = [(int(table["person"].iloc[row]), match.template(pictures[row])) for row in others]
    events = np.zeros((len(families), len(tested)), bool)
    first = np.zeros(len(tested), bool)
    with perturber() as drawing:
        for number, row in enumerate(tested.tolist()):
            item, person = int(table["item"].iloc[row]), int(table["person"].iloc[row])
            own = match.template(pictures[row])
            alike = []
            for family in families:
                altered = drawing.alter(
                    pictures[row : row + 1], family, 1, seed, [item], PERTURBATION_STREAM
                )
                template = match.template(altered[0])
                nothing = template is None or own is None
                alike.append((template, -1.0 if nothing else match.similarity(own, template)))
            events[:, number] = [similarity > limit for _, similarity in alike]
            template, similarity = alike[number % len(families)]
            first[number] = template is not None and all(
                kept is None or whose == person or match.similarity(kept, template) < similarity
                for whose, kept in gallery
            )
            step.progress(number + 1, len(tested), "test pictures")
    who = table["person"].to_numpy()[tested]
    shares = {
        family: share_of_pictures(row, who, seed).as_dict()
        for family, row in zip(families, events, strict=True)
    }
    shares["all"] = share_of_pictures(events.ravel(), np.tile(who, len(families)), seed).as_dict()
    rank1 = {
        **share_of_pictures(first, who, seed).as_dict(),
        "gallery": len(gallery),
    }
    return {"recognised": shares, "rank1": rank1}
