"""The published rules written out with loops in double precision, each from its text alone."""

from cone_reference import angle


def sorted_originals(candidate, originals):
    """(angle, row) of every original, the nearest first."""
    return sorted((angle(candidate, original), row) for row, original in enumerate(originals))


def distance(candidate, originals, persons, k):
    return sorted_originals(candidate, originals)[0][0]


def neighbour_ratio(candidate, originals, persons, k):
    ordered = sorted_originals(candidate, originals)
    second = next(far for far, row in ordered if persons[row] != persons[ordered[0][1]])
    return ordered[0][0] / second


def others(row, originals, persons):
    return sorted(
        angle(originals[row], x) for j, x in enumerate(originals) if persons[j] != persons[row]
    )


def authenticity(candidate, originals, persons, k):
    near, row = sorted_originals(candidate, originals)[0]
    return near / others(row, originals, persons)[0]


def density(candidate, originals, persons, k):
    near, row = sorted_originals(candidate, originals)[0]
    return near / (sum(others(row, originals, persons)[:k]) / k)


def adaptive_ratio(candidate, originals, persons, k):
    fifty = [far for far, _ in sorted_originals(candidate, originals)[:50]]
    return fifty[0] / (0.5 * sum(fifty) / len(fifty))


def correlation(candidate, originals, persons, k):
    def pearson(a, b):
        a, b = [float(x) for x in a], [float(x) for x in b]
        mean_a, mean_b = sum(a) / len(a), sum(b) / len(b)
        cross = sum((x - mean_a) * (y - mean_b) for x, y in zip(a, b, strict=True))
        size = sum((x - mean_a) ** 2 for x in a) * sum((y - mean_b) ** 2 for y in b)
        return cross / size**0.5

    return 1 - max(pearson(candidate, original) for original in originals)
