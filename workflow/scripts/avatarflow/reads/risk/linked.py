"""Likelihood ratios with linkage: an unknown donor is a mosaic of the panel's haplotypes (Li and Stephens).

Unlike `unlinked`, every site of a fragment counts, since a fragment comes from one haplotype as a whole: with E the
likelihood of a fragment under each haplotype, P(fragment | haplotypes i, j) = E_i / 2 + E_j / 2.

References
----------
Li and Stephens 2003, Genetics 165:2213; pairs of haplotypes as in Scheet and Stephens 2006, Am. J. Hum. Genet. 78:629.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np

from avatarflow.core.arrays import Floats, Integers

from .genetic_map import GeneticMap
from .observations import Observations
from .panel import Panel
from .unlinked import allele_likelihoods


@dataclass(frozen=True)
class Loci:
    """Fragments in the order of the genome.

    `haplotypes` (F, 2n): ln P(fragment | haplotype of the panel); `copied`: the same through a copy with errors;
    `distance` (F - 1,): Morgans to the next, infinite between contigs.
    """

    haplotypes: Floats
    copied: Floats
    distance: Floats

    @classmethod
    def of(
        cls, observed: Observations, panel: Panel, lengths: GeneticMap, haplotypes: int
    ) -> "Loci":
        """From rows; `haplotypes`, how many people are copied from, sets how often a copy errs."""
        miscopied = 1 / (haplotypes + 1)  # as often as a clipped frequency allows
        base = allele_likelihoods(observed, panel)  # (m, 2)
        names, where = np.unique(observed.fragment, return_inverse=True)
        tables = []
        for error in (0.0, miscopied):
            each = np.log((1 - error) * base + error * base[:, ::-1])
            # (m, 2n)
            alleles = panel.alleles[observed.site].reshape(len(observed), 2 * len(panel.people))
            table = np.zeros((len(names), alleles.shape[1]))
            np.add.at(table, where, np.where(alleles == 1, each[:, 1:], each[:, :1]))
            tables.append(table)
        first = np.searchsorted(observed.fragment, names)
        contig, position = panel.contig[observed.site[first]], panel.position[observed.site[first]]
        order = np.lexsort((names, position, contig))
        distance = lengths.between(contig[order], position[order])
        return cls(tables[0][order], tables[1][order], distance)

    def of_people(self) -> Floats:
        """Ln P(all fragments | person), (n,), for every person of the panel."""
        pairs = self.haplotypes.reshape(len(self.haplotypes), self.haplotypes.shape[1] // 2, 2)
        return np.asarray((np.logaddexp(pairs[..., 0], pairs[..., 1]) - np.log(2)).sum(0))

    def of_each(self, person: int) -> Floats:
        """Ln P(fragment | person) of every fragment, (F,)."""
        pair = self.haplotypes[:, 2 * person : 2 * person + 2]
        return np.asarray(np.logaddexp(pair[:, 0], pair[:, 1]) - np.log(2))

    def of_others(self, people: Integers) -> Floats:
        """Ln P(fragment | a haplotype of one of these people, copied with errors), (F,), each fragment for itself."""
        table = self.copied[:, np.stack([2 * people, 2 * people + 1], axis=1).ravel()]
        return np.asarray(np.logaddexp.reduce(table, axis=1) - np.log(table.shape[1]))

    def of_anybody(self, people: Integers, effective_size: float) -> float:
        """Ln P(all fragments | somebody of the population that these people stand for)."""
        if not len(self.copied):
            return 0.0
        columns = np.stack([2 * people, 2 * people + 1], axis=1).ravel()
        table = self.copied[:, columns]
        top = table.max(1, keepdims=True)
        switch = 1 - np.exp(-4 * effective_size * self.distance / len(columns))
        return float(top.sum() + _forward(np.exp(table - top), switch))


def linked_ratios(
    loci: Loci, folds: Sequence[Integers], out: Integers, effective_size: float
) -> Floats:
    """Lambda of every person of the panel, (n,).

    A candidate's alternative hypothesis copies from everybody but the candidate's fold and the people of `out` (the
    donor), so that nobody is compared with a copy of themselves.

    Parameters
    ----------
    loci : Loci
    folds : sequence of arrays
        People by number; together everybody, once.
    out : array
    effective_size : float
        Of the population: sets how long stretches are copied.
    """
    own = loci.of_people()
    ratios = np.full(len(own), np.nan)
    for fold in folds:
        others = np.setdiff1d(np.arange(len(own)), np.union1d(fold, out))
        ratios[fold] = own[fold] - loci.of_anybody(others, effective_size)
    return ratios


def folds_of(people: int, count: int) -> list[Integers]:
    """Everybody in `count` groups by number, as equal as can be."""
    return [np.arange(number, people, count) for number in range(min(count, people))]


@numba.njit(cache=True, fastmath={"reassoc", "contract"})  # type: ignore[untyped-decorator]
def _forward(likelihood: Floats, switch: Floats) -> float:
    """Ln of the likelihood summed over all pairs of paths.

    Parameters
    ----------
    likelihood : (F, K)
        Of each fragment under each haplotype.
    switch : (F - 1,)
        Chance that one path leaves its haplotype before the next fragment; it then goes anywhere.
    """
    loci, states = likelihood.shape
    now = np.full((states, states), 1.0 / (states * states))  # symmetric: row sums are column sums
    rows = np.full(states, 1.0 / states)
    total = 0.0
    for locus in range(loci):
        leave = switch[locus - 1] if locus else 0.0
        both, one, none = (
            (1 - leave) ** 2,
            (1 - leave) * leave / states,
            leave * leave / (states * states),
        )
        whole = 0.0
        fresh = np.empty(states)
        for i in range(states):
            likely, row, start = likelihood[locus, i], now[i], one * rows[i] + none
            added = 0.0
            for j in range(states):
                value = (
                    (both * row[j] + start + one * rows[j]) * 0.5 * (likely + likelihood[locus, j])
                )
                row[j] = value
                added += value
            fresh[i] = added
            whole += added
        total += np.log(whole)
        now /= whole
        rows = fresh / whole
    return total
