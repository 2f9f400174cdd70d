"""Rule intake: a validated pool of pictures, divided by person."""

from avatarflow.intake.consent.gate import ConsentFiles
from avatarflow.intake.fhir.uses import files_of, remove
from avatarflow.intake.sources.withdrawn import ClinicInputs
from avatarflow.intake.step import take_in
from avatarflow.runs.context import step

with step(snakemake) as run:
    take_in(
        snakemake.params.settings,
        manifest=snakemake.input.get("manifest"),
        root=snakemake.params.root,
        seed=snakemake.params.seed,
        processes=snakemake.threads,
        pictures=snakemake.output.pictures,
        summary=snakemake.output.summary,
        refused=snakemake.params.refused,
        step=run,
        inputs=ClinicInputs(
            consents=ConsentFiles(
                files=[
                    *snakemake.input.get("consents", []),
                    *files_of(snakemake.params.downloads, "consents"),
                ],
                day=snakemake.params.day,
                record=snakemake.params.day_record,
                state=snakemake.params.consent_state,
            ),
            labels=[
                *snakemake.input.get("labels", []),
                *files_of(snakemake.params.downloads, "labels"),
            ],
            withdrawn=snakemake.input.get("withdrawn"),
        ),
        # not a parameter of the rule: another cone must not read the originals again
        cone=snakemake.config[snakemake.wildcards.map][snakemake.wildcards.name]["cone"],
    )
    remove(snakemake.params.downloads)
