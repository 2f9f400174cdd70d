"""Rule make_individual: two haplotypes and the phased VCF that makes them."""

from pathlib import Path

from avatarflow.reads.donors.individual import make_individual
from avatarflow.runs.context import step

with step(snakemake) as run:
    make_individual(
        snakemake.input.host,
        Path(snakemake.output.variants).parent,
        level=float(snakemake.wildcards.variation),
        rates=snakemake.params.rates,
        seed=snakemake.params.seed,
        donor=snakemake.wildcards.donor,
        panel=snakemake.params.panel,
        step=run,
        structural=snakemake.params.structural,
    )
