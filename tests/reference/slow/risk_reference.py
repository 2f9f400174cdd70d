"""Ratios of residual reads the slow way: loops over sites, genotypes and all paths, straight from the definitions."""

import itertools
import math


def base_given_genotype(base, ref, alt, genotype, error):
    def one(allele):
        return 1 - error if base == allele else error / 3

    return genotype / 2 * one(alt) + (1 - genotype / 2) * one(ref)


def prior(genotype, p, theta, seen):
    """Balding-Nichols by its urn: draw two alleles one after the other, given the two of the candidate."""

    def following(alt, drawn):
        return (alt * theta + (1 - theta) * p) / (1 + (drawn - 1) * theta)

    total = 0.0
    for first, second in itertools.product((0, 1), repeat=2):
        if first + second == genotype:
            chance = following(seen, 2)
            chance = chance if first else 1 - chance
            then = following(seen + first, 3)
            total += chance * (then if second else 1 - then)
    return total


def match(rows, genotypes, frequencies, theta):
    """Lambda over sites; rows are (site, base, ref, alt, error)."""
    total = 0.0
    for site in sorted({row[0] for row in rows}):
        here = [row for row in rows if row[0] == site]
        likely = [
            math.prod(
                base_given_genotype(base, ref, alt, g, error) for _, base, ref, alt, error in here
            )
            for g in range(3)
        ]
        anybody = sum(
            prior(g, frequencies[site], theta, genotypes[site]) * likely[g] for g in range(3)
        )
        total += math.log(likely[genotypes[site]] / anybody)
    return total


def mosaic(fragments, haplotypes, switch, miscopied):
    """P(fragments | somebody): the sum over every pair of paths through the haplotypes.

    fragments: lists of (site, base, ref, alt, error); haplotypes: lists of alleles by site; switch: per gap.
    """
    count = len(haplotypes)

    def fragment(rows, haplotype):
        likely = 1.0
        for site, base, ref, alt, error in rows:
            one, other = (alt, ref) if haplotypes[haplotype][site] else (ref, alt)
            chances = [1 - error if base == allele else error / 3 for allele in (one, other)]
            likely *= (1 - miscopied) * chances[0] + miscopied * chances[1]
        return likely

    def path(states):
        chance = 1 / count
        for gap, (before, after) in enumerate(itertools.pairwise(states)):
            chance *= switch[gap] / count + (1 - switch[gap]) * (before == after)
        return chance

    total = 0.0
    paths = list(itertools.product(range(count), repeat=len(fragments)))
    for one, two in itertools.product(paths, repeat=2):
        emitted = math.prod(
            (fragment(rows, a) + fragment(rows, b)) / 2
            for rows, a, b in zip(fragments, one, two, strict=True)
        )
        total += path(one) * path(two) * emitted
    return total
