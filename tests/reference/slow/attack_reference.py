"""Attack figures the slow way: loops over pairs, plain float64, nothing shared with the package."""

import math

import numpy as np


def auc(members, others):
    """Share of pairs that a member wins, ties half."""
    won = 0.0
    for member in members:
        for other in others:
            won += 1.0 if member > other else 0.5 if member == other else 0.0
    return won / (len(members) * len(others))


def delong(members, others, z=1.959963984540054):
    """Half the width of DeLong's interval, from the placements of each score."""
    wins = [[1.0 if a > b else 0.5 if a == b else 0.0 for b in others] for a in members]
    area = auc(members, others)
    rows = [sum(row) / len(others) for row in wins]
    columns = [sum(row[place] for row in wins) / len(members) for place in range(len(others))]
    variance = sum((one - area) ** 2 for one in rows) / (len(rows) - 1) / len(rows)
    variance += sum((one - area) ** 2 for one in columns) / (len(columns) - 1) / len(columns)
    return z * math.sqrt(variance)


def most_hits(members, others, rate):
    """The largest true positive rate of any threshold that takes at most a share `rate` of the others for members."""
    best = 0.0
    for threshold in [-math.inf, *sorted({*members, *others})]:
        wrong = sum(other > threshold for other in others)
        if wrong <= rate * len(others) + 1e-9:
            best = max(best, sum(member > threshold for member in members) / len(members))
    return best


def angle(a, b):
    """Angle between two vectors."""
    return math.acos(
        max(-1.0, min(1.0, float(np.dot(a, b) / math.sqrt(np.dot(a, a) * np.dot(b, b)))))
    )


def joint(left, right, released):
    """The smallest angle within which one released picture lies near to both pictures."""
    return min(max(angle(left, made), angle(right, made)) for made in released)


def extraction(known, released, fellows, kept_share, neighbours):
    """Carlini's ratios after the filter for repeated pictures."""
    spread = []
    for place, made in enumerate(released):
        others = sorted(angle(made, other) for row, other in enumerate(released) if row != place)
        spread.append((others[fellows - 1], place))
    kept = [place for _, place in sorted(spread)[: max(1, math.ceil(kept_share * len(released)))]]
    ratios = []
    for picture in known:
        best = math.inf
        for place in kept:
            near = sorted(angle(released[place], other) for other in known)[:neighbours]
            best = min(best, angle(picture, released[place]) / (sum(near) / len(near)))
        ratios.append(best)
    return ratios


def log_density(point, samples):
    """Log of a Gaussian kernel density with Scott's bandwidth, up to its constant."""
    count, dimensions = len(samples), len(samples[0])
    width = count ** (-1 / (dimensions + 4)) * float(np.mean(np.std(np.array(samples), axis=0)))
    total = sum(math.exp(-sum((a - b) ** 2 for a, b in zip(point, sample, strict=True)) / (2 * width**2))
                for sample in samples)  # fmt: skip
    return math.log(total / count) - dimensions * math.log(width)
