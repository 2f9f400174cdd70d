"""Rule find_regions: repeats, chrM, sex chromosomes and the user's own classes of places."""

from avatarflow.reads.genomes.regions import find_regions
from avatarflow.runs.context import step

with step(snakemake) as run:
    find_regions(
        snakemake.input.host,
        {**snakemake.params.reference, "fasta": snakemake.input.get("reference")},
        dict(zip(snakemake.params.regions, snakemake.input.beds, strict=True)),
        snakemake.params.seed,
        snakemake.output.regions,
        run,
    )
