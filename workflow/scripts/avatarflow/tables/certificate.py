"""The certificate of a table of labels: what was asked and measured, each gate, what is claimed and what is not."""

from collections.abc import Mapping
from typing import Any

from avatarflow.core.gates import Gate
from avatarflow.core.outcomes import PASS
from avatarflow.core.results import clean

from .gates import not_checked, passed

VERSION = 1
ASKED = ("identifiers", "dates", "date_shift_days", "quasi_identifiers", "sensitive", "gates")


def certificate(
    name: str, gates: list[Gate], settings: Mapping[str, Any], measured: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the certificate as plain values with sorted keys: no time, host, path or value of a cell.

    Parameters
    ----------
    name : str
        The entry's name in the config.
    gates : list of Gate
    settings : mapping
        The entry; of a hierarchy's file it is said only that there is one.
    measured : mapping
    """
    asked = {key: settings[key] for key in ASKED}
    asked["quasi_identifiers"] = {
        column: {key: True if key == "file" else value for key, value in part.items() if value}
        for column, part in asked["quasi_identifiers"].items()
    }
    return decided(
        name,
        gates,
        settings,
        not_checked=not_checked(settings),
        asked=asked,
        measured=dict(measured),
        claim=claim(settings),
    )


def decided(
    name: str, gates: list[Gate], settings: Mapping[str, Any], **parts: Any
) -> dict[str, Any]:
    """Return what every certificate of a table says of its gates, and the parts of this kind, as plain values."""
    plain: dict[str, Any] = clean(
        {
            "version": VERSION,
            "release": name,
            "decision": PASS if passed(gates, settings) else "refuse",
            "reasons": [f"{gate.name}: {gate.result}" for gate in gates if gate.result != PASS],
            "gates": [gate.as_dict() for gate in gates],
            **parts,
        }
    )
    return plain


def claim(settings: Mapping[str, Any]) -> list[str]:
    """Return what is claimed and what is not, as sentences."""
    sentences = [
        "Every released patient is one of at least as many as the gate asks for who have the same whole set of "
        "quasi-identifiers. Patients are counted, not rows.",
        "Which columns are quasi-identifiers and which are sensitive was declared and not found out. The figures hold "
        "for attackers who know those quasi-identifiers and nothing else of a patient.",
        "How many rows a patient has is not hidden.",
        "Columns that are in no list of the configuration were left out.",
    ]
    if settings["identifiers"]:
        sentences.append(
            "Identifiers are replaced by keyed pseudonyms. Whoever has the key can compute them again, so the table "
            "is pseudonymous for him; with the key destroyed nobody can."
        )
    if settings["dates"]:
        sentences.append(
            f"All dates of a patient are moved by one number of days, at most {settings['date_shift_days']}. The days "
            "between his dates stay as they are, and can single out a patient with several dates; "
            "linkage_with_dates, prosecutor_risk_with_dates and singled_out measure it."
        )
    if not settings["sensitive"]:
        sentences.append(
            "No column was declared sensitive, so nothing is said about what a class of patients has in common."
        )
    return [
        *sentences,
        "Consents and withdrawals of the patients are not checked here.",
        "It is no proof of anonymity.",
    ]
