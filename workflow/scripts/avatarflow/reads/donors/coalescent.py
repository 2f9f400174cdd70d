"""People who share a history: a phased panel from a coalescent model, so that no real genotype is needed.

The reference counts as one more haplotype of the population. Then a site's alternative allele is the one that the
reference lacks, ancestral or not, and in a population of constant size i of n haplotypes carry it at theta / i sites,
i = 1..n, as in real panels, where some reference bases are rare ones.

msprime lives here only.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msprime
import numpy as np
import numpy.typing as npt
import pandas as pd
import pysam
import tskit

from avatarflow.core.arrays import Codes
from avatarflow.core.paths import replacing
from avatarflow.core.seeds import generator, integer
from avatarflow.reads import bgzf
from avatarflow.reads.genomes.genome import Genome, read_fasta
from avatarflow.runs.context import Step

from .variation import Rates, described, without_overlaps

BLOCK_SITES = 1024
PEOPLE = "european"

Bits = npt.NDArray[np.uint8]


def person_name(number: int) -> str:
    """The column of a person, counted from 1."""
    return f"person{number}"


def demography(settings: Mapping[str, Any]) -> msprime.Demography:
    """The population's history.

    Parameters
    ----------
    settings : mapping
        `demography`: `constant` (`effective_size` people at all times) or `european` (people of European ancestry, with
        African and Asian ones beside them: bottlenecks, migration, growth that gives many rare variants).

    References
    ----------
    Gutenkunst et al. 2009, PLoS Genetics 5:e1000695, table 1, with 25 years a generation.
    """
    history = msprime.Demography()
    if settings["demography"] == "constant":
        history.add_population(name=PEOPLE, initial_size=settings["effective_size"])
        return history
    parted, out_of_africa, modern = (years / 25 for years in (21_200, 140_000, 220_000))
    history.add_population(name="african", initial_size=12_300, initially_active=True)
    for name, founders, growth in ((PEOPLE, 1_000, 0.004), ("asian", 510, 0.0055)):
        history.add_population(
            name=name, initial_size=founders * np.exp(growth * parted), growth_rate=growth
        )
    history.add_population(name="eurasian", initial_size=2_100)
    history.add_population(name="ancestral", initial_size=7_300)
    for pair, rate in (
        (("african", PEOPLE), 3e-5),
        (("african", "asian"), 1.9e-5),
        ((PEOPLE, "asian"), 9.6e-5),
    ):
        history.set_symmetric_migration_rate(pair, rate)
    history.add_population_split(parted, derived=[PEOPLE, "asian"], ancestral="eurasian")
    history.add_symmetric_migration_rate_change(
        parted, populations=["african", "eurasian"], rate=25e-5
    )
    history.add_population_split(out_of_africa, derived=["eurasian"], ancestral="african")
    history.add_population_split(modern, derived=["african"], ancestral="ancestral")
    return history


def ancestry(
    length_bp: int, settings: Mapping[str, Any], seed: int, contig: int
) -> tskit.TreeSequence:
    """Trees and mutations of one contig: 2 `people` haplotypes, then the reference's.

    References
    ----------
    Baumdicker et al. 2022, Genetics 220:iyab229 (msprime 1.0).
    """
    numbers = [
        integer(seed, f"coalescent.{what}", contig) % (2**32 - 1) + 1
        for what in ("trees", "mutations")
    ]
    counts = ((settings["people"], 2), (1, 1))
    samples = [
        msprime.SampleSet(count, population=PEOPLE, ploidy=ploidy) for count, ploidy in counts
    ]
    trees = msprime.sim_ancestry(
        samples, demography=demography(settings), sequence_length=length_bp, random_seed=numbers[0],
        recombination_rate=settings["recombination_rate"],
    )  # fmt: skip
    model = msprime.BinaryMutationModel()
    mutated: tskit.TreeSequence = msprime.sim_mutations(
        trees, rate=settings["mutation_rate"], random_seed=numbers[1], model=model
    )
    return mutated


def sites_of(
    name: str, codes: Codes, trees: tskit.TreeSequence, rates: Rates, seed: int, contig: int
) -> Iterator[tuple[pd.DataFrame, Bits]]:
    """Blocks of sites where people differ from the reference, in order, without overlaps.

    Yields
    ------
    sites : DataFrame
        n rows with `position` (0-based), `ref`, `alt`.
    alleles : (n, 2 people) uint8
        1 where a haplotype carries the alternative.
    """
    at = trees.tables.sites.position.astype(np.int64)
    random = generator(seed, "coalescent.alleles", contig)
    words = random.integers(0, 1 << 63, (len(at), 2), np.uint64)
    priority = random.permutation(len(at)).astype(np.uint32)
    table = without_overlaps(
        described(name, codes, at, words, priority, rates).assign(site=lambda part: part.index)
    )
    table = table.set_index("site")[["position", "ref", "alt"]]
    for first in range(0, len(at), BLOCK_SITES):
        here = range(first, min(first + BLOCK_SITES, len(at)))
        chosen = table.index[(table.index >= first) & (table.index < here.stop)].to_numpy()
        states = np.empty((len(here), trees.num_samples), np.uint8)
        left, right = at[first], at[here.stop] if here.stop < len(at) else None
        for variant in trees.variants(alleles=("0", "1"), left=left, right=right):
            states[variant.site.id - first] = variant.genotypes
        differs = (states[chosen - first, :-1] != states[chosen - first, -1:]).astype(np.uint8)
        seen = differs.any(1)  # a second mutation may have undone the first
        yield table.loc[chosen[seen]].reset_index(drop=True), differs[seen]


def vcf_lines(name: str, sites: pd.DataFrame, alleles: Bits) -> bytes:
    """VCF records of one block."""
    count, people = len(alleles), alleles.shape[1] // 2
    calls = np.full((count, people, 4), ord("|"), np.uint8)
    calls[:, :, 0], calls[:, :, 2] = alleles[:, ::2] + ord("0"), alleles[:, 1::2] + ord("0")
    calls[:, :, 3] = ord("\t")
    calls[:, -1, 3] = ord("\n")
    fixed = zip(
        sites["position"].tolist(),
        sites["ref"],
        sites["alt"],
        calls.reshape(count, 4 * people),
        strict=True,
    )
    return b"".join(
        f"{name}\t{at + 1}\t.\t{ref}\t{alt}\t.\tPASS\t.\tGT\t".encode() + row.tobytes()
        for at, ref, alt, row in fixed
    )


def vcf_head(genome: Genome, people: int) -> bytes:
    """The header: no date and no path, so equal settings give equal bytes."""
    lines = ["##fileformat=VCFv4.2", "##source=avatarflow", '##FILTER=<ID=PASS,Description="All">']
    lines += [f"##contig=<ID={name},length={len(codes)}>" for name, codes in genome.contigs()]
    lines.append('##FORMAT=<ID=GT,Number=1,Type=String,Description="Phased genotype">')
    columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT"]
    names = [person_name(number) for number in range(1, people + 1)]
    return "\n".join([*lines, "\t".join([*columns, *names]), ""]).encode()


def panel_files(folder: str | Path) -> dict[str, Path]:
    """Return the paths that `simulate_panel` writes, in one folder under their usual names."""
    vcf = Path(folder) / "panel.vcf.gz"
    return {"vcf": vcf, "index": vcf.with_name("panel.vcf.gz.tbi")}


def simulate_panel(
    host: str | Path,
    settings: Mapping[str, Any],
    rates: Mapping[str, Any],
    seed: int,
    outputs: Mapping[str, str | Path],
    step: Step,
) -> None:
    """Write a phased panel on the host as a VCF with its index; contigs have histories of their own.

    Parameters
    ----------
    host : path
        FASTA as prepared.
    settings : mapping
        The config's `coalescent`.
    rates : mapping
        The config's `rates`: which kinds of variants there are; zygosity comes from the model.
    seed : int
    outputs : mapping
        Paths: `vcf` (bgzipped), `index`.
    step : Step
        Gets the number of variants.
    """
    genome, kinds, total = read_fasta(host), Rates.of(rates), 0
    with replacing(outputs["vcf"]) as path, replacing(outputs["index"]) as index:
        with path.open("wb") as file:
            file.write(bgzf.compress(vcf_head(genome, settings["people"])))
            for number, (name, codes) in enumerate(genome.contigs()):
                trees = ancestry(len(codes), settings, seed, number)
                for sites, alleles in sites_of(name, codes, trees, kinds, seed, number):
                    file.write(bgzf.compress(vcf_lines(name, sites, alleles)))
                    total += len(sites)
                step.progress(number + 1, len(genome.names), "contigs")
            file.write(bgzf.EOF)
        pysam.tabix_index(str(path), preset="vcf", force=True, index=str(index))
    step.metric("panel_variants", total)
    step.info("%d people, %d variants on %d bases", settings["people"], total, len(genome.codes))
