"""Exact angles of many pairs of fingerprints, compiled: numpy would copy every row of every pair."""

from typing import Any, cast

import numba
import numpy as np

from avatarflow.core.arrays import Floats, Rows

from .neighbours import Indices


@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})  # type: ignore[untyped-decorator]
def _chords(queries: Any, rows: Any, index: Any) -> Any:
    n, count = index.shape
    d = queries.shape[1]
    found = np.empty((n, count, 2))
    for i in range(n):
        for j in range(count):
            row, less, more = index[i, j], 0.0, 0.0
            for x in range(d):
                a, b = np.float64(queries[i, x]), np.float64(rows[row, x])
                less += (a - b) * (a - b)
                more += (a + b) * (a + b)
            found[i, j, 0], found[i, j, 1] = np.sqrt(less), np.sqrt(more)
    return found


def exact_angles(queries: Rows, rows: Rows, index: Indices) -> Floats:
    """Angles in double precision between each query and some rows; the same for a pair wherever it stands.

    Parameters
    ----------
    queries, rows : (n, d) and (m, d) float32
        Unit rows; their rounding moves an angle by 1e-7 rad at most, and copies have none between them.
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
