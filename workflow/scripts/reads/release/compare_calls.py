"""Rule compare_calls: tools against each other where nobody knows the truth."""

from avatarflow.reads.scoring.agreement import write_agreement
from avatarflow.reads.scoring.agreement_figure import plot_agreement
from avatarflow.reads.scoring.cells import with_files
from avatarflow.runs.context import step

with step(snakemake) as run:
    cells = with_files(
        snakemake.params.cells,
        index=snakemake.input.index,
        calls=snakemake.input.calls,
        usage=snakemake.input.usage,
    )
    write_agreement(cells, snakemake.output.calls, snakemake.output.agreement)
    plot_agreement(snakemake.output.calls, snakemake.output.agreement, snakemake.output.plot)
    run.artifact(snakemake.output.calls)
    run.artifact(snakemake.output.plot)
