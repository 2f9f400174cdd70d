"""One encoder's comparison of released, real and naive pictures: the fidelity figures with their intervals."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from avatarflow.core import seeds
from avatarflow.core.arrays import Floats, Integers, Rows
from avatarflow.core.statistics import Estimate, bootstrap_weights, share_over_persons

from .encoders import embed
from .fidelity import Manifold, Scale, kernel_sums, kid, manifold
from .samples import Sample

REPEATS = 5  # equal-sized draws that coverage is averaged over


class Sets(NamedTuple):
    """What is compared in one encoder: features on the common scale, and the person of each real row."""

    released: Rows
    baseline: Rows
    training: Rows
    heldout: Rows
    training_persons: Integers
    heldout_persons: Integers


def compare(
    encoder: str,
    released: Sample,
    baseline: Sample,
    training: Sample,
    heldout: Sample,
    settings: Mapping[str, Any],
    seed: int,
) -> dict[str, Any]:
    """Fidelity in one encoder.

    Parameters
    ----------
    encoder : str
        A name in `encoders.ENCODERS`.
    released, baseline : Sample
        Synthetic pictures, and as many of the naive baseline.
    training, heldout : Sample
        Real pictures with `person`.
    settings : mapping
        `bootstrap` (draws) and `neighbours` (k of coverage).
    seed : int

    Returns
    -------
    dict
        `dimensions`; per measure (`kid`, `coverage`, `recall`, `precision`, `density`) figures of `released`,
        `baseline` and `real_floor`; `kid_ratio` (to the baseline) and `coverage_ratio` (to the floor).
    """
    sets = _sets(encoder, released, baseline, training, heldout)
    return {
        "dimensions": int(sets.released.shape[1]),
        **_kernel_figures(sets, settings, seed),
        **_coverage_figures(sets, settings, seed),
    }


def _sets(
    encoder: str, released: Sample, baseline: Sample, training: Sample, heldout: Sample
) -> Sets:
    raw = embed(training.pictures, encoder)
    scale = Scale.fit(raw)
    others = [
        scale.apply(embed(sample.pictures, encoder)) for sample in (released, baseline, heldout)
    ]
    return Sets(
        others[0], others[1], scale.apply(raw), others[2], training.persons(), heldout.persons()
    )


def _kernel_figures(sets: Sets, settings: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """KID of released, baseline and training pictures (the real-vs-real floor) to held-out ones, and the ratio."""
    draws = int(settings["bootstrap"])
    persons = int(sets.heldout_persons.max()) + 1
    held_out = bootstrap_weights(persons, draws, seed, "heldout")
    values: dict[str, tuple[float, Floats]] = {}
    against: dict[str, tuple[Rows, Integers, Rows, Integers, Floats]] = {}
    made = np.arange(len(sets.released))
    for name, features, groups in (
        ("released", sets.released, made),
        ("baseline", sets.baseline, made),
        ("real_floor", sets.training, sets.training_persons),
    ):
        against[name] = (features, groups, sets.heldout, sets.heldout_persons, held_out)
    training = bootstrap_weights(int(sets.training_persons.max()) + 1, draws, seed, "training")
    against["released_to_training"] = (
        sets.released,
        made,
        sets.training,
        sets.training_persons,
        training,
    )
    for name, (x, x_groups, y, y_groups, weights) in against.items():
        sums = kernel_sums(x, y, x_groups, y_groups)
        own = bootstrap_weights(len(sums.x_sizes), draws, seed, name)
        values[name] = float(kid(sums)[0]), kid(sums, own, weights)
    figures = {
        name: Estimate.bootstrapped(value, spread, persons).as_dict()
        for name, (value, spread) in values.items()
    }
    return {
        "kid": figures,
        "kid_ratio": _ratio(values["released"], values["baseline"], persons).as_dict(),
    }


def _coverage_figures(sets: Sets, settings: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """Coverage and its fellows against held-out pictures, released and real ones in equal number."""
    neighbours, count = int(settings["neighbours"]), min(len(sets.released), len(sets.training))
    found = {
        name: _repeated(sets, features, count, neighbours, seed, name)
        for name, features in (
            ("released", sets.released),
            ("real_floor", sets.training),
            ("baseline", sets.baseline),
        )
    }
    persons = sets.heldout_persons
    figures: dict[str, Any] = {}
    for measure, field in (
        ("coverage", "covered"),
        ("recall", "recalled"),
        ("precision", "precise"),
        ("density", "dense"),
    ):
        figures[measure] = {}
        for name, parts in found.items():
            values = np.mean([getattr(part, field) for part in parts], axis=0)
            if field in ("covered", "recalled"):
                figures[measure][name] = share_over_persons(
                    values, persons[: len(values)]
                ).as_dict()
            else:
                figures[measure][name] = _mean_figure(
                    values, seed, f"{measure}.{name}", int(settings["bootstrap"])
                ).as_dict()
    covered = [
        np.mean([part.covered for part in found[name]], axis=0)
        for name in ("released", "real_floor")
    ]
    weights = bootstrap_weights(
        int(persons.max()) + 1, int(settings["bootstrap"]), seed, "coverage"
    )
    figures["coverage_ratio"] = _coverage_ratio(covered[0], covered[1], persons, weights).as_dict()
    return figures


def _repeated(
    sets: Sets, features: Rows, count: int, neighbours: int, seed: int, name: str
) -> list[Manifold]:
    repeats = REPEATS if len(features) > count else 1
    parts = []
    for turn in range(repeats):
        rows = np.sort(
            seeds.generator(seed, f"coverage.{name}", turn).choice(
                len(features), count, replace=False
            )
        )
        parts.append(manifold(sets.heldout, features[rows], sets.heldout_persons, neighbours))
    return parts


def _coverage_ratio(ours: Floats, floor: Floats, persons: Integers, weights: Floats) -> Estimate:
    """Ratio of two coverages of the same held-out pictures; persons are drawn for both at once."""
    if not len(ours) or not len(floor) or not floor.sum():
        return Estimate.missing()
    above, below = (
        np.bincount(persons, values, minlength=weights.shape[1]) for values in (ours, floor)
    )
    spread = np.divide(
        weights @ above,
        weights @ below,
        out=np.full(len(weights), np.nan),
        where=weights @ below > 0,
    )
    return Estimate.bootstrapped(float(ours.sum() / floor.sum()), spread, weights.shape[1])


def _ratio(ours: tuple[float, Floats], baseline: tuple[float, Floats], n: int) -> Estimate:
    """Return our KID over the baseline's, or a missing value where the baseline cannot be told from real pictures."""
    if not baseline[0] > 0 or not np.nanpercentile(baseline[1], 2.5) > 0:
        return Estimate.missing(n)
    return Estimate.bootstrapped(ours[0] / baseline[0], ours[1] / baseline[1], n)


def _mean_figure(values: Floats, seed: int, purpose: str, draws: int) -> Estimate:
    if not len(values):
        return Estimate.missing()
    weights = bootstrap_weights(len(values), draws, seed, purpose)
    return Estimate.bootstrapped(
        float(np.mean(values)), weights @ values / len(values), len(values)
    )
