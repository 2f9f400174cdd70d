"""Names of reads as machines and archives write them: what two mates share, and by what they tell themselves apart.

References
----------
Cock et al. 2010, Nucleic Acids Research 38:1767 (/1 and /2); Illumina's bcl2fastq ("1:N:0:..."); SRA ("SRR1.7.1").
"""

import re
from typing import NamedTuple

EXPLICIT = (
    # name/1, also with something behind it that is neither letter nor digit: name/1;1
    re.compile(rb"(?P<stem>.+)(?P<mark>/)(?P<mate>\d+)(?:[^0-9A-Za-z/].*)?"),
    # name_1:N:0:ACGT, a head whose blank was replaced
    re.compile(rb"(?P<stem>.+)(?P<mark>[_:.+-])(?P<mate>[12]):[YN]:\d+.*"),
)
"""Marks that are nothing else."""
IMPLICIT = re.compile(rb"(?P<stem>.+)(?P<mark>[._:-]R?)(?P<mate>\d+)")
"""Marks that may as well be running numbers: SRR1.7.1, name_1, name.R1."""
COMMENT = re.compile(rb"(?:.*/)?([12])(?::[YN]:\d+.*)?")
BOTH = (b"1", b"2")


class Marked(NamedTuple):
    """A name without the number that may tell the mate; `explicit` where it can hardly be anything else."""

    stem: bytes
    mark: bytes
    mate: bytes
    explicit: bool


def marked(word: bytes) -> Marked | None:
    """Take a name apart; None where it ends in no number behind a mark."""
    for pattern in EXPLICIT:
        if match := pattern.fullmatch(word):
            return Marked(match["stem"], match["mark"], match["mate"], True)
    match = IMPLICIT.fullmatch(word)
    return Marked(match["stem"], match["mark"], match["mate"], False) if match else None


def plain(word: bytes) -> bool:
    """Whether a name can have no explicit mark."""
    return b"/" not in word and b":N:" not in word and b":Y:" not in word


def without_mate(word: bytes) -> bytes:
    """A name without an explicit mark of mate 1 or 2."""
    parts = marked(word)
    return parts.stem if parts and parts.explicit and parts.mate in BOTH else word


def mate_of(word: bytes, comment: bytes) -> bytes:
    """1 or 2 where name or comment ("1:N:0:ACGT", "7/1") says so, else nothing."""
    if comment[:2] in (b"1:", b"2:") or word[-2:] in (b"/1", b"/2"):  # nearly all names
        return word[-1:] if word[-2:-1] == b"/" else comment[:1]
    parts = marked(word)
    if parts and parts.explicit and parts.mate in BOTH:
        return parts.mate
    match = COMMENT.fullmatch(comment.split(maxsplit=1)[0]) if comment.strip() else None
    return match[1] if match and (b":" in comment or b"/" in comment) else b""


def shared(one: bytes, two: bytes) -> tuple[bytes, bytes] | None:
    """What the names of two mates share, and the implicit mark by which alone they differ (or nothing).

    None where they are no names of two mates.
    """
    if one == two:
        return one, b""
    first, second = marked(one), marked(two)
    if first is None or second is None or first[:2] != second[:2]:
        return None
    if first.explicit and second.explicit and {first.mate, second.mate} == {*BOTH}:
        return first.stem, b""
    if not first.explicit and not second.explicit and (first.mate, second.mate) == BOTH:
        return first.stem, first.mark
    return None
