"""Which of all originals share keypoints with a picture: each keypoint votes for the originals with the most similar.

A vote weighs what an original's nearest descriptor is nearer than the background: the last of the neighbours found.

References
----------
McCann and Lowe 2012, Local naive Bayes nearest neighbor for image classification.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from avatarflow.core.arrays import Floats, Integers, Pictures
from avatarflow.imaging.spool import OnDisk
from avatarflow.privacy.search.neighbours import blocks, in_order, searchers

from . import Matcher
from .descriptors import Descriptors, Similar
from .keypoints import LENGTH, SAME_FILE, Keypoints, Template, inliers

NEIGHBOURS = 10  # of each descriptor; the last one stands for the background
COUNT = 10  # originals compared, those with the most votes in some view
FIRST = 2  # originals compared before those of the mirrored and inverted views
VOTING = 200  # keypoints of a view that vote, the first
TOGETHER = 16  # candidates asked about at a time, about 15 MB each


@dataclass
class _Asked:
    """A candidate that is asked about.

    Parameters
    ----------
    variants : iterator of Template
        Those not looked at yet.
    without : (w,)
        Places of descriptors that are not looked at.
    enough : float
        A similarity above which nobody else is asked.
    similarity, original : float, int
        The largest so far, and with whom.
    """

    variants: Iterator[Template]
    without: Integers
    enough: float
    similarity: float = float("nan")
    original: int = 0

    @property
    def done(self) -> bool:
        """Whether somebody is alike enough."""
        return self.similarity > self.enough


class Index:
    """All originals' keypoints: on disk as they are, and as `descriptors` searches them.

    Parameters
    ----------
    originals : iterable of Template or None
        In the order in which they are named; those that are None get no vote. Of several with equal descriptors, one
        file under several names, the first has the votes of all: together they would be their own background.
    folder : path, optional
        Where the keypoints lie, as files without a name: about 260 kB an original.
    """

    def __init__(
        self, originals: Iterable[Template | None], folder: str | Path | None = None
    ) -> None:
        self.points = OnDisk(folder, (2,), np.float32)
        self.descriptors = OnDisk(folder, (LENGTH,), np.float32)
        ends, known = [0], set()
        for each in originals:
            digest = hashlib.sha256(each.plain.descriptors.tobytes()).digest() if each else b""
            if each and digest not in known:
                known.add(digest)
                self.points.extend(each.plain.points)
                self.descriptors.extend(each.plain.descriptors)
            ends.append(len(self.descriptors))
        self.ends = np.array(ends)  # where the keypoints of each original end, behind a zero
        self.searched = Descriptors(self.descriptors, folder)

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
        candidates: Sequence[Iterable[Template]],
        enough: float = np.inf,
        without: Sequence[Collection[int]] = (),
    ) -> tuple[Floats, Integers]:
        """Return the largest similarity of an original with each candidate, and that original.

        As many candidates are looked at side by side as faiss may use threads.

        Parameters
        ----------
        candidates : sequence of iterables of Template
            The variants of each; each is asked about as it is, mirrored, inverted, and both.
        enough : float
            A similarity above which nobody else is asked.
        without : sequence of collections of int
            Of each candidate the originals that are not asked about; by default all are.

        Returns
        -------
        similarity : (n,)
            NaN where there is no variant; 0 where no original has a vote.
        original : (n,)
        """
        left_out = [self._descriptors_of(each) for each in without]
        asked = [
            _Asked(iter(variants), left_out[number] if left_out else np.zeros(0, np.int64), enough)
            for number, variants in enumerate(candidates)
        ]
        # mostly the first variant is enough, and no further one need be made
        rounds = (1, None) if np.isfinite(enough) else (None,)
        for some in blocks(len(asked), TOGETHER):
            for count in rounds:
                if left := [each for each in asked[some] if not each.done]:
                    self._ask(left, count)
        return (
            np.array([each.similarity for each in asked], np.float64),
            np.array([each.original for each in asked], np.int64),
        )

    def _descriptors_of(self, originals: Collection[int]) -> Integers:
        """Return the places of the descriptors of some originals."""
        places = [np.arange(*self.ends[number : number + 2]) for number in originals]
        return np.concatenate([np.zeros(0, np.int64), *places])

    def _ask(self, asked: Sequence[_Asked], count: int | None) -> None:
        """Ask all originals about the next variants of each candidate, or about all that are left."""
        threads = searchers()

        def made(each: _Asked) -> list[tuple[Keypoints, ...]]:
            return [variant.views for variant in islice(each.variants, count)]

        without = [each.without for each in asked]
        with threadpool_limits(1, "blas"):  # several at a time, each on one processor
            shown = list(in_order(made, [(each,) for each in asked], threads))
            voting = [_voting(each) for each in shown]
            found = self.searched.search(voting, NEIGHBOURS, without, threads)
            for _ in in_order(self._compare, zip(asked, shown, found, strict=True), threads):
                pass

    def _compare(
        self, asked: _Asked, variants: Sequence[tuple[Keypoints, ...]], found: Similar
    ) -> None:
        """Compare a candidate with the originals that have the most votes, until one is alike enough."""
        start = 0
        for views in variants:
            asked.similarity = 0.0 if np.isnan(asked.similarity) else asked.similarity
            votes = []
            for view in views:
                stop = start + len(view.descriptors[:VOTING])
                votes.append(self._votes(found.of(start, stop)))
                start = stop
            for original, view in _named(votes, views, asked.enough):
                known = self.original(original)
                if known is None:
                    continue
                same = np.array_equal(known.plain.descriptors, views[0].descriptors)
                alike = SAME_FILE if same else float(inliers(known.plain, view))
                if alike > asked.similarity:
                    asked.similarity, asked.original = alike, original
                if asked.done:
                    return

    def _votes(self, found: Similar) -> list[tuple[int, float]]:
        """Return the originals with the most votes and what these weigh."""
        alike, places = found
        known = places >= 0
        # (queries, NEIGHBOURS)
        owner = np.where(known, np.searchsorted(self.ends, places, "right") - 1, -1)
        # the farthest of the neighbours: what any descriptor is like by chance
        background = np.where(known, alike, np.inf).min(1, keepdims=True)
        weight = np.where(known, alike - background, 0.0)
        first = np.ones(owner.shape, bool)  # of each original the nearest descriptor alone votes
        for column in range(1, owner.shape[1]):
            first[:, column] = (owner[:, :column] != owner[:, column : column + 1]).all(1)
        counted = first & known
        total = np.bincount(owner[counted], weight[counted])
        most = np.argsort(-total, kind="stable")[:COUNT]
        return [(int(each), float(total[each])) for each in most if total[each] > 0]


def indexed(
    match: Matcher, originals: Iterable[Pictures], folder: str | Path | None = None
) -> Index:
    """Return the index of all originals' pictures; several are looked at side by side."""
    return Index(in_order(match.template, ((each,) for each in originals), searchers()), folder)


def _voting(variants: Sequence[tuple[Keypoints, ...]]) -> npt.NDArray[np.float32]:
    """Return the descriptors that vote, of all views of all variants."""
    rows = [view.descriptors[:VOTING] for views in variants for view in views]
    return np.concatenate([np.zeros((0, LENGTH), np.float32), *rows])


def _named(
    votes: Sequence[Sequence[tuple[int, float]]], views: Sequence[Keypoints], enough: float
) -> Iterator[tuple[int, Keypoints]]:
    """The originals with the most votes in some view, and that view."""
    if np.isfinite(enough):  # mostly the first one is it
        yield from ((original, views[0]) for original, _ in votes[0][:FIRST])
    named = [
        (weight, -original, -number)
        for number, each in enumerate(votes)
        for original, weight in each
    ]
    for _, original, number in sorted(named, reverse=True)[:COUNT]:
        yield -original, views[-number]
