"""Identifiers as they are compared, and the words that say that there is none."""

import re
import unicodedata

MISSING = frozenset({
    "na", "n/a", "n.a.", "n. a.", "n.d.", "nan", "-nan", "nat", "none", "null", "nil", "(null)",
    "\\n", "<na>",
    "#n/a", "#n/a n/a", "#nv", "#ref!", "#value!", "#null!", "1.#qnan", "1.#ind", "undefined",
    "unspecified",
    "unknown", "not known", "not available", "not applicable", "missing", "empty", "blank",
    "(blank)", "no id",
    "unbekannt", "nicht bekannt", "keine angabe", "k.a.", "k. a.", "leer", "tbd", "anonymous",
    "anonym",
})  # fmt: skip
"""As `normalised` leaves them; a value without a letter or digit is missing, too."""
DASHES = dict.fromkeys((*range(0x2010, 0x2016), 0x2212), "-")
UNSEEN = ("Cf", "Cc")  # Unicode's format and control characters


def normalised(value: str | None) -> str | None:
    """Write an identifier as it is compared, or None where it says that there is none.

    Spellings that exports and spreadsheets mix become one: Unicode forms, characters that are not seen, dashes, blanks,
    case, leading zeros, `1.0` for `1`. Two patients who differ in nothing else are taken for one, the safe side: nobody
    is both trained on and held out.
    """
    if not isinstance(value, str):  # None, and what pandas puts in its place
        return None
    text = " ".join(_plain(value).split()).casefold()
    if re.fullmatch(r"[0-9]+(\.0+)?", text):
        text = text.partition(".")[0].lstrip("0") or "0"
    return None if text in MISSING or not any(letter.isalnum() for letter in text) else text


def _plain(value: str) -> str:
    if value.isascii() and value.isprintable():
        return value
    text = unicodedata.normalize("NFKC", value).translate(DASHES)
    return "".join(
        each for each in text if each.isspace() or unicodedata.category(each) not in UNSEEN
    )
