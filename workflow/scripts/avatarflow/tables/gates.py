"""The gates before a table of labels: what is held, which way, and what it is in plain words."""

from collections.abc import Mapping
from typing import Any

from avatarflow.core.gates import (
    AT_LEAST,
    AT_MOST,
    OPEN,
    WHOLE,
    Gate,
    Rule,
    Unit,
    all_pass,
    hold_each,
    switched_off,
)
from avatarflow.core.statistics import Estimate

PATIENTS = Unit("share of patients", "patients")

EPSILON = "epsilon"
"""The gate of synthetic tables; none of the others looks at one, since its rows are nobody's."""

RULES: dict[str, Rule] = {
    EPSILON: Rule(
        AT_MOST,
        "epsilon of this measurement and everything else that its ledger holds, at the delta of the entry",
        Unit("epsilon", "measurements", OPEN),
    ),
    "k_anonymity": Rule(
        AT_LEAST,
        "fewest patients who cannot be told apart by their quasi-identifiers",
        Unit("patients", "patients", WHOLE),
    ),
    "l_diversity": Rule(
        AT_LEAST,
        "fewest different known values of the sensitive column among such patients",
        Unit("values", "patients", WHOLE),
        off=1.0,
    ),
    "entropy_l_diversity": Rule(
        AT_LEAST,
        "the same with values counted by how common they are (exp of the entropy)",
        Unit("effective values", "patients", OPEN),
        off=1.0,
    ),
    "t_closeness": Rule(
        AT_MOST,
        "largest distance of the sensitive values among such patients from those of all",
        Unit("distance of distributions", "patients"),
        off=1.0,
    ),
    "suppression": Rule(AT_MOST, "share of the patients who were left out", PATIENTS),
    "prosecutor_risk": Rule(
        AT_MOST,
        "largest chance to name a patient rightly, for somebody who knows that he is in the table",
        Unit("chance", "patients"),
        off=1.0,
    ),
    "linkage": Rule(
        AT_MOST,
        "share of patients named rightly by the linkage attack with their quasi-identifiers, upper end",
        PATIENTS,
        bound=True,
        off=1.0,
    ),
    "linkage_with_dates": Rule(
        AT_MOST,
        "the same, where the attacker also knows the days of all dates in each row of a patient, upper end",
        PATIENTS,
        bound=True,
        off=1.0,
    ),
    "prosecutor_risk_with_dates": Rule(
        AT_MOST,
        "largest chance to name a patient rightly, for somebody who also knows the days of all dates in each row",
        Unit("chance", "patients"),
        off=1.0,
    ),
    "singled_out": Rule(
        AT_MOST,
        "share of patients whom nobody else in the table fits, for the same attacker, upper end",
        PATIENTS,
        bound=True,
        off=1.0,
    ),
}
OF_DATES = ("linkage_with_dates", "prosecutor_risk_with_dates", "singled_out")
OF_SENSITIVE = ("l_diversity", "entropy_l_diversity", "t_closeness")
"""There is one of each for every sensitive column, as `l_diversity.<column>`."""


def expected(settings: Mapping[str, Any]) -> list[str]:
    """Return the gates that an entry's table must pass, those that are switched off left out."""
    if settings["marginals"] is not None:
        return [EPSILON]
    off = switched_off(RULES, settings["gates"])
    names = []
    for kind in RULES:
        if kind == EPSILON or kind in off or (kind in OF_DATES and not settings["dates"]):
            continue
        columns = settings["sensitive"] if kind in OF_SENSITIVE else [None]
        names += [kind if column is None else f"{kind}.{column}" for column in columns]
    return names


def not_checked(settings: Mapping[str, Any]) -> list[str]:
    """Return the gates that are switched off, or have nothing to look at since no column is called sensitive."""
    off = switched_off(RULES, settings["gates"])
    return [
        kind
        for kind in RULES
        if kind in off or (kind in OF_SENSITIVE and not settings["sensitive"])
    ]


def hold_all(figures: Mapping[str, Estimate], settings: Mapping[str, Any]) -> list[Gate]:
    """Hold every gate that is asked for; one without a figure or a threshold is inconclusive."""
    return hold_each(expected(settings), RULES, figures, settings["gates"])


def passed(gates: list[Gate], settings: Mapping[str, Any]) -> bool:
    """Whether the table may be published: every gate that is asked for is there, once, and passes."""
    return [gate.name for gate in gates] == expected(settings) and all_pass(gates)
