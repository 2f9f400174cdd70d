"""Exact nearest neighbours by angle, in blocks. faiss lives here only."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import faiss
import numpy as np
import numpy.typing as npt

from avatarflow.core.arrays import Floats, Rows
from avatarflow.core.errors import AvatarflowError, refuse
from avatarflow.privacy.fingerprints.files import StoredRows

Angles = Floats
Indices = npt.NDArray[np.int64]
T = TypeVar("T")

UNIT_TOLERANCE = 1e-3
BLOCK = 1024
EXACT = (
    8_000_000  # numbers of neighbours that are compared exactly at a time, in a few copies of 64 MB
)
SPARE = 16  # more candidates than asked: single precision may swap neighbours that are all but equally far


def check_unit(
    name: str, rows: Rows, may_be_missing: bool = False, first: int = 0
) -> npt.NDArray[np.bool_]:
    """Return which rows are finite, after refusing what is no fingerprint.

    Parameters
    ----------
    name : str
        What the message calls the rows.
    rows : (n, d)
    may_be_missing : bool
        Whether rows with non-finite values are allowed (they stand for pictures without a fingerprint).
    first : int
        Number of the first row, where the rows are a block of more.

    Returns
    -------
    (n,) bool

    Raises
    ------
    AvatarflowError
        If the array is not two-dimensional, or a row is non-finite (and may not be) or more than 1e-3 off unit length;
        the message names the first such row, 0-based.
    """
    if rows.ndim != 2 or rows.shape[1] == 0:
        raise refuse(name, f"shape {rows.shape}", "give an array of (n, d) fingerprints")
    length = lengths(rows)
    finite = np.isfinite(length)
    if not may_be_missing and not finite.all():
        raise _bad_row(name, first + int(np.flatnonzero(~finite)[0]), "has non-finite values")
    off = finite & (np.abs(np.where(finite, length, 1.0) - 1) > UNIT_TOLERANCE)
    if off.any():
        row = int(np.flatnonzero(off)[0])
        raise _bad_row(name, first + row, f"has length {length[row]:.6g}, not 1")
    return np.asarray(finite)


def _bad_row(name: str, row: int, found: str) -> AvatarflowError:
    return refuse(
        name, f"row {row} {found}", "give unit vectors, as the fingerprint step writes them"
    )


def lengths(rows: Rows) -> Floats:
    """(n,) lengths in double precision, in which no finite float32 row overflows: non-finite rows alone have such."""
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64)))


def unit(rows: Rows) -> Rows:
    """Rows brought to unit length in double precision, as float32."""
    return np.divide(rows, lengths(rows)[:, None], dtype=np.float64, casting="same_kind").astype(
        np.float32
    )


def pair_angles(left: Rows, right: Rows) -> Angles:
    """Angles in radians between rows of equal index, accurate near 0 and pi; broadcasting as numpy does.

    References
    ----------
    Kahan 2006, How futile are mindless assessments of roundoff, section 12: 2 atan2(|a - b|, |a + b|).
    """
    a, b = left.astype(np.float64), right.astype(np.float64)
    a /= np.sqrt((a * a).sum(-1, keepdims=True))
    b /= np.sqrt((b * b).sum(-1, keepdims=True))
    less, more = a - b, a + b
    return np.asarray(
        2 * np.arctan2(np.sqrt((less * less).sum(-1)), np.sqrt((more * more).sum(-1)))
    )


def cosine_slack(dimensions: int) -> float:
    """Return how far a float32 inner product of two float32 unit vectors may be from the true cosine."""
    return float((dimensions + 8) * np.finfo(np.float32).eps)


def least_angles(cosines: npt.NDArray[np.float32], dimensions: int) -> Angles:
    """Lower bounds of the angles that belong to computed cosines, rounding allowed for."""
    return np.arccos(np.clip(cosines.astype(np.float64) + cosine_slack(dimensions), -1, 1))


class Products:
    """Rows to find the largest inner products with, all of them compared."""

    def __init__(self, rows: Rows) -> None:
        self._index = on_gpu(faiss.IndexFlatIP(rows.shape[1]))
        self._index.add(np.ascontiguousarray(rows))

    def largest(self, queries: Rows, k: int) -> tuple[Rows, Indices]:
        """Largest computed inner products (n, k), descending, and their rows; k is at most their number."""
        products, index = self._index.search(queries, k)
        return products, index.astype(np.int64)


class Gallery:
    """References to search, checked and brought to unit length once.

    Parameters
    ----------
    references : (m, d)
        Unit vectors, m >= 1.

    Raises
    ------
    AvatarflowError
        As `check_unit`, or if there is no reference.
    """

    def __init__(self, references: Rows, name: str = "references") -> None:
        check_unit(name, references)
        if len(references) == 0:
            raise refuse(name, "no fingerprint", "give at least one")
        self.rows = unit(references)
        self._products: Products | None = None

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def dimensions(self) -> int:
        """Length of a fingerprint, d."""
        return int(self.rows.shape[1])

    def check_queries(
        self, name: str, queries: Rows, may_be_missing: bool = False, first: int = 0
    ) -> npt.NDArray[np.bool_]:
        """As `check_unit`, and of the references' dimension."""
        if queries.ndim == 2 and queries.shape[1] != self.dimensions:
            found = f"{queries.shape[1]} dimensions where the originals have {self.dimensions}"
            raise refuse(name, found, "make both with one encoder")
        return check_unit(name, queries, may_be_missing, first)

    def top(self, queries: Rows, k: int) -> tuple[npt.NDArray[np.float32], Indices]:
        """Largest computed cosines (n, k), descending, and their references; k <= m."""
        self._products = self._products or Products(self.rows)
        return self._products.largest(queries, k)


