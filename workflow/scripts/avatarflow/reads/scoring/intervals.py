"""A share and its interval: Wilson's, and the exact one where everything or nothing was hit."""

import math

Z = 1.959963984540054  # 97.5 % quantile of the normal law: two-sided 95 %
ALPHA = 0.05
NOTHING = (math.nan, math.nan, math.nan)


def wilson(hits: int, total: int) -> tuple[float, float, float]:
    """A share and its 95 % Wilson interval; three NaN when there was nothing to count.

    References
    ----------
    Wilson 1927, J. Am. Stat. Assoc. 22:209.
    """
    if not total:
        return NOTHING
    share = hits / total
    centre = share + Z * Z / (2 * total)
    half = Z * math.sqrt(share * (1 - share) / total + Z * Z / (4 * total * total))
    scale = 1 + Z * Z / total
    low, high = (centre - half) / scale, (centre + half) / scale
    return share, 0.0 if hits == 0 else low, 1.0 if hits == total else high


def share_interval(hits: int, total: int) -> tuple[float, float, float]:
    """As `wilson`; where all or none were hit, the far end is the exact one-sided 95 % bound, about 3/total away.

    References
    ----------
    Clopper and Pearson 1934, Biometrika 26:404; Hanley and Lippman-Hand 1983, JAMA 249:1743 (the rule of three).
    """
    if total and hits in (0, total):
        near = ALPHA ** (1 / total)
        return (1.0, near, 1.0) if hits else (0.0, 0.0, 1 - near)
    return wilson(hits, total)
