"""Rule prepare_genomes: the host and the microbes, checked and in one form."""

from avatarflow.reads.genomes.prepare import prepare_genomes
from avatarflow.runs.context import step

with step(snakemake) as run:
    prepare_genomes(
        {**snakemake.params.reference, "fasta": snakemake.input.get("reference")},
        dict(zip(snakemake.params.taxa, snakemake.input.genomes, strict=True)),
        snakemake.params.generated,
        snakemake.params.seed,
        host=snakemake.output.host,
        others=snakemake.output.microbes,
        step=run,
    )