def nearest(
    queries: StoredRows, references: Rows, k: int, block: int = BLOCK
) -> tuple[Angles, Indices]:
    """Return the k nearest references of each query, exactly.

    Parameters
    ----------
    queries : (n, d)
        Unit vectors, an array or their file.
    references : (m, d)
        Unit vectors; m >= 1.
    k : int
        At least 1; at most m are given.
    block : int
        Queries searched at a time at most, fewer where rows are long; changes nothing but memory.

    Returns
    -------
    angles : (n, min(k, m)) float64
        Radians, ascending.
    index : (n, min(k, m)) int64
        Rows of `references`; the smaller row first where angles are equal.

    Raises
    ------
    AvatarflowError
        As `check_unit`.
    """
    gallery = Gallery(references)
    k = min(k, len(gallery))
    wanted = min(k + SPARE, len(gallery))
    block = min(block, max(1, EXACT // (wanted * gallery.dimensions)))
    angles, index = np.empty((len(queries), k)), np.empty((len(queries), k), np.int64)
    for rows in blocks(len(queries), block):
        some = queries[rows]
        gallery.check_queries("queries", some, first=rows.start)
        lines = unit(some)
        found = gallery.top(lines, wanted)[1]
        exact = pair_angles(lines[:, None], gallery.rows[found])
        order = np.lexsort((found, exact), axis=1)[:, :k]
        angles[rows] = np.take_along_axis(exact, order, 1)
        index[rows] = np.take_along_axis(found, order, 1)
    return angles, index


def on_gpu(index: faiss.Index) -> faiss.Index:
    """Return an index on the first GPU where faiss was built for one and there is one, else as it is.

    The exact search on a GPU sums in single precision as well, so `cosine_slack` bounds its rounding too.
    """
    if not hasattr(faiss, "StandardGpuResources") or faiss.get_num_gpus() == 0:
        return index
    return faiss.index_cpu_to_gpu(faiss.StandardGpuResources(), 0, index)


def searchers() -> int:
    """Return how many blocks to search at a time: as many as faiss may use threads, but one where a GPU searches."""
    gpu = hasattr(faiss, "StandardGpuResources") and faiss.get_num_gpus() > 0
    return 1 if gpu else int(faiss.omp_get_max_threads())


def in_order(work: Callable[..., T], tasks: Iterable[tuple[Any, ...]], threads: int) -> Iterator[T]:
    """What `work` gives for each task, in their order, several at a time; few are under way, so memory stays flat.

    Within a thread faiss searches alone: what happens between two searches then also runs on all processors.
    """
    if threads <= 1:
        yield from (work(*task) for task in tasks)
        return
    under_way: deque[Future[T]] = deque()
    with ThreadPoolExecutor(threads, initializer=faiss.omp_set_num_threads, initargs=(1,)) as pool:
        for task in tasks:
            under_way.append(pool.submit(work, *task))
            if len(under_way) > threads:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


def blocks(n: int, block: int) -> Iterator[slice]:
    """Consecutive slices of at most `block` that cover n."""
    for start in range(0, n, max(1, block)):
        yield slice(start, min(n, start + max(1, block)))
