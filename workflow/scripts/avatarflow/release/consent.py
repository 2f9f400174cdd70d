"""What a certificate says of the patients' consent: checked here, declared by somebody, or not needed."""

from collections.abc import Mapping
from typing import Any

from avatarflow.core.errors import refuse
from avatarflow.intake.fhir.uses import is_given

NOBODY = "nobody"


def consent_section(entry: Mapping[str, Any], pool: Mapping[str, Any]) -> dict[str, Any]:
    """Return `checked` and `text`, and where consents were checked what was asked and counted.

    Parameters
    ----------
    entry : mapping
        The config entry of a release.
    pool : mapping
        The pool's summary.

    Raises
    ------
    AvatarflowError
        If the pool was not made with the consents that the entry asks for.
    """
    asked, counted = entry["consent"], pool.get("consent")
    if entry["source"]["generate"] is not None:
        return {
            "checked": False,
            "text": "consent: not needed, the originals are generated and nobody's",
        }
    if not is_given(asked):
        by = asked["declared_by"] or NOBODY
        return {"checked": False, "text": f"consent: not checked here, declared by {by}"}
    same = counted is not None and all(
        counted[key] == value
        for key, value in (
            ("require", sorted(asked["require"])),
            ("collected", asked["collected"]),
            ("until", asked["until"] or counted["day"]),
        )
    )
    if not counted or not same:
        found = "made without the consents that the entry asks for"
        raise refuse("pool", found, "delete it, and start again")
    return {"checked": True, "text": _text(counted), **counted}


def _text(counted: Mapping[str, Any]) -> str:
    """Say in one sentence what was decided."""
    patients = dict(counted["patients"])
    permitted, total = patients.pop("permit", 0), sum(counted["patients"].values())
    left_out = ", ".join(f"{count} {outcome}" for outcome, count in patients.items()) or "nobody"
    collected = counted["collected"]
    days = f"taken on days that {collected} permits" if collected else "day of picture not checked"
    return (
        f"consent: checked for {counted['day']} to {counted['until']}; {permitted} of {total} patients permit "
        f"{', '.join(counted['require'])} ({days}); left out: {left_out}"
    )
