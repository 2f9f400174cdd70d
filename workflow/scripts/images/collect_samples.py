"""Rule collect_samples: the candidates of one stage, cut by picture count."""

from avatarflow.imaging.shards import recut
from avatarflow.runs.context import step

with step(snakemake) as run:
    recut(snakemake.input.parts, snakemake.output.pictures)
