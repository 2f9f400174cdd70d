"""Releases that may be out: what they are known by, and what is known of a patient's risk in them."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from avatarflow.core.digest import file_sha256
from avatarflow.core.paths import read_json
from avatarflow.release.checksums import CHECKSUMS, SIGNATURE
from avatarflow.runs.closing_lines import read_decision

from .patients import Gone
from .provenance import Output, home_of

CERTIFICATE = "release/certificate.json"
NOT_KNOWN = "not known: it was made of an earlier pool, or the files that tell are gone"


def releases_out(
    entry: str, gone: Gone | None, outputs: Iterable[Output]
) -> tuple[dict[str, Any] | None, dict[int, dict[str, Any]]]:
    """Describe the release of an entry, if it was released; nobody knows here who has copied it.

    Parameters
    ----------
    entry : str
        Such as `releases/eyes`.
    gone : Gone or None
        The patients in its pool; None where only a model that it started from goes back to them.
    outputs : list of Output
        As from `read_outputs`.

    Returns
    -------
    The release for the protocol, without identity, and the risk of each person for the internal list.
    """
    home = Path(home_of(entry))
    certificate = home / CERTIFICATE
    decision, _ = read_decision(certificate)
    if decision != "released":
        return None, {}
    folder = certificate.parent
    sums = folder / CHECKSUMS
    persons = _risks(home, gone) if gone and _is_of_this_pool(home, outputs) else {}
    return {
        "certificate_sha256": file_sha256(certificate),
        "checksums_sha256": file_sha256(sums) if sums.is_file() else None,
        "signed": (folder / f"{CHECKSUMS}{SIGNATURE}").is_file(),
        "with_generator": (folder / "model").is_dir(),
        "risk": _together(persons) if persons else NOT_KNOWN,
    }, persons


def _is_of_this_pool(home: Path, outputs: Iterable[Output]) -> bool:
    """Whether pool, decisions and certificate were made one after the other: else rows mean other pictures."""
    ended = {output.path: output.ended for output in outputs}
    names = ("pool/pictures", "privacy/student.decisions.parquet", CERTIFICATE)
    times = [ended.get(f"{home}/{name}") for name in names]
    known = [time for time in times if time is not None]
    return len(known) == len(names) and known == sorted(known)


def _risks(home: Path, gone: Gone) -> dict[int, dict[str, Any]]:
    """Return what the filter and the attacks said of each person."""
    try:
        decisions = pd.read_parquet(home / "privacy/student.decisions.parquet")
        attacks = read_json(home / "attacks/attacks.json")["rows"]
    except (OSError, ValueError, KeyError):
        return {}
    return {person: _risk(decisions, attacks, person, gone.rows[person]) for person in gone.causes}


def _risk(
    decisions: pd.DataFrame, attacks: list[Mapping[str, Any]], person: int, rows: Iterable[int]
) -> dict[str, Any]:
    """Return one person's: candidates whose matched original is theirs, and attacks in which nobody fared worse.

    `smallest_ratio` is angle by threshold of the accepted candidate that comes nearest; above 1 is outside the cone.
    """
    near = decisions[decisions["matched_original"].isin(list(rows))]
    accepted = near[near["accepted"]]
    worst = [one for one in attacks if (one.get("worst") or {}).get("person") == person]
    return {
        "candidates_nearest": len(near),
        "accepted": len(accepted),
        "rejected": len(near) - len(accepted),
        "smallest_ratio": float(accepted["risk"].min()) if len(accepted) else None,
        "attacks": len(attacks),
        "worst_in_attacks": len(worst),
        "attack_conclusions": sorted({str(one.get("conclusion")) for one in worst}),
    }


def _together(persons: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    """Return counts over all persons and the worst of them, without saying who that is."""
    each = list(persons.values())
    ratios = [one["smallest_ratio"] for one in each if one["smallest_ratio"] is not None]
    return {
        "candidates_nearest": sum(one["candidates_nearest"] for one in each),
        "accepted": sum(one["accepted"] for one in each),
        "rejected": sum(one["rejected"] for one in each),
        "smallest_ratio": min(ratios, default=None),
        "attacks": each[0]["attacks"],
        "worst_in_attacks": sum(one["worst_in_attacks"] for one in each),
        "attack_conclusions": sorted({text for one in each for text in one["attack_conclusions"]}),
    }
