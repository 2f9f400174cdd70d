"""Rule officer_report: one page for the privacy officer."""

from avatarflow.release.report import officer_page_of
from avatarflow.runs.context import step

with step(snakemake):
    officer_page_of(
        snakemake.input.certificate,
        {
            "plane": snakemake.input.plane,
            "baselines": snakemake.input.baselines,
            "near_duplicates": snakemake.input.get("near_duplicates"),
            "attacks": snakemake.input.attacks_figure,
            "canaries": snakemake.input.get("canaries", ""),
            "overview": snakemake.input.overview,
            "frontier": snakemake.input.frontier,
            "pairs": snakemake.input.pairs,
            "contact_sheet": snakemake.params.contact_sheet,
        },
        snakemake.output.page,
        attacks=snakemake.input.attacks,
    )
