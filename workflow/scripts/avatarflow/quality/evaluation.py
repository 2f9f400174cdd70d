"""Everything that is measured on released pictures, in one call, as plain values."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import seeds
from ..runtime import Step
from .agreement import agreement
from .encoders import embed
from .fidelity import Features, Manifold, Scale, kernel_sums, kid, manifold
from .intervals import Figure, Floats, Ints, bootstrap_weights, share_over_persons
from .peer import pca_gaussian
from .samples import Sample

LEAST = 10
"""Pictures of a set below which no distance between sets is worth a figure."""

REPEATS = 5  # equal-sized draws that coverage is averaged over


class Sets(NamedTuple):
    """What is compared in one encoder: features on the common scale, and the person of each held-out or training row."""

    released: Features
    peer: Features
    training: Features
    heldout: Features
    training_persons: Ints
    heldout_persons: Ints


def evaluate(
    released: Sample,
    heldout: Sample,
    training: Sample,
    columns: Sequence[str],
    settings: Mapping[str, Any],
    seed: int,
    step: Step,
) -> dict[str, Any]:
    """Fidelity, coverage and agreement of released pictures, each with interval, floor and naive peer.

    Parameters
    ----------
    released : Sample
        Accepted synthetic pictures with their asked conditions; may be empty.
    heldout, training : Sample
        Real pictures of different persons, with `person` and the condition columns, of the same size as the released.
    columns : sequence of str
        The condition columns.
    settings : mapping
        The `evaluate` section of a release in the config.
    seed : int
    step : Step

    Returns
    -------
    dict
        `counts`, `encoders` (per encoder: `kid`, `kid_ratio`, `coverage`, `coverage_ratio`, `density`, `precision`, `recall`),
        `worst` (`kid_ratio` and `coverage_ratio` of the encoder where they are worst), `agreement` (per column, as in
        `quality.agreement`) and `settings`. Each figure is `{value, low, high, n}`; value None where it could not be measured.
    """
    cap = int(settings["pictures"])
    small = [s.at_most(cap, seed, f"evaluate.{n}") for n, s in (("released", released), ("training", training))]
    strangers = heldout.at_most(cap, seed, "evaluate.heldout")
    enough = min(len(s.table) for s in (*small, strangers)) >= LEAST
    peer = (
        pca_gaussian(small[1].pictures, len(small[0].table), seed, float(settings["pca_variance"])) if enough else None
    )
    encoders: dict[str, Any] = {}
    for name in settings["encoders"]:
        if peer is None:
            encoders[name] = _unmeasured()
            continue
        sets = _sets(name, small[0], Sample(peer, small[0].table), small[1], strangers)
        encoders[name] = {"dimensions": sets.released.shape[1], **_kernel_figures(sets, settings, seed)}
        encoders[name] |= _coverage_figures(sets, settings, seed)
        step.info("evaluated %d released pictures in encoder %s", len(sets.released), name)
    if not enough:
        step.warning("fewer than %d pictures in a set: fidelity is not measured", LEAST)
    found = {
        "counts": {"released": len(released.table), "heldout": _counts(heldout), "training": _counts(training)},
        "encoders": encoders,
        "worst": {
            "kid_ratio": _worst(encoders, "kid_ratio", max),
            "coverage_ratio": _worst(encoders, "coverage_ratio", min),
        },
        "agreement": agreement(training, heldout, released, columns, settings["classifier"], seed, step),
        "settings": dict(settings),
    }
    _note(found, step)
    return found


def _sets(encoder: str, released: Sample, peer: Sample, training: Sample, heldout: Sample) -> Sets:
    raw = embed(training.pictures, encoder)
    scale = Scale.fit(raw)
    others = [scale.apply(embed(sample.pictures, encoder)) for sample in (released, peer, heldout)]
    return Sets(others[0], others[1], scale.apply(raw), others[2], training.persons(), heldout.persons())


def _kernel_figures(sets: Sets, settings: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """KID of released, peer and training pictures to held-out ones (the last is the real-vs-real floor), and the ratio."""
    draws = int(settings["bootstrap"])
    persons = int(sets.heldout_persons.max()) + 1
    strangers = bootstrap_weights(persons, draws, seed, "heldout")
    values: dict[str, tuple[float, Floats]] = {}
    against: dict[str, tuple[Features, Ints, Features, Ints, Floats]] = {}
    made = np.arange(len(sets.released))
    for name, features, groups in (
        ("released", sets.released, made),
        ("pca_gaussian", sets.peer, made),
        ("real_floor", sets.training, sets.training_persons),
    ):
        against[name] = (features, groups, sets.heldout, sets.heldout_persons, strangers)
    training = bootstrap_weights(int(sets.training_persons.max()) + 1, draws, seed, "training")
    against["released_to_training"] = (sets.released, made, sets.training, sets.training_persons, training)
    for name, (x, x_groups, y, y_groups, weights) in against.items():
        sums = kernel_sums(x, y, x_groups, y_groups)
        own = bootstrap_weights(len(sums.x_sizes), draws, seed, name)
        values[name] = float(kid(sums)[0]), kid(sums, own, weights)
    figures = {name: Figure.bootstrapped(value, spread, persons).as_dict() for name, (value, spread) in values.items()}
    return {"kid": figures, "kid_ratio": _ratio(values["released"], values["pca_gaussian"], persons).as_dict()}


def _coverage_figures(sets: Sets, settings: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """Coverage and its fellows against held-out pictures, released and real ones in equal number."""
    neighbours, count = int(settings["neighbours"]), min(len(sets.released), len(sets.training))
    found = {
        name: _repeated(sets, features, count, neighbours, seed, name)
        for name, features in (("released", sets.released), ("real_floor", sets.training), ("pca_gaussian", sets.peer))
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
                figures[measure][name] = share_over_persons(values, persons[: len(values)]).as_dict()
            else:
                figures[measure][name] = _mean_figure(
                    values, seed, f"{measure}.{name}", int(settings["bootstrap"])
                ).as_dict()
    covered = [np.mean([part.covered for part in found[name]], axis=0) for name in ("released", "real_floor")]
    weights = bootstrap_weights(int(persons.max()) + 1, int(settings["bootstrap"]), seed, "coverage")
    figures["coverage_ratio"] = _coverage_ratio(covered[0], covered[1], persons, weights).as_dict()
    return figures


def _repeated(sets: Sets, features: Features, count: int, neighbours: int, seed: int, name: str) -> list[Manifold]:
    repeats = REPEATS if len(features) > count else 1
    parts = []
    for turn in range(repeats):
        rows = np.sort(seeds.generator(seed, f"coverage.{name}", turn).choice(len(features), count, replace=False))
        parts.append(manifold(sets.heldout, features[rows], sets.heldout_persons, neighbours))
    return parts


def _coverage_ratio(ours: Floats, floor: Floats, persons: Ints, weights: Floats) -> Figure:
    """Ratio of two coverages of the same held-out pictures; persons are drawn for both at once."""
    if not len(ours) or not len(floor) or not floor.sum():
        return Figure.missing()
    above, below = (np.bincount(persons, values, minlength=weights.shape[1]) for values in (ours, floor))
    spread = np.divide(weights @ above, weights @ below, out=np.full(len(weights), np.nan), where=weights @ below > 0)
    return Figure.bootstrapped(float(ours.sum() / floor.sum()), spread, weights.shape[1])


def _ratio(ours: tuple[float, Floats], peer: tuple[float, Floats], n: int) -> Figure:
    """Our KID over the peer's; missing where the peer cannot be told from real pictures, for then nothing is measured."""
    if not peer[0] > 0 or not np.nanpercentile(peer[1], 2.5) > 0:
        return Figure.missing(n)
    return Figure.bootstrapped(ours[0] / peer[0], ours[1] / peer[1], n)


