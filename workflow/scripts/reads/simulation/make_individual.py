"""Rule make_individual: two haplotypes and the phased VCF that makes them."""

from avatarflow.reads.donors.individual import Donor, make_individual
from avatarflow.reads.donors.variation import Rates
from avatarflow.runs.context import step

with step(snakemake) as run:
    donor = Donor(
        name=snakemake.wildcards.donor,
        level=float(snakemake.wildcards.variation),
        rates=Rates.of(snakemake.params.rates),
        seed=snakemake.params.seed,
        panel=snakemake.input.get("panel"),
        sample=snakemake.params.sample,
        structural=snakemake.params.structural,
    )
    make_individual(snakemake.input.host, donor, outputs=dict(snakemake.output), step=run)
