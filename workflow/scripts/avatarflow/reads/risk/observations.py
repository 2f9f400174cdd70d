"""What reads show at the panel's sites: one row per fragment and site, and one site per fragment."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from avatarflow.core.arrays import Codes, Floats, Integers

from .panel import Panel


@dataclass(frozen=True)
class Observations:
    """m rows sorted by fragment and site.

    `fragment`, `site` (a number of the panel's), `base` (code 0 to 3), `error` (chance that the base is wrong).
    """

    fragment: Integers
    site: Integers
    base: Codes
    error: Floats

    @classmethod
    def of(cls, fragment: Integers, site: Integers, base: Codes, error: Floats) -> "Observations":
        """Sorted, bases that are no base left out, and one row per fragment and site.

        Where both mates cover a site and agree, the better one counts; where they disagree, neither does.
        """
        known = base < 4
        fragment, site, base, error = fragment[known], site[known], base[known], error[known]
        order = np.lexsort((base, error, site, fragment))
        fragment, site, base, error = fragment[order], site[order], base[order], error[order]
        new = np.ones(len(fragment), bool)
        new[1:] = (fragment[1:] != fragment[:-1]) | (site[1:] != site[:-1])
        group = np.cumsum(new) - 1
        disagree = np.zeros(int(new.sum()), bool)
        np.logical_or.at(disagree, group, base != base[new][group])
        keep = np.flatnonzero(new)[~disagree]
        return cls(fragment[keep], site[keep], base[keep], error[keep])

    def __len__(self) -> int:
        return len(self.site)

    @property
    def informative(self) -> int:
        """Fragments with at least one row."""
        return len(np.unique(self.fragment))

    def rows(self, which: npt.NDArray[np.bool_] | Integers) -> "Observations":
        """Some of the rows."""
        return Observations(
            self.fragment[which], self.site[which], self.base[which], self.error[which]
        )

    def on(self, panel: Panel) -> tuple["Observations", Panel]:
        """The same rows with a panel of the sites that they show, and no others."""
        sites, where = np.unique(self.site, return_inverse=True)
        return Observations(self.fragment, where.astype(np.int64), self.base, self.error), panel.at(
            sites
        )

    def one_per_fragment(self, weight: Floats) -> "Observations":
        """For each fragment the row of its site with the largest weight (the first of equal ones).

        Parameters
        ----------
        weight : (sites,)
            How much a site tells; made without a look at the donor or the bases.
        """
        order = np.lexsort((self.site, -weight[self.site], self.fragment))
        first = np.ones(len(order), bool)
        first[1:] = self.fragment[order][1:] != self.fragment[order][:-1]
        return self.rows(np.sort(order[first]))
