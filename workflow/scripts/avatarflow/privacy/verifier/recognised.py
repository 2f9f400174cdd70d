"""Which perturbations of originals the verifier recognises: what it refuses need not widen a cone.

The cone and the verifier decide together, so they are calibrated together: a perturbation counts only as far as the
verifier lets it pass. Of a calibration person it is asked about the hardest perturbations first, and no further than to
the first that it does not recognise. No torch here: another process draws the perturbations.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np

from avatarflow.core.arrays import Floats, Integers, Mask, Pictures
from avatarflow.imaging.spool import Stored, folder_of
from avatarflow.privacy.held_out_families import kept_families
from avatarflow.privacy.perturbing import Perturber, perturber
from avatarflow.runs.context import Step

from . import Matcher, matcher
from .keypoint_votes import TOGETHER, Index, indexed

SAMPLE = 24  # originals whose perturbations say which families are easily recognised
EASY = 0.95  # share of a family's perturbations


@dataclass
class Recognised:
    """The verifier, asked about perturbations as about candidates.

    Parameters
    ----------
    match : Matcher
        One that is asked about every original.
    index : Index
        Of all originals.
    limit : float
        The similarity above which a picture is recognised.
    refuse_unseen : bool
        Whether a picture that the matcher can make nothing of is refused.
    pictures : Stored
        Of the pool, and behind them the canaries where there are some.
    items : (n,)
        Their item numbers, which the perturbations are drawn with.
    families, held_out : names
        In the order of the columns of perturbations; `held_out` in those of role `test` alone.
    draws, seed : int
    drawing : Perturber
    step : Step
    asked, found : dict
        Purpose -> how many perturbations were asked about, and recognised.
    easy : list of str
        Families that do not count for own radii, once `hard_columns` has found them.
    """

    match: Matcher
    index: Index
    limit: float
    refuse_unseen: bool
    pictures: Stored
    items: Integers
    families: Sequence[str]
    held_out: Sequence[str]
    draws: int
    seed: int
    drawing: Perturber
    step: Step
    asked: dict[str, int] = field(default_factory=dict)
    found: dict[str, int] = field(default_factory=dict)
    easy: list[str] = field(default_factory=list)

    def known(self, asked: Iterable[tuple[int, int]], purpose: str) -> Iterator[bool]:
        """Whether the verifier recognises perturbations, one after another.

        Parameters
        ----------
        asked : iterable of (int, int)
            Each one's picture, and its number among those drawn of a picture for that purpose.
        """
        return self.refused((self._drawn(*each, purpose) for each in asked), purpose)

    def refused(self, shown: Iterable[Pictures], purpose: str) -> Iterator[bool]:
        """Whether the verifier takes pictures for some original, or refuses them as it can make nothing of them."""
        shown = iter(shown)
        while some := list(islice(shown, TOGETHER)):
            alike, _ = self.index.most_alike([*map(self.match.of_candidate, some)], self.limit)
            refused = np.where(np.isnan(alike), self.refuse_unseen, alike > self.limit)
            self.asked[purpose] = self.asked.get(purpose, 0) + len(refused)
            self.found[purpose] = self.found.get(purpose, 0) + int(refused.sum())
            yield from refused.tolist()

    def _drawn(self, picture: int, column: int, purpose: str) -> Pictures:
        """Perturbation number `column` of a picture, drawn for that purpose."""
        family, draw = divmod(column, self.draws)
        name = [*self.families, *self.held_out][family]
        altered: Pictures = self.drawing.alter(
            self.pictures[picture : picture + 1], name, self.draws, self.seed,
            [int(self.items[picture])], purpose, [draw],
        )[0]  # fmt: skip
        return altered

    def hard_columns(self, places: Integers) -> Mask:
        """Return the perturbations that count for own radii: those of families that are not easily recognised.

        Every perturbation of a few originals is asked about. A family is easy where the share `EASY` of them is
        recognised; what is not, the calibration of the scale sees to.

        Parameters
        ----------
        places : (n,)
            Of originals that neither calibrate nor test, among the pictures; the first `SAMPLE` are asked about.

        Returns
        -------
        (a,)
            At least one family's; all of them where there are no such originals.
        """
        count = len(self.families) * self.draws
        sample = places[:SAMPLE].tolist()
        if not sample:
            return np.ones(count, bool)
        known = np.zeros((len(sample), count), bool)
        for row, place in enumerate(sample):
            known[row] = [*self.known(((place, column) for column in range(count)), "own")]
            self.step.progress(row + 1, len(sample), "originals asked about")
        share = known.reshape(len(sample), len(self.families), -1).mean((0, 2))
        hard = (share < EASY) | (share == share.min())
        self.easy = [name for name, here in zip(self.families, hard, strict=True) if not here]
        return np.repeat(hard, self.draws)

    def spared(
        self, needed: Floats, places: Integers, persons: Integers, least: float = 0.0
    ) -> Floats:
        """Return the scales that the calibration persons' perturbations need, 0 where the verifier recognises one.

        Parameters
        ----------
        needed : (p, a)
            Of a perturbations of p pictures.
        places, persons : (p,)
            Those pictures, and whose they are.
        least : float
            The scale is no smaller in any case: what needs no more is not asked about.

        Returns
        -------
        (p, a)
            Exact as far as a person's largest goes, if that is above `least`: what is smaller was not asked about.
        """
        out = needed.copy()
        everyone = np.unique(persons)
        left = [_hardest_first(needed, np.flatnonzero(persons == each), least) for each in everyone]
        while left:  # a round: of each person the hardest not asked about yet
            asked = [(rest, each) for rest in left if (each := next(rest, None))]
            known = self.known(
                ((int(places[row]), column) for _, (row, column) in asked), "calibration"
            )
            left = []
            for (rest, each), spared in zip(asked, known, strict=True):
                if spared:
                    out[each] = 0.0
                    left.append(rest)
            self.step.progress(len(everyone) - len(left), len(everyone), "calibration persons")
        return out

    def tested(self, risk: Floats, places: Integers, purpose: str) -> Floats:
        """Return risks of perturbations (p, a) drawn for a purpose, at most 1 where the verifier recognises one."""
        out = risk.copy()
        passing = np.argwhere(risk > 1).tolist()
        known = self.known(((int(places[row]), column) for row, column in passing), purpose)
        for number, (each, here) in enumerate(zip(passing, known, strict=True), start=1):
            out[tuple(each)] = 1.0 if here else out[tuple(each)]
            self.step.progress(number, len(passing), "perturbations outside every cone")
        return out

    def real(self, places: Integers) -> Mask:
        """Return which real pictures the verifier refuses (p,)."""
        known = np.zeros(len(places), bool)
        shown = (self.pictures[place] for place in places.tolist())
        for number, here in enumerate(self.refused(shown, "held_out")):
            known[number] = here
            self.step.progress(number + 1, len(places), "held-out pictures outside every cone")
        return known


def _hardest_first(needed: Floats, rows: Integers, least: float) -> Iterator[tuple[int, int]]:
    """Yield which of the perturbations (p, a) of some pictures need more than `least`, the hardest first."""
    order = np.argsort(-needed[rows], axis=None, kind="stable")
    for place in order:
        row, column = divmod(int(place), needed.shape[1])
        each = int(rows[row]), column
        if not needed[each] > least:
            return
        yield each


@contextmanager
def recognised(
    trial: Mapping[str, Any],
    pictures: Stored,
    items: Integers,
    gallery: Integers,
    cone: Mapping[str, Any],
    seed: int,
    step: Step,
) -> Iterator[Recognised]:
    """Make the verifier ready to be asked about perturbations.

    Parameters
    ----------
    trial : mapping
        What `trial.try_verifier` wrote: `matcher`, `threshold`, `refuse_unseen`.
    gallery : (m,)
        Places of the originals among the pictures.
    cone : mapping
        `families`, `held_out_families` and `draws` of the config's `cone`.
    """
    match = matcher(trial["matcher"])
    index = indexed(match, (pictures[place] for place in gallery), folder_of(pictures))
    with perturber() as drawing:
        yield Recognised(
            match, index, trial["threshold"], trial["refuse_unseen"], pictures, items,
            kept_families(cone), cone["held_out_families"], cone["draws"], seed, drawing, step,
        )  # fmt: skip
