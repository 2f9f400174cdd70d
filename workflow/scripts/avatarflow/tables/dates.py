"""Dates moved by a number of days that is one for all dates of a patient, so that his intervals stay.

References
----------
Hripcsak et al. 2016, J. Am. Med. Inform. Assoc. 23:1040-1045 (shift and truncate).
"""

import re
from datetime import date

from .pseudonyms import keyed

DAY = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)(?:[T ].*)?", re.ASCII)
FIRST_YEAR, LAST_YEAR = 1800, 2200


def day_of(text: str) -> int | None:
    """Return the day of a date or time, as `date.toordinal` numbers it; None where it is none.

    Written as 2026-03-01 or 20260301; what stands behind a T or a blank is left out.

    >>> day_of("2026-03-01 08:15") == day_of("20260301"), day_of("1.3.2026")
    (True, None)
    """
    parts = DAY.fullmatch(text.strip())
    if parts is None:
        return None
    year, month, day = (int(part) for part in parts.groups())
    try:
        return date(year, month, day).toordinal() if FIRST_YEAR <= year <= LAST_YEAR else None
    except ValueError:
        return None


def shift_days(key: bytes, scope: str, patient: str, most: int) -> int:
    """Return by how many days a patient's dates are moved: every number from -most to most is as likely."""
    drawn = int.from_bytes(keyed(key, "date shift", scope, patient)[:16], "big")
    return drawn % (2 * most + 1) - most


def written(day: int) -> str:
    """Return a day as 2026-03-01."""
    return date.fromordinal(day).isoformat()
