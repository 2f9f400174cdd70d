"""Rule fit_fingerprint: the encoder of an entry."""

from avatarflow.privacy.fingerprints.step import fit
from avatarflow.privacy.held_out_families import kept_families
from avatarflow.runs.context import step

with step(snakemake) as run:
    fit(
        snakemake.input.pool,
        {**snakemake.params.fingerprint, "families": kept_families(snakemake.params.families)},
        snakemake.params.compute,
        seed=snakemake.params.seed,
        state=snakemake.params.state,
        encoder=snakemake.output.encoder,
        step=run,
    )
