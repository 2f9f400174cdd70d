"""The genomes of a benchmark, read or made up, checked and written in one form."""

from collections.abc import Mapping
from typing import Any

from avatarflow.core.errors import Problems, noting, refuse
from avatarflow.reads.simulation.sources import TAXON_MARK
from avatarflow.runs.context import Step

from .genome import Genome, N, cut, read_fasta, write_fasta
from .random_genomes import made_up_host, made_up_microbes


def host_genome(reference: Mapping[str, Any], seed: int) -> Genome:
    """The host from `fasta` (and `region`), or made up with `generated_bp` bases."""
    if reference["fasta"] is None:
        return made_up_host(reference["generated_bp"], seed)
    genome = read_fasta(reference["fasta"])
    return cut(genome, reference["region"]) if reference["region"] else genome


def microbe_genomes(
    files: Mapping[str, str], generated: Mapping[str, Any], seed: int
) -> dict[str, Genome]:
    """Taxon to genome: the files, or made up where none is given; all unreadable files are told at once."""
    if not files:
        return made_up_microbes(generated, seed)
    problems, genomes = Problems(), {}
    for taxon, path in files.items():
        with noting(problems):
            genomes[taxon] = read_fasta(path)
    problems.raise_if_any()
    return genomes


def prepare_genomes(
    reference: Mapping[str, Any],
    microbes: Mapping[str, str],
    generated: Mapping[str, Any],
    seed: int,
    host: str,
    others: str,
    step: Step,
) -> None:
    """Write the host's FASTA and one FASTA of all microbes, whose contigs are named `taxon:contig`.

    Parameters
    ----------
    reference : mapping
        `fasta` (None: a host is made up), `region` and `generated_bp`.
    microbes : mapping
        Taxon to FASTA.
    generated : mapping
        The config's `microbes.generated`: what is made up where there is no taxon.
    seed : int
        Of made-up genomes.
    host, others : path
        Outputs.
    step : Step
    """
    with Problems() as problems:
        with noting(problems):
            genome = host_genome(reference, seed)
            if not (genome.codes != N).any():
                raise refuse(
                    "reference", "no base that is known, only N", "give the host's sequence"
                )
        with noting(problems):
            taxa = microbe_genomes(microbes, generated, seed)
    write_fasta(host, genome)
    contigs = [
        (f"{taxon}{TAXON_MARK}{name}", codes)
        for taxon, part in taxa.items()
        for name, codes in part.contigs()
    ]
    write_fasta(others, Genome.of(contigs))
    total = sum(len(codes) for _, codes in contigs)
    step.info("host %d bases, %d microbes with %d bases", len(genome.codes), len(taxa), total)
