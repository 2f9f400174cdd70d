"""Which of all originals share keypoints with a picture: each keypoint votes for the originals with the most similar.

A vote weighs what an original's nearest descriptor is nearer than the background: the last of the neighbours found.

References
----------
McCann and Lowe 2012, Local naive Bayes nearest neighbor for image classification.
"""

from collections.abc import Iterable

import faiss
import numpy as np
import numpy.typing as npt

from .keypoints import LENGTH, SAME_FILE, Keypoints, Template, inliers, is_same_file

NEIGHBOURS = 10  # of each descriptor; the last one stands for the background
COUNT = 10  # originals compared, those with the most votes in some view
CELLS = 4  # times the root of the descriptors: cells of the index
PROBED = 8  # cells searched for each descriptor
TRAINED = 40  # descriptors a cell that the cells are found from
FEW = 20_000  # descriptors up to which all are compared
VOTING = 200  # keypoints of a view that vote, those of the highest contrast
EMPTY = np.zeros((0, LENGTH), np.float32)


class Index:
    """All originals' descriptors.

    Parameters
    ----------
    originals : iterable of Template or None
        In the order in which they are named; those that are None get no vote.
    """

    def __init__(self, originals: Iterable[Template | None]) -> None:
        self.originals = list(originals)
        held = [each.plain.descriptors if each else EMPTY for each in self.originals]
        self.owner = np.repeat(np.arange(len(held)), [len(each) for each in held])
        self.index = _index(np.concatenate([EMPTY, *held]))

    def most_alike(self, template: Template) -> tuple[float, int]:
        """Return the largest similarity that an original with many votes has in some view, and that original."""
        views = template.views
        named = [
            (weight, -original, -number)
            for number, view in enumerate(views)
            for original, weight in self._votes(view)
        ]
        best, which = 0.0, 0
        for _, original, number in sorted(named, reverse=True)[:COUNT]:
            known = self.originals[-original]
            if known is None:
                continue
            same = is_same_file(known, template)
            alike = SAME_FILE if same else float(inliers(known.plain, views[-number]))
            if alike > best:
                best, which = alike, -original
        return best, which

    def _votes(self, view: Keypoints) -> list[tuple[int, float]]:
        """Return the originals with the most votes and what these weigh."""
        wanted = min(NEIGHBOURS, len(self.owner))
        if not len(view.descriptors) or wanted < 2:
            return []
        alike, found = self.index.search(view.descriptors[:VOTING], wanted)
        known = found >= 0
        owner = np.where(known, self.owner[found], -1)
        background = np.where(known, alike, np.inf).min(1, keepdims=True)
        weight = np.where(known, alike - background, 0.0)
        first = np.ones(owner.shape, bool)  # of each original the nearest descriptor alone votes
        for column in range(1, wanted):
            first[:, column] = (owner[:, :column] != owner[:, column : column + 1]).all(1)
        counted = first & known
        total = np.bincount(owner[counted], weight[counted])
        most = np.argsort(-total, kind="stable")[:COUNT]
        return [(int(original), float(total[original])) for original in most if total[original] > 0]


def _index(rows: npt.NDArray[np.float32]) -> faiss.Index:
    """Inner products of unit rows: all of them, or of many those in the nearest cells, at 8 bits a number."""
    if len(rows) <= FEW:
        flat = faiss.IndexFlatIP(LENGTH)
        flat.add(rows)
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
    index.add(rows)
    index.nprobe = PROBED
    return index