def _mean_figure(values: Floats, seed: int, purpose: str, draws: int) -> Figure:
    if not len(values):
        return Figure.missing()
    weights = bootstrap_weights(len(values), draws, seed, purpose)
    return Figure.bootstrapped(float(np.mean(values)), weights @ values / len(values), len(values))


def _worst(encoders: Mapping[str, Any], name: str, pick: Any) -> dict[str, Any]:
    """The figure of the encoder where it is worst; missing if it is missing in any encoder."""
    figures = {encoder: found[name] for encoder, found in encoders.items()}
    if not figures or any(figure["value"] is None for figure in figures.values()):
        return {**Figure.missing().as_dict(), "encoder": None}
    encoder = pick(figures, key=lambda key: figures[key]["value"])
    return {**figures[encoder], "encoder": encoder}


def _unmeasured() -> dict[str, Any]:
    missing = Figure.missing().as_dict()
    return {name: missing for name in ("kid_ratio", "coverage_ratio")} | {
        name: {} for name in ("kid", "coverage", "density", "precision", "recall")
    }


def _counts(sample: Sample) -> dict[str, int]:
    return {"pictures": len(sample.table), "persons": len(np.unique(sample.persons()))}


def _note(found: Mapping[str, Any], step: Step) -> None:
    """Send the leading figures to the run record."""
    for encoder, figures in found["encoders"].items():
        for name in ("kid", "coverage", "density", "precision", "recall"):
            for which, figure in figures[name].items():
                if figure["value"] is not None:
                    step.metric(f"{name}.{which}.{encoder}", figure["value"])
    for column, figures in found["agreement"].items():
        for name in ("asked", "heldout_accuracy", "shuffled"):
            if figures[name]["value"] is not None:
                step.metric(f"agreement.{name}.{column}", figures[name]["value"])
