"""Policy codes of the broad consent of the Medical Informatics Initiative (MII).

Imported while Snakemake parses: standard library only.

References
----------
medizininformatik-initiative/kerndatensatzmodul-consent, code system 1.1.0 of 2025-12-11 (CC BY 4.0, TMF e.V.).
"""

SYSTEM = "urn:oid:2.16.840.1.113883.3.1937.777.24.5.3"
PREFIX = "2.16.840.1.113883.3.1937.777.24.5.3."
COLLECT, USE = f"{PREFIX}6", f"{PREFIX}8"
"""`MDAT erheben` and `MDAT wissenschaftlich nutzen`: data may be collected, and used for research."""
HEADINGS = {
    1: (2, 3, 4, 5, 6, 7, 8, 9, 37), 10: (11, 12, 13, 38), 14: (15, 16, 17, 39),
    18: (19, 20, 21, 22, 23), 24: (25,), 26: (27, 28, 29), 30: (31,),
    32: (33, 34, 40, 41, 42, 43, 56), 35: (36,), 44: (45, 46, 47), 48: (49,), 50: (51, 52, 53),
    54: (55,), 57: (58,), 59: (60,), 61: (62,), 63: (64, 65, 66), 67: tuple(range(68, 78)),
    78: (79, 80, 81), 82: (83, 84), 85: (86, 87), 88: (89, 90), 91: (92, 93), 94: (95,),
    96: (97, 98), 99: (100, 101), 102: tuple(range(103, 111)), 111: tuple(range(112, 120)),
    120: (121, 122, 123, 124),
}  # fmt: skip
"""Last part of the code of each heading, and of the policies below it."""
HEADING_OF = {
    f"{PREFIX}{policy}": f"{PREFIX}{heading}"
    for heading, policies in HEADINGS.items()
    for policy in policies
}
KNOWN = frozenset({*HEADING_OF, *HEADING_OF.values()})


def denied_by(code: str) -> frozenset[str]:
    """Return the codes whose denial denies a policy: its own and that of its heading."""
    return frozenset({code, HEADING_OF.get(code, code)})
