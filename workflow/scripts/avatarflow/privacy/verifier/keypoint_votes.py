"""Which of all originals share keypoints with a picture: each keypoint votes for the originals with the most similar.

A vote weighs what an original's nearest descriptor is nearer than the background: the last of the neighbours found.

References
----------
McCann and Lowe 2012, Local naive Bayes nearest neighbor for image classification.
"""

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from avatarflow.core.arrays import Integers
from avatarflow.imaging.spool import OnDisk
from avatarflow.privacy.search.neighbours import blocks

from .keypoints import LENGTH, SAME_FILE, Keypoints, Template, inliers, is_same_file

NEIGHBOURS = 10  # of each descriptor; the last one stands for the background
COUNT = 10  # originals compared, those with the most votes in some view
FIRST = 2  # originals compared before the mirrored and inverted views vote
CELLS = 4  # times the root of the descriptors: cells of the index
PROBED = 8  # cells searched for each descriptor
TRAINED = 40  # descriptors a cell that the cells are found from
FEW = 2_000  # descriptors up to which all are compared
VOTING = 200  # keypoints of a view that vote, the first
ADDED = 65_536  # descriptors added at a time: as many as faiss itself takes


class Index:
    """All originals' keypoints: on disk as they are, and in memory as faiss votes with them, some 140 bytes each.

    Parameters
    ----------
    originals : iterable of Template or None
        In the order in which they are named; those that are None get no vote.
    folder : path, optional
        Where the keypoints lie, as files without a name: about 200 kB an original.
    """

    def __init__(
        self, originals: Iterable[Template | None], folder: str | Path | None = None
    ) -> None:
        self.points = OnDisk(folder, (2,), np.float32)
        self.descriptors = OnDisk(folder, (LENGTH,), np.float32)
        ends = [0]
        for each in originals:
            if each:
                self.points.extend(each.plain.points)
                self.descriptors.extend(each.plain.descriptors)
            ends.append(len(self.descriptors))
        self.ends = np.array(ends)  # where the keypoints of each original end, behind a zero
        self.index = _index(self.descriptors)

    def original(self, number: int) -> Template | None:
        """Return the template of an original."""
        rows = self.ends[number : number + 2].tolist()
        if rows[0] == rows[1]:
            return None
        return Template(
            Keypoints(self.points.consecutive(*rows), self.descriptors.consecutive(*rows))
        )

    def most_alike(
        self,
        variants: Iterable[Template],
        enough: float = np.inf,
        without: Collection[int] = (),
    ) -> tuple[float, int]:
        """Return the largest similarity that an original with many votes has with a candidate, and that original.

        Parameters
        ----------
        variants : iterable of Template
            Those of the candidate; each is asked about as it is, mirrored, inverted, and both.
        enough : float
            A similarity above which nobody else is asked.
        without : collection of int
            Originals that are not asked about.

        Returns
        -------
        similarity : float
            NaN where there is no variant; 0 where no original has a vote.
        original : int
        """
        best, which = float("nan"), 0
        for variant in variants:
            best = 0.0 if np.isnan(best) else best
            for original, view in self._named(variant, without, enough):
                known = self.original(original)
                if known is None:
                    continue
                same = is_same_file(known, variant)
                alike = SAME_FILE if same else float(inliers(known.plain, view))
                if alike > best:
                    best, which = alike, original
                if best > enough:
                    return best, which
        return best, which

    def _named(
        self, variant: Template, without: Collection[int], enough: float
    ) -> Iterator[tuple[int, Keypoints]]:
        """The originals with the most votes in some view, and that view."""
        views = variant.views
        votes = [self._votes(views[0], without)]
        if np.isfinite(enough):  # mostly the first one is it, and no further view need vote
            yield from ((original, views[0]) for original, _ in votes[0][:FIRST])
        votes += [self._votes(view, without) for view in views[1:]]
        named = [
            (weight, -original, -number)
            for number, each in enumerate(votes)
            for original, weight in each
        ]
        for _, original, number in sorted(named, reverse=True)[:COUNT]:
            yield -original, views[-number]

    def _votes(self, view: Keypoints, without: Collection[int]) -> list[tuple[int, float]]:
        """Return the originals with the most votes and what these weigh."""
        wanted = min(NEIGHBOURS, len(self.descriptors))
        if not len(view.descriptors) or wanted < 2:
            return []
        alike, found = self._search(view.descriptors[:VOTING], wanted, without)
        known = found >= 0
        # (descriptors, wanted)
        owner = np.where(known, np.searchsorted(self.ends, found, "right") - 1, -1)
        # the farthest of the neighbours: what any descriptor is like by chance
        background = np.where(known, alike, np.inf).min(1, keepdims=True)
        weight = np.where(known, alike - background, 0.0)
        first = np.ones(owner.shape, bool)  # of each original the nearest descriptor alone votes
        for column in range(1, wanted):
            first[:, column] = (owner[:, :column] != owner[:, column : column + 1]).all(1)
        counted = first & known
        total = np.bincount(owner[counted], weight[counted])
        most = [
            (int(original), float(total[original]))
            for original in np.argsort(-total, kind="stable")
            if total[original] > 0
        ]
        return most[:COUNT]

    def _search(
        self, rows: npt.NDArray[np.float32], wanted: int, without: Collection[int]
    ) -> tuple[npt.NDArray[np.float32], Integers]:
        """Inner products and places of the most similar descriptors, as if originals had never been in the index."""
        asked: Any = None  # faiss's own stubs do not know these
        if without:
            out = np.concatenate([np.arange(*self.ends[each : each + 2]) for each in without])
            others = faiss.IDSelectorNot(faiss.IDSelectorBatch(out))
            if isinstance(self.index, faiss.IndexIVF):
                asked = faiss.SearchParametersIVF(sel=others, nprobe=PROBED)  # type: ignore[call-arg]
            else:
                asked = faiss.SearchParameters(sel=others)  # type: ignore[call-arg]
        alike, found = self.index.search(rows, wanted, params=asked)
        return alike, found


def _index(rows: OnDisk) -> faiss.Index:
    """Inner products of unit rows: all of them, or of many those in the nearest cells, at 8 bits a number."""
    if len(rows) <= FEW:
        flat = faiss.IndexFlatIP(LENGTH)
        flat.add(rows[:])
        return flat
    cells = min(int(CELLS * np.sqrt(len(rows))), len(rows) // TRAINED)
    index = faiss.IndexIVFScalarQuantizer(
        faiss.IndexFlatIP(LENGTH),
        LENGTH,
        cells,
        faiss.ScalarQuantizer.QT_8bit,
        faiss.METRIC_INNER_PRODUCT,
    )
    index.cp.niter, index.cp.seed = 8, 1
    drawn = np.random.default_rng(1).permutation(len(rows))[: TRAINED * cells]
    index.train(rows[np.sort(drawn)])
    for some in blocks(len(rows), ADDED):
        index.add(rows.consecutive(some.start, some.stop))
    index.nprobe = PROBED
    return index
