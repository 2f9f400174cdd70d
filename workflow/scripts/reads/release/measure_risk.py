"""Rule measure_risk: one row of risk per tool, setting, error and variation."""

from avatarflow.reads.risk.donors import with_panels
from avatarflow.reads.risk.table import write_risk
from avatarflow.reads.scoring.cells import with_files
from avatarflow.runs.context import step

with step(snakemake) as run:
    table = write_risk(
        with_files(
            snakemake.params.cells,
            truth=snakemake.input.truth,
            calls=snakemake.input.calls,
            bam=snakemake.input.bam,
        ),
        snakemake.input.host,
        with_panels(snakemake.params.donors, snakemake.input.panels),
        {**snakemake.params.settings, "map": snakemake.input.get("map")},
        seed=snakemake.params.seed,
        output=snakemake.output.risk,
        step=run,
    )
    run.artifact(snakemake.output.risk)
    for row in table[table["result"] == "measured"].itertuples():
        run.metric(f"bits_{row.tool}_{row.setting}_e{row.error:g}_v{row.variation:g}", row.bits)
