"""The most similar of many descriptors: approximately, by cells, in parts of which one at a time is in memory."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import faiss
import numpy as np
import numpy.typing as npt

from avatarflow.core.arrays import Integers
from avatarflow.imaging.spool import OnDisk
from avatarflow.privacy.search.neighbours import blocks, in_order

PART = 1_000_000  # descriptors of a part: about 140 MB
CELLS = 4  # times the root of a part's descriptors: its cells
PROBED = 8  # cells searched for each query
TRAINED = 40  # descriptors a cell that the cells are found from
FEW = 2_000  # descriptors up to which all are compared
ADDED = 65_536  # descriptors added at a time: as many as faiss itself takes


class Similar(NamedTuple):
    """The most similar descriptors of each query, the most similar first.

    Parameters
    ----------
    products : (q, k) float32
        Inner products.
    places : (q, k) int64
        Which descriptors; -1 where there are no more.
    """

    products: npt.NDArray[np.float32]
    places: Integers

    def of(self, start: int, stop: int) -> "Similar":
        """Return those of some queries."""
        return Similar(self.products[start:stop], self.places[start:stop])


class Descriptors:
    """Descriptors that are searched.

    Parameters
    ----------
    rows : OnDisk
        (n, d) float32, of unit length.
    folder : path, optional
        Where parts lie, as files without a name, if there are several.
    """

    def __init__(self, rows: OnDisk, folder: str | Path | None = None) -> None:
        self.starts = list(range(0, max(1, len(rows)), PART))
        stops = [*self.starts[1:], len(rows)]
        several = len(self.starts) > 1
        self.parts: list[faiss.Index | OnDisk] = [
            _kept(_index(rows, *each), folder) if several else _index(rows, *each)
            for each in zip(self.starts, stops, strict=True)
        ]

    def search(
        self,
        queries: Sequence[npt.NDArray[np.float32]],
        count: int,
        without: Sequence[Integers],
        threads: int,
    ) -> list[Similar]:
        """Return the most similar descriptors of several sets of queries, which share the reading of the parts.

        Parameters
        ----------
        queries : sequence of (q, d) float32
        count : int
        without : sequence of (w,) int64
            Of each set the descriptors that are not looked at.
        threads : int
            Sets that are searched side by side.
        """
        best: list[Similar] = []
        for start, part in self._parts():

            def search(
                rows: npt.NDArray[np.float32], left_out: Integers,
                start: int = start, part: faiss.Index = part,
            ) -> Similar:  # fmt: skip
                asked = _asked(part, left_out - start)
                products, places = part.search(rows, count, params=asked)
                return Similar(products, np.where(places < 0, places, places + start))

            found = list(in_order(search, zip(queries, without, strict=True), threads))
            best = [*map(_better, best, found)] if best else found
        return best

    def _parts(self) -> Iterator[tuple[int, faiss.Index]]:
        for start, part in zip(self.starts, self.parts, strict=True):
            if isinstance(part, OnDisk):
                part = faiss.deserialize_index(part.consecutive(0, len(part)))
            yield start, part


def _better(one: Similar, other: Similar) -> Similar:
    """Of the most similar in two parts the most similar in both; the first part comes first among equals."""
    products = np.concatenate([one.products, other.products], 1)
    places = np.concatenate([one.places, other.places], 1)
    order = np.argsort(-products, axis=1, kind="stable")[:, : one.products.shape[1]]
    return Similar(np.take_along_axis(products, order, 1), np.take_along_axis(places, order, 1))


def _asked(index: faiss.Index, without: Integers) -> Any:
    """Return how to search an index as if some places had never been in it."""
    inside = without[(without >= 0) & (without < index.ntotal)]
    if not len(inside):
        return None
    others = faiss.IDSelectorNot(faiss.IDSelectorBatch(inside))
    if isinstance(index, faiss.IndexIVF):  # faiss's own stubs do not know these
        return faiss.SearchParametersIVF(sel=others, nprobe=PROBED)  # type: ignore[call-arg]
    return faiss.SearchParameters(sel=others)  # type: ignore[call-arg]


def _kept(index: faiss.Index, folder: str | Path | None) -> OnDisk:
    file = OnDisk(folder, (), np.uint8)
    file.extend(faiss.serialize_index(index))
    return file


def _index(rows: OnDisk, start: int, stop: int) -> faiss.Index:
    """Inner products of unit rows: all of them, or of many those in the nearest cells, at 8 bits a number."""
    count, length = stop - start, rows.shape[1]
    if count <= FEW:
        flat = faiss.IndexFlatIP(length)
        flat.add(rows.consecutive(start, stop))
        return flat
    cells = min(int(CELLS * np.sqrt(count)), count // TRAINED)
    index = faiss.IndexIVFScalarQuantizer(
        faiss.IndexFlatIP(length),
        length,
        cells,
        faiss.ScalarQuantizer.QT_8bit,
        faiss.METRIC_INNER_PRODUCT,
    )
    index.cp.niter, index.cp.seed = 8, 1
    drawn = np.random.default_rng(1).permutation(count)[: TRAINED * cells]
    index.train(rows[start + np.sort(drawn)])
    for some in blocks(count, ADDED):
        index.add(rows.consecutive(start + some.start, start + some.stop))
    index.nprobe = PROBED
    return index
