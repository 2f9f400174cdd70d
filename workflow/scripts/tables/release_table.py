"""Rule release_table: the decision about a table of labels, and the table that may be published."""

from avatarflow.runs.context import step
from avatarflow.tables.release import release_table

with step(snakemake) as run:
    release_table(
        snakemake.wildcards.name,
        {
            "manifest": snakemake.input.get("manifest"),
            "hierarchies": snakemake.input.get("hierarchies"),
            "population": snakemake.input.get("population"),
            "key": snakemake.params.key.get("path"),
        },
        {**snakemake.params.settings, "signing": snakemake.params.signing},
        outputs=dict(snakemake.output),
        folder=snakemake.params.folder,
        step=run,
    )
