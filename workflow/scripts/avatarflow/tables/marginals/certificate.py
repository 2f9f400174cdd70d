"""The certificate of a synthetic table: nothing in it was measured without noise, so that it can be published."""

from collections.abc import Mapping
from typing import Any

from avatarflow.core.gates import Gate
from avatarflow.tables.certificate import decided
from avatarflow.tables.gates import EPSILON, RULES


def certificate(
    name: str, gates: list[Gate], settings: Mapping[str, Any], measured: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the certificate as plain values: no time, host, path or figure of the true table.

    Parameters
    ----------
    name : str
    gates : list of Gate
    settings : mapping
        The entry.
    measured : mapping
    """
    asked = {key: value for key, value in settings["marginals"].items() if key != "ledger"}
    return decided(
        name,
        gates,
        settings,
        not_checked=[],
        not_applicable=[kind for kind in RULES if kind != EPSILON],
        asked={
            "quasi_identifiers": list(settings["quasi_identifiers"]),
            "sensitive": list(settings["sensitive"]),
            "marginals": asked,
            "gates": {EPSILON: settings["gates"][EPSILON]},
        },
        measured=dict(measured),
        claim=claim(measured),
    )


def claim(measured: Mapping[str, Any]) -> list[str]:
    """Return what is claimed and what is not, as sentences."""
    spent, in_all = measured["epsilon"], measured["ledger"]["epsilon"]
    return [
        f"The table was drawn from counts that were measured with differential privacy: epsilon {spent:.6g} at delta "
        f"{measured['delta']:.6g} for one patient more or less. With everything else in its ledger it is epsilon "
        f"{in_all:.6g}.",
        "The rows are nobody's. So k-anonymity, l-diversity, t-closeness, suppression and risks by class say nothing: "
        "those gates do not apply, and none of them passed.",
        "A patient with several rows counts with one, the first in the order of the domains; one with two ids counts "
        "twice, and is protected by twice as much epsilon.",
        f"It is measurement {measured['measurement']} of this entry: the data may have changed since it was made.",
        "Which values a column may have comes from the configuration, which must not have been taken from the data.",
        "Not protected: what is true of people like a patient, whether he takes part or not; other tables of the same "
        "patients that are not in the ledger; and that a run stopped, at a value outside of its domain or a manifest.",
        "Only the counts of the named sets of columns are kept, less the noise. Whatever else the rows seem to say is "
        "made up.",
        "The noise comes from the operating system and from no seed. The same table can be made again only with the "
        "ledger, which is internal.",
        "Consents and withdrawals of the patients are not checked here.",
    ]
