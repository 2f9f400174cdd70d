"""Likelihood ratios over sites that count as independent: who matches, and who is kin.

Everything is in nats. Sites (S), candidates (n), genotypes 0, 1, 2 = number of alternative alleles.
"""

import numpy as np
import numpy.typing as npt

from avatarflow.core.arrays import Floats, Integers

from .observations import Observations
from .panel import Panel

RELATIONS = {"self": (0.0, 0.0, 1.0), "parent": (0.0, 1.0, 0.0), "sibling": (0.25, 0.5, 0.25)}
"""Chances k0, k1, k2 that two people share 0, 1, 2 alleles by descent."""


def allele_likelihoods(observed: Observations, panel: Panel) -> Floats:
    """P(base | allele) of every row, (m, 2) for reference and alternative: 1 - error if equal, else error / 3."""
    alleles = np.stack([panel.ref[observed.site], panel.alt[observed.site]], axis=1)
    error = observed.error[:, None]
    return np.where(observed.base[:, None] == alleles, 1 - error, error / 3)


def genotype_likelihoods(observed: Observations, panel: Panel) -> tuple[Integers, Floats]:
    """The sites seen and ln P(all bases at the site | genotype), (S,) and (S, 3).

    P(b | g) = g / 2 P(b | alt) + (1 - g / 2) P(b | ref): a read comes from either haplotype alike.
    """
    each = allele_likelihoods(observed, panel)
    share = np.array([0.0, 0.5, 1.0])
    rows = np.log(each[:, :1] * (1 - share) + each[:, 1:] * share)  # (m, 3)
    sites, where = np.unique(observed.site, return_inverse=True)
    table = np.zeros((len(sites), 3))
    np.add.at(table, where, rows)
    return sites, table


def clipped_frequencies(counts: Integers, haplotypes: int | Integers) -> Floats:
    """Frequencies of the alternative, kept at 1 / (haplotypes + 1) or more from 0 and 1."""
    least = 1 / (haplotypes + 1)
    return np.clip(counts / haplotypes, least, 1 - least)


def excluding(genotypes: npt.NDArray[np.uint8], out: list[int]) -> Floats:
    """Frequencies for every candidate of the panel, (S, n), without the candidate and without the people of `out`.

    Parameters
    ----------
    genotypes : (S, n)
    out : list of int
        People who never count: the donor.
    """
    counts = genotypes.astype(np.int64)
    rest = np.ones(counts.shape[1], bool)
    rest[out] = False
    total = counts[:, rest].sum(1)[:, None] - np.where(rest, counts, 0)
    people = int(rest.sum()) - rest.astype(np.int64)
    return np.asarray(clipped_frequencies(total, 2 * people))


def genotype_prior(p: Floats, theta: float, seen: npt.NDArray[np.uint8] | None = None) -> Floats:
    """P(genotype) in the last axis (..., 3): Hardy-Weinberg at theta 0, else Balding-Nichols.

    Parameters
    ----------
    p : (...)
        Frequency of the alternative.
    theta : float
        Coancestry within the subpopulation.
    seen : (...), optional
        The candidate's genotype; with theta > 0 its alleles make their like more probable in the true donor.

    References
    ----------
    Balding and Nichols 1994, Forensic Sci. Int. 64:125: with n alleles seen, m of them alternative, the next is so with
    chance (m theta + (1 - theta) p) / (1 + (n - 1) theta).
    """
    many = np.zeros_like(p) if seen is None else seen.astype(np.float64)
    n = 0 if seen is None else 2
    alt = (many * theta + (1 - theta) * p) / (1 + (n - 1) * theta)
    after = 1 + n * theta
    alt_alt = alt * ((many + 1) * theta + (1 - theta) * p) / after
    ref_ref = (1 - alt) * ((n - many + 1) * theta + (1 - theta) * (1 - p)) / after
    return np.stack([ref_ref, 1 - ref_ref - alt_alt, alt_alt], axis=-1)


def likelihood_ratios(
    table: Floats, genotypes: npt.NDArray[np.uint8], p: Floats, theta: float, relation: str = "self"
) -> Floats:
    """Lambda of every candidate, (n,): the reads' donor is the candidate (or such kin of theirs) against anybody.

    Parameters
    ----------
    table : (S, 3)
        As from `genotype_likelihoods`, of sites that may be multiplied.
    genotypes : (S, n)
        The candidates'.
    p : (S, n)
        Frequencies for each candidate, without donor and candidate.
    theta : float
    relation : str
        A key of `RELATIONS`.
    """
    scaled = np.exp(table - table.max(1, keepdims=True)) if len(table) else table  # (S, 3)
    anybody = np.einsum("snk,sk->sn", genotype_prior(p, theta, genotypes), scaled)
    own = np.take_along_axis(scaled, genotypes.astype(np.int64), axis=1)
    k0, k1, k2 = RELATIONS[relation]
    kin = k2 * own
    if k0 or k1:
        kin = kin + k0 * anybody + k1 * np.einsum("snk,sk->sn", _one_shared(p, genotypes), scaled)
    return np.asarray((np.log(kin) - np.log(anybody)).sum(0))


def _one_shared(p: Floats, genotypes: npt.NDArray[np.uint8]) -> Floats:
    """P(kin's genotype | one allele of the candidate's by descent, the other drawn), (S, n, 3)."""
    alt = genotypes / 2
    return np.stack([(1 - alt) * (1 - p), alt * (1 - p) + (1 - alt) * p, alt * p], axis=-1)


def thinned(panel: Panel, sites: Integers, weight: Floats, limit: float) -> npt.NDArray[np.bool_]:
    """Which sites stay so that every pair of one contig has r2 below the limit: the weightiest first, greedily.

    Parameters
    ----------
    panel : Panel
        Its haplotypes tell the r2; leave the donor out.
    sites : (S,)
        Numbers of the panel's sites.
    weight : (S,)
    limit : float
    """
    haplotypes = panel.alleles[sites].reshape(len(sites), 2 * len(panel.people)).astype(np.float64)
    centred = haplotypes - haplotypes.mean(1, keepdims=True)
    norm = np.sqrt((centred**2).sum(1))
    unit = centred / np.where(norm > 0, norm, 1.0)[:, None]
    kept = np.zeros(len(sites), bool)
    for site in np.lexsort((sites, -weight)):
        near = kept & (panel.contig[sites] == panel.contig[sites[site]])
        if ((unit[near] @ unit[site]) ** 2 < limit).all():
            kept[site] = True
    return kept
