"""Rule present_scores: the scores at other host shares, as a Pareto picture, as a page and for MultiQC."""

from avatarflow.reads.scoring.pages import write_multiqc, write_page
from avatarflow.reads.scoring.pareto import plot_pareto
from avatarflow.reads.scoring.residual import write_residuals
from avatarflow.runs.context import step

with step(snakemake) as run:
    write_residuals(
        snakemake.input.scores, snakemake.params.host_shares, snakemake.output.residuals
    )
    plot_pareto(snakemake.input.scores, snakemake.output.pareto)
    write_page(snakemake.input.scores, snakemake.wildcards.name, snakemake.output.page)
    write_multiqc(snakemake.input.scores, snakemake.wildcards.name, snakemake.output.multiqc)
    for path in (snakemake.output.residuals, snakemake.output.pareto, snakemake.output.page):
        run.artifact(path)
