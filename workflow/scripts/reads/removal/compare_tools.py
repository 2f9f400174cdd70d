"""Rule compare_tools: tools against each other on the same fragments, and what their misses have in common."""

from avatarflow.reads.scoring.alleles import write_allele_bias
from avatarflow.reads.scoring.cells import with_files
from avatarflow.reads.scoring.mate_rules import write_mate_rules
from avatarflow.reads.scoring.mcnemar import write_comparison
from avatarflow.runs.context import step

with step(snakemake) as run:
    cells = with_files(
        snakemake.params.cells,
        truth=snakemake.input.truth,
        calls=snakemake.input.calls,
        usage=snakemake.input.usage,
    )
    write_comparison(cells, snakemake.output.pairs)
    write_allele_bias(cells, snakemake.output.alleles)
    write_mate_rules(cells, snakemake.output.mates)
    run.artifact(snakemake.output.pairs)
    run.artifact(snakemake.output.mates)
    run.artifact(snakemake.output.alleles)
