"""Density ratio (DOMIAS): a member lies where released pictures are denser than the population is.

References
----------
van Breugel et al. 2023, Membership inference attacks against synthetic data through overfitting detection
(arXiv 2302.12580), equation 3, with kernel densities in a few leading dimensions.
"""

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp

from avatarflow.core import seeds
from avatarflow.core.arrays import Floats, Integers
from avatarflow.privacy.attacks.interface import Scores

from .knowledge import Knowledge

MEANING = "density of released pictures over the density of other non-members at a known picture"

DIMENSIONS = 8
BLOCK = 512


def score(knowledge: Knowledge) -> Scores:
    """Log density of released pictures minus log density of the reference, the non-members.

    A non-member is compared with the *other* non-members, and a member with all but one drawn for it, so that both have
    references of equal size and nobody is its own reference.
    """
    reference = ~knowledge.member
    known, released = project(knowledge)
    spread = released.std(0) + 1e-12
    made = log_density(known / spread, released / spread, None)
    apart = left_out(knowledge)[:, None] == knowledge.persons[reference][None, :]
    there = log_density(known / spread, known[reference] / spread, apart)
    return Scores(made - there, knowledge.member, knowledge.persons)


def project(knowledge: Knowledge) -> tuple[Floats, Floats]:
    """Known and released rows in the leading dimensions of the released ones.

    The reference must not shape the dimensions: it would lie in them better than the members do, a difference that is
    no leak.
    """
    made = knowledge.released.astype(np.float64)
    centre = made.mean(0)
    axes = np.linalg.svd(made - centre, full_matrices=False)[2][:DIMENSIONS]
    return (knowledge.known - centre) @ axes.T, (made - centre) @ axes.T


def left_out(knowledge: Knowledge) -> Integers:
    """(n,) the person whose pictures are not in the reference of each picture."""
    non_members = np.unique(knowledge.persons[~knowledge.member])
    people = np.unique(knowledge.persons[knowledge.member])
    drawn = {
        one: non_members[
            seeds.generator(knowledge.seed, "attack reference", one).integers(len(non_members))
        ]
        for one in map(int, people)
    }
    return np.array(
        [
            drawn[int(one)] if member else one
            for one, member in zip(knowledge.persons, knowledge.member, strict=True)
        ],
        np.int64,
    )


def log_density(at: Floats, samples: Floats, apart: npt.NDArray[np.bool_] | None) -> Floats:
    """Log of a Gaussian kernel density, up to a constant; bandwidth by Scott's rule.

    Parameters
    ----------
    at : (n, d)
    samples : (m, d)
    apart : (n, m) bool, optional
        Samples that do not count at a row.
    """
    count, dimensions = samples.shape
    width = count ** (-1.0 / (dimensions + 4)) * float(samples.std(0).mean() + 1e-12)
    out = np.empty(len(at))
    for start in range(0, len(at), BLOCK):
        rows = slice(start, start + BLOCK)
        squared = (at[rows] ** 2).sum(1)[:, None] - 2 * at[rows] @ samples.T + (samples**2).sum(1)
        exponents = -squared / (2 * width**2)
        kept = np.full(len(exponents), count)
        if apart is not None:
            exponents = np.where(apart[rows], -np.inf, exponents)
            kept = count - apart[rows].sum(1)
        out[rows] = logsumexp(exponents, axis=1) - np.log(kept)
    return np.asarray(out - dimensions * np.log(width))
