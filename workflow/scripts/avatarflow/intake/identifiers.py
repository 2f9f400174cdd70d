"""Identifiers as they are compared, and the words that say that there is none."""

import re
import string
import unicodedata

MISSING = frozenset(
    """
    na|n/a|n.a|n. a|n a|n.d|n.v|nan|nat|none|null|nil|void|\\n|#n/a n/a|#nv|#ref!|#value!|#name?|#num!|#div/0!|1.#qnan
    1.#ind|inf|error|false|no|x|xxx|undefined|unspecified|unknown|unk|not known|not available|not applicable
    not recorded|not given|none given|missing|empty|blank|no id|pending|tbd|tbc|dummy|test|redacted|removed|deleted
    anonymous|anonym|anon|anonymized|anonymised|unbekannt|unbek|nicht bekannt|keine|keine angabe|ohne|k.a|k. a|leer
    nicht erfasst|nicht angegeben|n.n|nn|n.b|n. b|n. bek|o.a|o. a|kein|ohne id|fehlt|siehe akte
    not provided|not entered|withheld|masked|deidentified|de-identified|[phi]|xxxx
    inconnu|inconnue|non connu|non disponible|non renseigné|desconocido|sin datos|no disponible
    onbekend|未知|不明
    """.strip()
    .replace("\n    ", "|")
    .split("|")
)
"""As `spelled` leaves them, with or without marks around; a value without a letter or digit is missing, too."""
AROUND = string.punctuation + "“”„«»‹›…¿¡ "
APOSTROPHES = "'’"  # with which spreadsheets mark text
DASHES = dict.fromkeys((*range(0x2010, 0x2016), 0x2212), "-")
UNSEEN = ("Cf", "Cc")  # Unicode's format and control characters


def normalised(value: str | None) -> str | None:
    """Write an identifier as it is compared, or None where it says that there is none.

    Two patients whose identifiers `spelled` makes equal are taken for one, the safe side: nobody is both trained on
    and held out.
    """
    if not isinstance(value, str):  # None, and what pandas puts in its place
        return None
    text = spelled(value)
    missing = text in MISSING or text.strip(AROUND) in MISSING
    return None if missing or not any(letter.isalnum() for letter in text) else text


def spelled(value: str) -> str:
    """Make one of the spellings that exports and spreadsheets mix.

    Unicode forms, characters that are not seen, dashes, blanks, case, an apostrophe before, a dot behind, `.0` behind a
    digit, and the zeros before a whole number.
    """
    text = " ".join(_plain(value).split()).casefold().lstrip(APOSTROPHES).rstrip(".")
    text = re.sub(r"(?<=[0-9])\.0+$", "", text).strip()
    return (text.lstrip("0") or "0") if re.fullmatch("[0-9]+", text) else text


def _plain(value: str) -> str:
    if value.isascii() and value.isprintable():
        return value
    text = unicodedata.normalize("NFKC", value).translate(DASHES)
    return "".join(
        each for each in text if each.isspace() or unicodedata.category(each) not in UNSEEN
    )
