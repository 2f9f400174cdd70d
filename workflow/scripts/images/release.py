"""Rule release: the decision, and the pictures that may be published."""

from avatarflow.release.step import release_entry
from avatarflow.runs.context import step

with step(snakemake) as run:
    release_entry(
        snakemake.wildcards.name,
        {
            "samples": snakemake.input.samples,
            "decisions": snakemake.input.decisions,
            "teacher_samples": snakemake.input.teacher_samples,
            "teacher_decisions": snakemake.input.teacher_decisions,
            "summary": snakemake.input.summary,
            "calibrated": snakemake.input.calibrated,
            "metrics": snakemake.input.metrics,
            "attacks": snakemake.input.attacks,
            "model": snakemake.input.model,
            "teacher_verifier": snakemake.input.get("teacher_verifier"),
            "student_verifier": snakemake.input.get("student_verifier"),
            "canaries": snakemake.input.get("canaries", ""),
        },
        snakemake.params.settings,
        outputs=dict(snakemake.output),
        step=run,
        signing=snakemake.params.signing,
    )
