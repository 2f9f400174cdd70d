"""Rule audit_report: one page for the privacy officer, and its figures."""

from avatarflow.audit.report import audit_report
from avatarflow.runs.context import step

with step(snakemake) as run:
    audit_report(
        snakemake.wildcards.name,
        {
            "originals": snakemake.input.originals,
            "candidates": snakemake.input.candidates,
            "calibrated": snakemake.input.calibrated,
            "weighed": snakemake.input.weighed,
            "attacks": snakemake.input.attacks,
            "verifier": snakemake.input.get("verifier"),
        },
        {
            "risks": snakemake.input.risks,
            "plane": snakemake.input.plane,
            "baselines": snakemake.input.baselines,
            "attacks": snakemake.input.attacks_figure,
            "pairs": snakemake.input.pairs,
        },
        snakemake.params.settings,
        dict(snakemake.output),
        step=run,
    )
