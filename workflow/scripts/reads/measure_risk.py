"""Rule measure_risk: one row of risk per tool, setting, error and variation."""

from avatarflow.reads.risk.table import write_risk
from avatarflow.runs.context import step

with step(snakemake) as run:
    table = write_risk(
        snakemake.params.cells,
        snakemake.input.host,
        snakemake.params.donors,
        snakemake.params.settings,
        snakemake.params.seed,
        snakemake.output.risk,
        run,
        snakemake.params.sexes,
    )
    run.artifact(snakemake.output.risk)
    for row in table[table["result"] == "measured"].itertuples():
        run.metric(f"bits_{row.tool}_{row.setting}_e{row.error:g}_v{row.variation:g}", row.bits)
