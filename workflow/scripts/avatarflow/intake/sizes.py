"""What sizes pictures came in, before they were brought to the working size."""

from collections.abc import Iterable
from typing import Any

from .reading import Size


def summary_of_sizes(sizes: Iterable[Size], size_px: int) -> dict[str, Any]:
    """Counts that may be shown anywhere.

    Returns
    -------
    dict
        `pictures`, `brought` (those that were not squares of `size_px`), `enlarged` (those whose longer edge was
        shorter: they hold less detail than the size says), `shortest_px` and `longest_px` (edges; None without any).
    """
    found = list(sizes)
    return {
        "pictures": len(found),
        "brought": sum(size != (size_px, size_px) for size in found),
        "enlarged": sum(max(size) < size_px for size in found),
        "shortest_px": min((min(size) for size in found), default=None),
        "longest_px": max((max(size) for size in found), default=None),
    }
