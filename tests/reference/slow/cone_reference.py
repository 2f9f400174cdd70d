"""The cone of privacy written out with loops in double precision, from its definition alone."""

import math


def angle(a, b):
    dot = sum(float(x) * float(y) for x, y in zip(a, b, strict=True))
    norm = math.sqrt(sum(float(x) ** 2 for x in a)) * math.sqrt(sum(float(x) ** 2 for x in b))
    return math.acos(max(-1.0, min(1.0, dot / norm)))


def radius(original, versions):
    return max(angle(original, version) for version in versions)


def sparsity(i, originals, persons, radii, k):
    """Others inside the own radius of i do not count, nor does one inside that of a nearer one and the other way."""
    to = [angle(originals[i], other) for other in originals]
    counted = []
    for j in sorted(range(len(to)), key=to.__getitem__):
        again = any(
            persons[j] != persons[h]
            and angle(originals[h], originals[j]) <= min(radii[h], radii[j])
            for h in counted
        )
        if persons[j] != persons[i] and to[j] > radii[i] and not again:
            counted.append(j)
    nearest = [to[j] for j in counted[:k]]
    return sum(nearest) / len(nearest) if nearest else math.pi


def half_angle(c, radius_, sparsity_, beta, narrowest, widest):
    return min(max(c * radius_**beta * sparsity_ ** (1 - beta), narrowest, radius_), widest)


def risk(candidate, originals, half_angles):
    ratios = [
        angle(candidate, original) / half
        for original, half in zip(originals, half_angles, strict=True)
    ]
    best = min(range(len(ratios)), key=lambda i: ratios[i])
    return ratios[best], best


def rejected(candidate, originals, half_angles):
    return risk(candidate, originals, half_angles)[0] <= 1


def smallest_c(candidate, originals, radii, sparsities, beta, narrowest, widest):
    """By bisection on the definition, not by its closed form."""

    def rejects(c):
        halves = [
            half_angle(c, r, s, beta, narrowest, widest)
            for r, s in zip(radii, sparsities, strict=True)
        ]
        return rejected(candidate, originals, halves)

    return bisected(rejects, 1e6, 200)


def bisected(rejects, high, steps):
    """The smallest c that rejects, at most `high`; infinite if none does."""
    low = 0.0
    if rejects(low):
        return 0.0
    if not rejects(high):
        return math.inf
    for _ in range(steps):
        middle = (low + high) / 2
        low, high = (low, middle) if rejects(middle) else (middle, high)
    return high
