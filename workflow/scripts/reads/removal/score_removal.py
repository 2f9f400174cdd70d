"""Rule score_removal: one row of scores per tool, setting, error, variation and stratum."""

from avatarflow.reads.scoring.cells import with_files
from avatarflow.reads.scoring.score import level_name, write_scores
from avatarflow.runs.context import step

with step(snakemake) as run:
    cells = with_files(
        snakemake.params.cells,
        index=snakemake.input.index,
        truth=snakemake.input.truth,
        calls=snakemake.input.calls,
        usage=snakemake.input.usage,
    )
    table = write_scores(cells, snakemake.output.scores, snakemake.input.regions)
    run.artifact(snakemake.output.scores)
    for row in table[table["stratum"] == "all"].itertuples():
        name = f"{row.tool} {row.setting}{level_name(row.error, row.variation)}".replace(" ", "_")
        run.info(
            "%s (%s): sensitivity %.4f, specificity %.4f",
            name,
            row.status,
            row.sensitivity,
            row.specificity,
        )
        run.metric(f"sensitivity_{name}", row.sensitivity)
        run.metric(f"specificity_{name}", row.specificity)
