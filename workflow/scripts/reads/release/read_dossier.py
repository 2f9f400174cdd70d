"""Rule read_dossier: the dossier of a release of cleaned reads for the privacy officer."""

from avatarflow.release.dossier.reads import read_dossier
from avatarflow.runs.context import step

with step(snakemake):
    read_dossier(
        snakemake.wildcards.name,
        snakemake.input.certificate,
        snakemake.params.settings,
        pages={"de": snakemake.output.de, "en": snakemake.output.en},
        pdfs={"de": snakemake.output.de_pdf, "en": snakemake.output.en_pdf},
    )
