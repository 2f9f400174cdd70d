"""An error profile fitted from a BAM, as a file that the simulator reads, and what it says in numbers."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from avatarflow.core.arrays import Floats
from avatarflow.core.errors import refuse
from avatarflow.core.paths import write_text
from avatarflow.reads.genomes.genome import read_fasta
from avatarflow.reads.simulation.nanopore.errors import BINS
from avatarflow.runs.context import Step

from .alignment_columns import Columns, aligned_columns
from .counts import QUALITIES, Tally, homopolymer_law, rates, tally, variant_places

MOST_READS = 20_000
LEAST_COLUMNS = 10_000  # fewer say nothing about rates of some percent
# bases with the mean error that are added to every cycle, so that none is free of errors
PSEUDO = 200


def fit_profile(
    bam: str,
    reference: str | None,
    platform: str,
    profile: str,
    summary: str,
    step: Step,
    most_reads: int = MOST_READS,
) -> dict[str, float]:
    """Fit a profile and write it.

    Parameters
    ----------
    bam : path
        Reads aligned to `reference`.
    reference : path, optional
        FASTA; None takes the reference's bases from the MD tags.
    platform : str
        `illumina` or `nanopore`: the form of the profile.
    profile, summary : path
        Outputs: TSV and JSON. The JSON holds the rates that belong into the config (`reads.error`, `reads.indel_ratio`,
        lengths), which a profile only gives the shape of.
    step : Step
    most_reads : int
        The first so many reads are used.

    Raises
    ------
    AvatarflowError
        If the BAM has too few usable columns, or see `aligned_columns`.
    """
    found, reads = observed(bam, reference, most_reads)
    if sum(row[0] for row in found.columns) < LEAST_COLUMNS:
        raise refuse(
            bam,
            f"fewer than {LEAST_COLUMNS} usable aligned bases",
            "give more reads, aligned with quality 20",
        )
    numbers = rates(found)
    lines = _nanopore(found, numbers) if platform == "nanopore" else _illumina(found)
    head = [
        f"# Fitted from {len(reads)} aligned reads; the summary beside it says what belongs into the config."
    ]
    write_text(profile, "\n".join([*head, *lines]) + "\n")
    write_text(summary, json.dumps(suggested(numbers, platform), indent=1) + "\n")
    step.info(
        "%d reads, %d columns, error %.4f", len(reads), int(numbers["columns"]), numbers["error"]
    )
    return numbers


def observed(
    bam: str, reference: str | None, most_reads: int = MOST_READS
) -> tuple[Tally, list[Columns]]:
    """The counts of a BAM without the person's own variants, as far as depth tells them apart, and its columns."""
    genome = read_fasta(reference) if reference else None
    reads = list(aligned_columns(bam, genome, most_reads))
    return tally(reads, variant_places(reads)), reads


def suggested(numbers: Mapping[str, float], platform: str) -> dict[str, Any]:
    """What was found, and the config keys that follow from it."""
    if platform == "nanopore":
        long = {
            "mean_bp": round(numbers["length_mean_bp"]),
            "sd_bp": round(numbers["length_sd_bp"]),
        }
        config: dict[str, Any] = {"error": [round(numbers["error"], 5)], "long": long}
    else:
        ratio = round(min(numbers["indel_ratio"], 1.0), 5)
        config = {"error": [round(numbers["substitution_rate"], 6)], "indel_ratio": ratio}
    return {"found": {key: round(value, 6) for key, value in numbers.items()}, "reads": config}


def _nanopore(found: Tally, numbers: Mapping[str, float]) -> list[str]:
    scalars = (
        "error",
        "substitutions",
        "insertions",
        "deletions",
        "insertion_mean_bp",
        "deletion_mean_bp",
        "read_spread",
    )
    lines = ["feature\tat\tvalue", *(f"{name}\t0\t{numbers[name]:.6g}" for name in scalars)]
    for row, name in enumerate(("insertion_at", "deletion_at")):
        lines += [
            f"{name}\t{at}\t{value:.4f}" for at, value in enumerate(homopolymer_law(found, row), 1)
        ]
    phred, relative = quality_bins(found.by_quality[0], error_by_quality(found))
    lines += [f"phred\t{at}\t{value:.2f}" for at, value in enumerate(phred, 1)]
    return lines + [f"relative_error\t{at}\t{value:.5f}" for at, value in enumerate(relative, 1)]


def _illumina(found: Tally) -> list[str]:
    names = [f"{name}{at}" for name in ("quality", "error") for at in range(1, BINS + 1)]
    lines = ["\t".join(["mate", "cycle", "error", *names])]
    curve = error_by_quality(found)
    usual = found.quality.sum(1)  # (2, QUALITIES): for cycles without qualities
    for mate in range(2):
        source = mate if found.bases[mate].sum() else 1 - mate
        bases, wrong = found.bases[source], found.wrong[source]
        mean = wrong.sum() / max(bases.sum(), 1)
        for cycle in np.flatnonzero(bases):
            error = (wrong[cycle] + PSEUDO * mean) / (bases[cycle] + PSEUDO)
            here = found.quality[source, cycle]
            phred, relative = quality_bins(here if here.sum() else usual[source], curve)
            numbers = [f"{value:.5g}" for value in (error, *phred, *relative)]
            lines.append("\t".join([str(mate + 1), str(cycle + 1), *numbers]))
    return lines


def error_by_quality(found: Tally) -> Floats:
    """Chance of a substitution by phred score, (QUALITIES,), never rising with it (pooled adjacent violators)."""
    seen, wrong = found.by_quality.astype(float)
    mean = wrong.sum() / max(seen.sum(), 1)
    blocks: list[list[float]] = []
    for score in range(QUALITIES):
        # one base with the mean error: none is empty
        blocks.append([wrong[score] + mean, seen[score] + 1, 1])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] < blocks[-1][0] / blocks[-1][1]:
            last = blocks.pop()
            blocks[-1] = [a + b for a, b in zip(blocks[-1], last, strict=True)]
    return np.concatenate([np.full(int(size), bad / total) for bad, total, size in blocks])


def quality_bins(counts: Any, curve: Floats) -> tuple[Floats, Floats]:
    """A distribution of phred scores as BINS equally likely ones: mean score and relative error (mean 1) of each."""
    share = counts / max(counts.sum(), 1)
    if not counts.sum():
        return np.full(BINS, 20.0), np.ones(BINS)
    edges = np.concatenate([[0.0], np.cumsum(share)])
    phred, error = np.zeros(BINS), np.zeros(BINS)
    for bin_ in range(BINS):
        low, high = bin_ / BINS, (bin_ + 1) / BINS
        part = np.clip(np.minimum(edges[1:], high) - np.maximum(edges[:-1], low), 0, None) * BINS
        phred[bin_], error[bin_] = part @ np.arange(QUALITIES), part @ curve
    return phred, error / error.mean() if error.mean() > 0 else np.ones(BINS)
