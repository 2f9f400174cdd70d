"""The genomes of a benchmark, read or made up, checked and written in one form."""

from collections.abc import Mapping
from typing import Any

from ..errors import AvatarflowError, Problems, refuse
from ..runtime import Step
from .genome import Genome, cut, random_genome, read_fasta, write_fasta
from .simulate import TAXON_MARK

HOST_GC = 0.41
MICROBE_GC = (0.38, 0.66)  # first and last made-up microbe; the others lie between
HOST_REPEATS, MICROBE_REPEATS = 0.3, 0.02
CONTIG = "chr1"


def host_genome(reference: Mapping[str, Any], seed: int) -> Genome:
    """The host from `fasta` (and `region`), or made up with `generated_bp` bases."""
    if reference["fasta"] is None:
        return random_genome(CONTIG, reference["generated_bp"], HOST_GC, HOST_REPEATS, seed)
    genome = read_fasta(reference["fasta"])
    return cut(genome, reference["region"]) if reference["region"] else genome


def made_up_microbes(generated: Mapping[str, Any], seed: int) -> dict[str, Genome]:
    """As many microbes as asked, from AT-rich to GC-rich."""
    count, (low, high) = generated["count"], MICROBE_GC
    names = [f"microbe{number}" for number in range(1, count + 1)]
    gcs = [low + (high - low) * number / max(count - 1, 1) for number in range(count)]
    return {
        name: random_genome(name, generated["length_bp"], gc, MICROBE_REPEATS, seed)
        for name, gc in zip(names, gcs, strict=True)
    }


def microbe_genomes(microbes: Mapping[str, Any], seed: int) -> dict[str, Genome]:
    """Taxon to genome: the files, or made up where none is given; all unreadable files are told at once."""
    if not microbes["genomes"]:
        return made_up_microbes(microbes["generated"], seed)
    problems, genomes = Problems(), {}
    for taxon, settings in microbes["genomes"].items():
        try:
            genomes[taxon] = read_fasta(settings["fasta"])
        except AvatarflowError as error:
            problems.extend(str(error).splitlines())
    problems.raise_if_any()
    return genomes


def prepare_genomes(
    reference: Mapping[str, Any], microbes: Mapping[str, Any], seed: int, host: str, others: str, step: Step
) -> None:
    """Write the host's FASTA and one FASTA of all microbes, whose contigs are named `taxon:contig`.

    Parameters
    ----------
    reference, microbes : mapping
        The config's parts, paths made usable.
    seed : int
        Of made-up genomes.
    host, others : path
        Outputs.
    step : Step
    """
    genome, taxa = host_genome(reference, seed), microbe_genomes(microbes, seed)
    if not len(genome.codes):
        raise refuse("reference", "an empty host genome", "give a FASTA file or a length")
    write_fasta(host, genome)
    contigs = [(f"{taxon}{TAXON_MARK}{name}", codes) for taxon, part in taxa.items() for name, codes in part.contigs()]
    write_fasta(others, Genome.of(contigs))
    step.info("host %d bases, %d microbes with %d bases", len(genome.codes), len(taxa), sum(len(codes) for _, codes in contigs))
