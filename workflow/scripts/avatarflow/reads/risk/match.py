"""All ratios of one set of reads against a panel, by each model."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from avatarflow.core.arrays import Floats

from .genetic_map import GeneticMap
from .linked import Loci, folds_of, linked_ratios
from .observations import Observations
from .panel import Panel
from .unlinked import excluding, genotype_likelihoods, genotype_prior, likelihood_ratios, thinned

MODELS = ("product", "thinned", "linked")


@dataclass(frozen=True)
class Model:
    """How ratios are computed; see the config schema's `risk` for ranges."""

    theta: float = 0.01
    r2: float = 0.1
    effective_size: float = 11418.0
    folds: int = 5

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "Model":
        """From the config's `risk`."""
        return cls(**{key: settings[key] for key in ("theta", "r2", "effective_size", "folds")})


@dataclass(frozen=True)
class Ratios:
    """Lambda of every person of the panel, (n,) nats, by model.

    `product` multiplies one site per fragment whatever the linkage, `thinned` only those with small r2, `linked` is the
    mosaic model. `attainable`: what the best thinkable candidate would reach in each. `sites`: rows behind each.
    """

    product: Floats
    thinned: Floats
    linked: Floats
    attainable: dict[str, float]
    sites: dict[str, int]


def variability(panel: Panel, out: list[int]) -> Floats:
    """2 p (1 - p) of every site among the people who are not `out`: how much a read there tells."""
    rest = np.setdiff1d(np.arange(len(panel.people)), out)
    count, whole = panel.alleles[:, rest].sum((1, 2), dtype=np.int64), 2 * len(rest)
    # whole numbers: equal sites stay equal
    return np.asarray(2 * (count * (whole - count)) / whole**2)


def spread(observed: Observations, panel: Panel, out: list[int], r2: float) -> Observations:
    """Of rows with one site per fragment, those of sites that are nearly independent among people not `out`."""
    others = panel.without(out)
    sites = np.unique(observed.site)
    kept = thinned(others, sites, variability(others, [])[sites], r2)
    return observed.rows(np.isin(observed.site, sites[kept]))


def unlinked_ratios(
    observed: Observations, panel: Panel, out: list[int], theta: float
) -> tuple[Floats, float]:
    """Lambda of everybody over these rows' sites as independent, and the best thinkable one."""
    sites, table = genotype_likelihoods(observed, panel)
    genotypes = panel.at(sites).genotypes
    p = excluding(genotypes, out)
    ratios = likelihood_ratios(table, genotypes, p, theta)
    if not len(sites):
        return ratios, 0.0
    typical = np.median(p, axis=1)
    anybody = np.stack([
        (genotype_prior(typical, theta, np.full(len(sites), seen)) * np.exp(table)).sum(1) for seen in range(3)
    ], axis=1)  # fmt: skip
    return ratios, float((table - np.log(anybody)).max(1).sum())


def ratios_of(
    observed: Observations, panel: Panel, donor: int | None, model: Model, lengths: GeneticMap
) -> Ratios:
    """Ratios of every person of the panel against these reads.

    Parameters
    ----------
    observed : Observations
        All rows of the residual fragments.
    panel : Panel
    donor : int or None
        Who gave the reads; their alleles count for nobody's frequencies. None when the donor is not of the panel.
    model : Model
    lengths : GeneticMap
    """
    out = [] if donor is None else [donor]
    observed, panel = observed.on(panel)
    single = observed.one_per_fragment(variability(panel, out))
    few = spread(single, panel, out, model.r2)
    product, most = unlinked_ratios(single, panel, out, model.theta)
    thin, most_thin = unlinked_ratios(few, panel, out, model.theta)
    folds = folds_of(len(panel.people), model.folds)
    copied_from = 2 * (len(panel.people) - len(folds[0]))
    loci = Loci.of(observed, panel, lengths, copied_from)
    linked = linked_ratios(loci, folds, np.array(out, np.int64), model.effective_size)
    best = loci.haplotypes.max(1).sum() if len(loci.haplotypes) else 0.0
    most_linked = float(best - np.nanmedian(loci.of_people() - linked))
    return Ratios(
        product, thin, linked,
        {"product": most, "thinned": most_thin, "linked": most_linked},
        {"product": len(single), "thinned": len(few), "linked": len(observed)},
    )  # fmt: skip
