"""Rule release_dossier: the dossier of a release of pictures for the privacy officer."""

from avatarflow.release.dossier.pictures import picture_dossier
from avatarflow.runs.context import step

with step(snakemake):
    picture_dossier(
        snakemake.wildcards.name,
        dict(snakemake.input),
        snakemake.params.settings,
        pages={"de": snakemake.output.de, "en": snakemake.output.en},
        pdfs={"de": snakemake.output.de_pdf, "en": snakemake.output.en_pdf},
    )
