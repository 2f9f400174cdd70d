"""Rule intake: a validated pool of pictures, divided by person."""

from avatarflow.intake.consent.gate import ConsentFiles
from avatarflow.intake.fhir.uses import files_of, remove
from avatarflow.intake.sources.rows import Place
from avatarflow.intake.sources.withdrawn import IntakeInputs
from avatarflow.intake.step import take_in
from avatarflow.runs.context import step

with step(snakemake) as run:
    take_in(
        snakemake.params.settings,
        IntakeInputs(
            Place(
                snakemake.params.root,
                snakemake.input.get("manifest"),
                labels=[
                    *snakemake.input.get("labels", []),
                    *files_of(snakemake.params.downloads, "labels"),
                ],
            ),
            consents=ConsentFiles(
                files=[
                    *snakemake.input.get("consents", []),
                    *files_of(snakemake.params.downloads, "consents"),
                ],
                day=snakemake.params.day,
                record=snakemake.params.day_record,
                state=snakemake.params.consent_state,
            ),
            withdrawn=snakemake.input.get("withdrawn"),
        ),
        seed=snakemake.params.seed,
        processes=snakemake.threads,
        outputs={
            "pictures": snakemake.output.pictures,
            "summary": snakemake.output.summary,
            "refused": snakemake.params.refused,
        },
        step=run,
        # not a parameter of the rule: another cone or gate must not read the originals again
        asked=snakemake.config[snakemake.wildcards.map][snakemake.wildcards.name],
    )
    remove(snakemake.params.downloads)
