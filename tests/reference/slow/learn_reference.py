"""Slow, independent versions of what `docs/learn/logic/` computes, written from the definitions."""

import math
from fractions import Fraction
from itertools import combinations, pairwise

COLUMNS = ("age", "postcode", "sex")


def looks_alike(one, other, settings):
    """Whether two rows are the same to somebody who knows age, postcode and sex."""
    width, digits = settings["age"], settings["postcode"]
    same_age = width == 0 or one["age"] // width == other["age"] // width
    same_place = one["postcode"][:digits] == other["postcode"][:digits]
    return same_age and same_place and (settings["sex"] == 0 or one["sex"] == other["sex"])


def released(rows, settings):
    """Rows that are not left out."""
    sizes = [sum(looks_alike(row, other, settings) for other in rows) for row in rows]
    return [row for row, size in zip(rows, sizes, strict=True) if size >= settings["drop"]]


def k_of(rows, settings):
    """Size of the smallest class."""
    left = released(rows, settings)
    return min((sum(looks_alike(a, b, settings) for b in left) for a in left), default=0)


def l_of(rows, settings):
    """Fewest diagnoses in a class."""
    left = released(rows, settings)
    kinds = [{b["diagnosis"] for b in left if looks_alike(a, b, settings)} for a in left]
    return min(map(len, kinds), default=0)


def bits_kept(rows, settings):
    """Share of the table's bits that is left: of each cell log2(n / n(S)), less than log2(n / n(v))."""
    left, kept, everything = released(rows, settings), 0.0, 0.0
    for column in (*COLUMNS, "diagnosis"):
        alone = {"age": 0, "postcode": 0, "sex": 0}
        if column in COLUMNS:
            alone[column] = settings[column]
        for row in rows:
            same = sum(other[column] == row[column] for other in rows)
            shown = sum(looks_alike(row, other, alone) for other in rows)
            if column == "diagnosis":
                shown = same
            everything += math.log2(Fraction(len(rows), same))
            if any(row is other for other in left):
                kept += math.log2(Fraction(len(rows), shown))
    return kept / everything


def linked(rows, people, settings):
    """Per person: number of released rows that fit, and the diagnosis if all of them have one."""
    outcome = []
    for person in people:
        fits = [row for row in released(rows, settings) if looks_alike(person, row, settings)]
        diagnoses = {row["diagnosis"] for row in fits}
        outcome.append((len(fits), diagnoses.pop() if len(diagnoses) == 1 else None))
    return outcome


def cone_risk(candidate, originals, settings):
    """Smallest angle / half-angle over all originals, with every choice of k neighbours tried."""
    risks = []
    for i, original in enumerate(originals):
        w = original["own"] ** settings["beta"]
        others = [
            other
            for j, other in enumerate(originals)
            if j != i and distance(original, other) > original["own"]
        ]
        nearest = min(
            combinations(others, settings["k"]),
            key=lambda some: sum(
                distance(candidate, other) / other["own"] ** settings["beta"] for other in some
            ),
        )
        rho = sum(distance(candidate, other) for other in nearest) / settings["k"]
        half = settings["c"] * w * rho ** (1 - settings["beta"])
        half = min(max(half, original["own"], settings["narrowest"]), settings["widest"])
        risks.append(distance(candidate, original) / half)
    return min(risks)


def distance(a, b):
    """Angle on the map, in degrees."""
    return math.sqrt((a["x"] - b["x"]) ** 2 + (a["y"] - b["y"]) ** 2)


def bits_of_variant(p):
    """Expected log2 P(allele | donor) / P(allele), over genotypes and over the copy that is read."""
    total = 0.0
    for first in (0, 1):
        for second in (0, 1):
            chance = (p if first else 1 - p) * (p if second else 1 - p)
            for shown in (first, second):
                carried = ((first == shown) + (second == shown)) / 2
                total += chance / 2 * math.log2(carried / (p if shown else 1 - p))
    return total


def bits_per_base(people, diversity, pieces=40_000):
    """Sum over narrow intervals of p, in equal ratios: number of variants there times their bits."""
    rarest = 1 / (2 * people)
    edges = [rarest * ((1 - rarest) / rarest) ** (i / pieces) for i in range(pieces + 1)]
    total = 0.0
    for low, high in pairwise(edges):
        total += diversity * math.log(high / low) * bits_of_variant(math.sqrt(low * high))
    return total
