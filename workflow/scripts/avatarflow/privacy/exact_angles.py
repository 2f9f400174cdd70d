"""Exact angles of many pairs of fingerprints, compiled: numpy would copy every row of every pair."""

from typing import Any, cast

import numba
import numpy as np

from .neighbours import Floats, Indices, Rows


@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})  # type: ignore[untyped-decorator]
def _chords(queries: Any, rows: Any, index: Any) -> Any:
    n, count = index.shape
    d = queries.shape[1]
    found = np.empty((n, count, 2))
    for i in range(n):
        own = 0.0
        for x in range(d):
            own += np.float64(queries[i, x]) * np.float64(queries[i, x])
        own = 1 / np.sqrt(own)
        for j in range(count):
            row = index[i, j]
            other = 0.0
            for x in range(d):
                other += np.float64(rows[row, x]) * np.float64(rows[row, x])
            other = 1 / np.sqrt(other)
            less, more = 0.0, 0.0
            for x in range(d):
                a, b = np.float64(queries[i, x]) * own, np.float64(rows[row, x]) * other
                less += (a - b) * (a - b)
                more += (a + b) * (a + b)
            found[i, j, 0], found[i, j, 1] = np.sqrt(less), np.sqrt(more)
    return found


def exact_angles(queries: Rows, rows: Rows, index: Indices) -> Floats:
    """Angles in double precision between each query and some rows; the same for a pair wherever it stands.

    Parameters
    ----------
    queries : (n, d) float32
    rows : (m, d) float32
    index : (n, j)
        Rows to compare each query with.

    Returns
    -------
    (n, j) float64, radians

    References
    ----------
    Kahan 2006, How futile are mindless assessments of roundoff, section 12: 2 atan2(|a - b|, |a + b|).
    """
    chords = cast(Floats, _chords(np.ascontiguousarray(queries), rows, index))
    return np.asarray(2 * np.arctan2(chords[..., 0], chords[..., 1]))
