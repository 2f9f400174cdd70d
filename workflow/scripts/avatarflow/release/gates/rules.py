"""The gates of a release of pictures: which figures are held, which way, and what they are in plain words."""

from collections.abc import Mapping
from typing import Any

from avatarflow.core.gates import AT_LEAST, AT_MOST, OPEN, WHOLE, Gate, Rule, Unit, hold
from avatarflow.core.statistics import Estimate
from avatarflow.reads.release.gates import RULES as OF_READS
from avatarflow.tables.gates import RULES as OF_TABLES

PICTURES = Unit("share of pictures", "pictures")
REAL_PICTURES = Unit("share of pictures", "patients")

RULES: dict[str, Rule] = {
    "missed_patients": Rule(
        AT_MOST,
        "share of patients (test: who set nothing; seen: whom the encoder has seen) with an altered original that the "
        "filter accepts, at the upper end of its interval",
        Unit("share of patients", "patients"),
        bound=True,
    ),
    "specificity": Rule(
        AT_LEAST,
        "share of real pictures of persons never trained on that the filter accepts",
        REAL_PICTURES,
    ),
    "verifier_matches": Rule(
        AT_MOST,
        "share of generated pictures outside every cone that the verifier takes for an original",
        PICTURES,
    ),
    "different_pictures": Rule(
        AT_LEAST, "share of the released pictures that are left when each is counted once", PICTURES
    ),
    "agreement": Rule(
        AT_LEAST, "share of released pictures that show the asked condition", PICTURES
    ),
    "classifier_accuracy": Rule(
        AT_LEAST,
        "share of held-out real pictures whose condition the classifier that measures agreement reads right",
        REAL_PICTURES,
    ),
    "shuffled_control": Rule(
        AT_MOST,
        "how far the control classifier, trained on shuffled labels, is from chance",
        Unit("distance from chance, share of pictures", "pictures"),
    ),
    "kid_ratio": Rule(
        AT_MOST,
        "distance to held-out real pictures over that of a PCA-Gaussian sampler",
        Unit("ratio of distances", "patients", OPEN),
    ),
    "coverage_ratio": Rule(
        AT_LEAST,
        "coverage of held-out real pictures over that of real pictures",
        Unit("ratio of coverages", "patients", OPEN),
    ),
    "attack_auc": Rule(
        AT_MOST,
        "AUC of the most successful attack on the released pictures, at the end of its interval, on either side of 0.5",
        Unit("AUC (0.5: chance)", "patients"),
        bound=True,
        off=1.0,
    ),
    "shown_leaks": Rule(
        AT_MOST,
        "attacks on the released pictures that show a leak beyond doubt",
        Unit("attacks", "attacks", WHOLE),
    ),
    "canaries_found": Rule(
        AT_MOST,
        "planted canaries, trained on by the teacher, that released pictures show",
        Unit("canaries", "canaries", WHOLE),
    ),
    "anatomy": Rule(
        AT_LEAST,
        "share of the generated pictures accepted by cones and verifier that show what belongs into such a picture, at "
        "the lower end of its interval",
        PICTURES,
        bound=True,
    ),
    "released_count": Rule(
        AT_LEAST, "released pictures of the condition", Unit("pictures", "pictures", WHOLE)
    ),
    "smallest_condition": Rule(
        AT_LEAST,
        "fewest patients trained on who have a combination of conditions that released pictures show",
        Unit("patients", "patients", WHOLE),
    ),
}
"""Every gate there is. `missed_patients` appears once per kind of patient, and `agreement`, `classifier_accuracy`,
`shuffled_control` and `released_count` once per column or condition, as `agreement.<column>`, with one threshold."""

OF_CONDITIONS = ("agreement", "classifier_accuracy", "shuffled_control", "smallest_condition")
WHERE_ASKED = ("canaries_found", "anatomy", *OF_CONDITIONS)
"""Gates that are there only where the config asks for what they hold: without a threshold nothing was asked."""


def rule_of(gate: str) -> Rule:
    """Return the rule of a gate of pictures, of reads or of tables, whatever column or condition it is of."""
    return {**OF_TABLES, **OF_READS, **RULES}[gate.partition(".")[0]]


def hold_all(figures: Mapping[str, Estimate], thresholds: Mapping[str, Any]) -> list[Gate]:
    """Hold every figure against its gate, in the order of `RULES`; a gate without any figure is inconclusive.

    Gates that the thresholds switch off are left out.

    Parameters
    ----------
    figures : mapping of gate name to Estimate
        As from `figures.release_figures`.
    thresholds : mapping of gate name to number
        The `gates` section of the config, and those of `WHERE_ASKED` that were asked for.

    Raises
    ------
    ValueError
        If a figure belongs to no gate.
    """
    unknown = sorted(name for name in figures if name.partition(".")[0] not in RULES)
    if unknown:
        raise ValueError(
            f"gates: figures without a gate: {', '.join(unknown)}; name gates of RULES"
        )
    gates = []
    for kind in RULES:
        own = {name: figure for name, figure in figures.items() if name.partition(".")[0] == kind}
        if kind in WHERE_ASKED and kind not in thresholds and not own:
            continue
        if RULES[kind].is_off(thresholds.get(kind)):
            continue
        for name, figure in (own or {kind: Estimate.missing()}).items():
            gates.append(hold(name, RULES[kind], figure, thresholds.get(kind)))
    return gates
