"""Rule fit_fingerprint: the encoder of an entry."""

from avatarflow.privacy.fingerprints import fit
from avatarflow.privacy.left_out import kept_families
from avatarflow.runtime import step

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
