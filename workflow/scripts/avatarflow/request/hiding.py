"""Small counts of an answer: which are hidden, and that nothing else in it tells them.

A count below the threshold is hidden, nought too, since "nobody refused" says something of everybody.
Any other is rounded up to a multiple of the threshold. Sums are never counted anew: they are made of
what is shown, so that no difference of a sum and its terms says more than the terms.
"""

from collections.abc import Mapping

HIDDEN = "fewer than {threshold}"
DEFAULT, LEAST = 5, 3
"""The threshold, and the least one: below it a hidden count is known but for one patient."""

Shown = int | str
"""A rounded count, or the text that hides one."""
Bounds = tuple[int, int]


def show(count: int, threshold: int) -> Shown:
    """Return a count as an answer shows it.

    >>> show(4, 5), show(5, 5), show(6, 5)
    ('fewer than 5', 5, 10)
    """
    if count < threshold:
        return HIDDEN.format(threshold=threshold)
    return -(-count // threshold) * threshold


def bounds(shown: Shown, threshold: int) -> Bounds:
    """Return the least and the largest count that is shown so."""
    if isinstance(shown, str):
        return 0, threshold - 1
    return max(threshold, shown - threshold + 1), shown


def safe_columns(
    total: int, columns: Mapping[str, Mapping[str, int]], threshold: int
) -> dict[str, dict[str, Shown]]:
    """Return the columns whose hidden counts stay hidden beside the total and each other.

    Parameters
    ----------
    total : int
        Patients, which is shown, too.
    columns : mapping of column to mapping of value to count
        Each column divides the same patients, so that its counts add up to the total.
    threshold : int

    Returns
    -------
    dict
        Each hidden count can still be every number below the threshold, whoever adds and subtracts.
        Columns of which this is not so are left out.
    """
    if total < threshold:
        return {}
    kept = {
        column: {value: show(count, threshold) for value, count in counts.items()}
        for column, counts in columns.items()
    }
    while kept:
        spans = {column: _sum(shown, threshold) for column, shown in kept.items()}
        whole = [bounds(show(total, threshold), threshold), *spans.values()]
        possible = max(low for low, _ in whole), min(high for _, high in whole)
        telling = [name for name in kept if _tells(kept[name], spans[name], possible, threshold)]
        if not telling:
            break
        del kept[telling[-1]]  # one at a time: without it another one may tell nothing
    return kept


def _sum(shown: Mapping[str, Shown], threshold: int) -> Bounds:
    each = [bounds(one, threshold) for one in shown.values()]
    return sum(low for low, _ in each), sum(high for _, high in each)


def _tells(shown: Mapping[str, Shown], span: Bounds, possible: Bounds, threshold: int) -> bool:
    """Whether a hidden count of a column cannot be every number below the threshold."""
    if not any(isinstance(one, str) for one in shown.values()):
        return False
    low, high = span[0], span[1] - (threshold - 1)  # of the others together
    return possible[0] > high or possible[1] - (threshold - 1) < low
