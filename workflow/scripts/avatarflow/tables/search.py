"""Full-domain generalisation: the combination of levels that loses least and keeps k, l and t.

Every combination of levels is a node of a lattice. Nodes are tried in the order of what they lose without suppression,
a lower bound of what they lose with it. So the first node that cannot do better ends the search, and the result is the
best there is. The maintained libraries that search (ARX, anjana) do not fit the project's lock: ARX is Java and
on no registry, anjana needs older numpy and pandas. `experiments/tables/equality.py` holds this search against one over
all nodes.

References
----------
Samarati 2001, IEEE TKDE 13:1010-1027 (the lattice); El Emam et al. 2009, J. Am. Med. Inform. Assoc. 16:670-682
(optimal search); Iyengar 2002, KDD 279-288 (the loss, LM).
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from avatarflow.core.arrays import Floats, Integers, Mask
from avatarflow.core.errors import refuse

from .classes import patient_classes
from .criteria import Sensitive, distances, distinct_values, entropy_values, sizes
from .hierarchies import Hierarchy

MOST_NODES = 100_000


@dataclass(frozen=True)
class Limits:
    """What a table must keep; `k` counts patients, `suppression` is the largest share of them that is left out."""

    k: int
    l_distinct: float = 0.0
    l_entropy: float = 0.0
    t: float = 1.0
    suppression: float = 0.0


@dataclass(frozen=True)
class Solution:
    """Levels per column, who is kept (patients,), what is lost (0 to 1), and whether the limits are kept."""

    levels: tuple[int, ...]
    kept: Mask
    loss: float
    feasible: bool
    tried: int


@dataclass(frozen=True)
class Lattice:
    """A table as the search sees it: codes instead of texts.

    `patients` (rows,), `columns` a tuple per quasi-identifier of (rows,) codes per level, `costs` (patients,) losses of
    each column and level.
    """

    patients: Integers
    columns: tuple[tuple[Integers, ...], ...]
    costs: tuple[tuple[Floats, ...], ...]

    @classmethod
    def of(
        cls,
        patients: Integers,
        values: Sequence[Sequence[str]],
        hierarchies: Sequence[Hierarchy],
    ) -> "Lattice":
        """Take the rows of a table.

        Parameters
        ----------
        patients : (rows,) int
        values : (columns)(rows) str
        hierarchies : sequence of Hierarchy
            One per column.
        """
        columns, costs = [], []
        for column, hierarchy in zip(values, hierarchies, strict=True):
            known, codes = np.unique(
                np.asarray(column, dtype=object).astype(str), return_inverse=True
            )
            first = np.unique(patients * len(known) + codes)  # a row that stands twice counts once
            who, what = first // len(known), first % len(known)
            coded, lost = [], []
            for level in hierarchy.levels:
                texts = np.array([level[value] for value in known], dtype=str)
                _, group, joined = np.unique(texts, return_inverse=True, return_counts=True)
                loss = (joined[group] - 1) / max(len(known) - 1, 1)
                coded.append(group[codes].astype(np.int64))
                lost.append(np.bincount(who, loss[what]) / np.bincount(who))
            columns.append(tuple(coded))
            costs.append(tuple(lost))
        return cls(patients, tuple(columns), tuple(costs))

    def nodes(self) -> list[tuple[int, ...]]:
        """Return every combination of levels.

        Raises
        ------
        AvatarflowError
            If there are too many.
        """
        heights = [len(levels) for levels in self.columns]
        if (count := int(np.prod(heights, dtype=object))) > MOST_NODES:
            found = f"{count:,} combinations of levels, more than {MOST_NODES:,}"
            raise refuse("config quasi_identifiers", found, "take levels or columns out")
        return list(itertools.product(*(range(height) for height in heights)))

    def loss(self, node: Sequence[int]) -> Floats:
        """(patients,) what each patient's cells lose on average, 0 (as they are) to 1 (`*`)."""
        parts = [costs[level] for costs, level in zip(self.costs, node, strict=True)]
        mean: Floats = np.mean(parts, axis=0)
        return mean

    def classes(self, node: Sequence[int]) -> Integers:
        """(patients,) class of each patient at these levels."""
        rows = np.zeros(len(self.patients), np.int64)
        for levels, level in zip(self.columns, node, strict=True):
            rows = np.unique(
                rows * (int(levels[level].max()) + 1) + levels[level], return_inverse=True
            )[1]
        return patient_classes(self.patients, rows.astype(np.int64))


def search(lattice: Lattice, sensitive: Sequence[Sensitive], limits: Limits) -> Solution:
    """Return the node of the smallest loss that keeps the limits; of equal ones that of the lowest levels.

    Where none does, it is the node with everything left out, which the gates then refuse.
    """
    nodes = lattice.nodes()
    bounds = {node: round(float(lattice.loss(node).mean()), 12) for node in nodes}
    best: Solution | None = None
    tried = 0
    for node in sorted(nodes, key=lambda each: (bounds[each], sum(each), each)):
        if best is not None and bounds[node] >= best.loss:
            break
        tried += 1
        kept = keep(lattice.classes(node), sensitive, limits)
        if kept is None:
            continue
        loss = round(float(np.where(kept, lattice.loss(node), 1.0).mean()), 12)
        if best is None or (loss, sum(node), node) < (best.loss, sum(best.levels), best.levels):
            best = Solution(node, kept, loss, True, 0)
    if best is None:
        top = nodes[-1]
        return Solution(top, np.ones(len(lattice.loss(top)), bool), 1.0, False, tried)
    return Solution(best.levels, best.kept, best.loss, True, tried)


def keep(classes: Integers, sensitive: Sequence[Sensitive], limits: Limits) -> Mask | None:
    """(patients,) who stays when classes that break a limit are left out; None where too many would go.

    What is left out changes the distribution that t-closeness compares with, so classes are looked at again until none
    breaks a limit.
    """
    kept = np.ones(len(classes), bool)
    while True:
        bad = _breaking(classes, sensitive, limits, kept)[classes] & kept
        if not bad.any():
            return kept if kept.any() else None
        kept &= ~bad
        if (~kept).sum() > limits.suppression * len(kept):
            return None


def _breaking(
    classes: Integers, sensitive: Sequence[Sensitive], limits: Limits, kept: Mask
) -> Mask:
    """(classes,) whether a class breaks a limit."""
    bad = sizes(classes, kept) < limits.k
    for column in sensitive:
        masses = column.masses(classes, kept)
        surest = column.surest(classes, kept)
        bad |= distinct_values(masses, surest) < limits.l_distinct
        bad |= entropy_values(masses, surest) < limits.l_entropy
        bad |= distances(masses, column.distance) > limits.t
    return bad
