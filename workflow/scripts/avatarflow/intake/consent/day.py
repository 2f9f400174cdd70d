"""The day for which consents are judged: an earlier one stays in force as long as no decision can have changed.

Without that, every new day would make a release again. Imported while Snakemake parses: standard library only.
"""

from datetime import date
from pathlib import Path
from typing import Any

from avatarflow.core.paths import read_json, write_json

VARIABLE = "AVATARFLOW_DAY"
"""Where a run tells its jobs the day that it began on, so that none of them decides for another one."""


def day_to_judge(record: str | Path, state: str, today: date) -> str:
    """Return the day to judge consents for, as YYYY-MM-DD.

    Parameters
    ----------
    record : path
        What `write_day` left, if anything.
    state : str
        Digest of all that decisions depend on but the day: settings, consent files, manifest.
    today : date
    """
    try:
        kept: Any = read_json(record)
        judged = date.fromisoformat(kept["day"])
        before = kept["unchanged_before"]
        ahead = before is None or today < date.fromisoformat(before)
        if kept["state"] == state and judged <= today and ahead:
            return judged.isoformat()
    except (OSError, ValueError, KeyError, TypeError):
        pass  # no record, or one that says nothing: judge for today
    return today.isoformat()


def write_day(record: str | Path, state: str, day: str, unchanged_before: str | None) -> None:
    """Note the day that was judged for, and the first day on which a decision may be another one."""
    write_json(record, {"day": day, "state": state, "unchanged_before": unchanged_before})
