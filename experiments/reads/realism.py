"""Our reads beside real ones: writes results/realism.json and docs/figures/realism_{illumina,nanopore}.png.

    AVATARFLOW_DATA=... .venv/bin/python experiments/reads/realism.py

A profile is fitted to real reads, reads are simulated with it (lengths, error and indels as the fit
suggests), and both are counted in the same way after the same aligner. Illumina: NA12878 on chrM,
as aligned by iSAAC; ours aligned with bwa mem. Nanopore: amplicons of SARS-CoV-2 (old chemistry),
both aligned with minimap2 map-ont; and eight human reads (R10.4.1), whose alignments are taken as
they are, so that ours, from a made-up genome, differ by the aligner too.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "workflow" / "scripts"))
RESULT, FIGURES = ROOT / "benchmarks" / "results" / "realism.json", ROOT / "docs" / "figures"
KEYS = ("reads1", "reads2", "bam", "truth")
PAIRS = [one + two for one in "ACGT" for two in "ACGT"]  # base before, base
ADAPTER = {"share": 0.0, "sequence": "ACGT"}


def simulated(
    folder: Path, host: Path, profile: Path, reads: Mapping[str, Any], error: float
) -> dict[str, str]:
    """Reads of the host without variants of a person, joined."""
    from avatarflow.reads.donors.individual import Donor, make_individual, outputs_in
    from avatarflow.reads.donors.variation import Rates
    from avatarflow.reads.simulation.joining import join_shards
    from avatarflow.reads.simulation.simulate import simulate_shard
    from avatarflow.runs.context import Step

    rates = {"indel_share": 0.0, "indel_mean_bp": 2.5, "homozygous_share": 0.35, "ti_tv": 2.1}
    make_individual(
        str(host),
        Donor("donor", 0.0, Rates.of(rates), 1),
        outputs_in(folder / "person"),
        Step.null(),
    )
    (folder / "microbes.fa").write_text(">m:m\n" + "ACGT" * 50 + "\n")
    files = {"host": str(host), "microbes": str(folder / "microbes.fa"), "profile": str(profile)}
    files |= {name: str(folder / "person" / f"{name}.parquet") for name in ("variants", "parts")}
    out = {key: str(folder / key) for key in KEYS}
    cell = {"donor": "donor", "error": error, "seeds": {"fragments": 1, "errors": 1}}
    simulate_shard(files, reads, {"host_share": 1.0, "weights": {}}, cell, (0, 1), out, Step.null())
    join_shards({key: [path] for key, path in out.items()}, outputs=out)
    return out


def aligned(command: list[str], out: Path) -> Path:
    """What an aligner says, as a file."""
    with out.open("wb") as file:
        subprocess.run(command, stdout=file, stderr=subprocess.DEVNULL, check=True)
    return out


def figures(found: Any, reads: list[Any]) -> dict[str, Any]:
    """What is compared of one set of reads."""
    from avatarflow.reads.profiles.counts import homopolymer_law, rates

    cycles = np.flatnonzero(found.bases.sum(0) >= min(100, len(reads) // 2))
    scores = np.arange(found.quality.shape[2])
    count = found.quality.sum(2)
    with np.errstate(invalid="ignore", divide="ignore"):
        quality = np.where(count > 0, (found.quality @ scores) / count, np.nan)
        wrong = np.where(found.bases > 0, found.wrong / found.bases, np.nan)
        by_quality = np.where(
            found.by_quality[0] >= 200, found.by_quality[1] / found.by_quality[0], np.nan
        )
        context = np.where(found.context[0] > 0, found.context[1] / found.context[0], np.nan)
    lengths = [(row[1:21] / max(row.sum(), 1)).tolist() for row in found.lengths]
    return {
        "rates": rates(found),
        "quality_by_cycle": [clean(row[cycles]) for row in quality],
        "error_by_cycle": [clean(row[cycles]) for row in wrong],
        "error_by_quality": clean(by_quality),
        "error_by_context": dict(zip(PAIRS, clean(context.ravel()), strict=True)),
        "insertion_lengths": lengths[0],
        "deletion_lengths": lengths[1],
        "insertion_at": homopolymer_law(found, 0).tolist(),
        "deletion_at": homopolymer_law(found, 1).tolist(),
        "aligned_lengths": np.quantile(found.read_bp, np.linspace(0, 1, 21)).tolist(),
    }


def clean(values: Any) -> list[float | None]:
    """Numbers as JSON takes them."""
    return [
        round(float(value), 7) if np.isfinite(value) else None
        for value in np.asarray(values, float)
    ]


def pair(name: str, folder: Path, data: Path) -> dict[str, Any]:
    """Figures of the real reads and of ours, for one set."""
    from avatarflow.reads.profiles.fit import fit_profile, observed
    from avatarflow.runs.context import Step

    sets = {"illumina_chrM": illumina, "nanopore_sars_cov_2": amplicons, "nanopore_human": human}
    real, reference, platform, ours = sets[name](folder, data)
    profile, summary = folder / "profile.tsv", folder / "profile.json"
    numbers = fit_profile(str(real), reference, platform, str(profile), str(summary), Step.null())
    bam, host = ours(profile, json.loads(summary.read_text())["reads"], numbers)
    return {
        "real": figures(*observed(str(real), reference)),
        "ours": figures(*observed(str(bam), str(host))),
    }


def illumina(folder: Path, data: Path) -> tuple[Any, ...]:
    """NA12878 on chrM."""
    host = data / "human" / "chrM_hg19.fa"

    def ours(
        profile: Path, settings: Mapping[str, Any], _: Mapping[str, float]
    ) -> tuple[Path, Path]:
        reads = {"pairs": 8000, "length_bp": 100, "fragment_mean_bp": 300.0, "fragment_sd_bp": 60.0}
        out = simulated(
            folder,
            host,
            profile,
            {**reads, "indel_ratio": settings["indel_ratio"]},
            settings["error"][0],
        )
        index = folder / "bwa"
        subprocess.run(
            ["bwa", "index", "-p", str(index), str(host)], stderr=subprocess.DEVNULL, check=True
        )
        return aligned(
            ["bwa", "mem", str(index), out["reads1"], out["reads2"]], folder / "ours.sam"
        ), host

    return data / "reads" / "illumina_human_NA12878_chrM.bam", str(host), "illumina", ours


def amplicons(folder: Path, data: Path) -> tuple[Any, ...]:
    """SARS-CoV-2 amplicons."""
    host = data / "microbes" / "SARS-CoV-2_MN908947.3.fasta"
    command = ["minimap2", "-a", "-x", "map-ont", str(host)]
    real = aligned(
        [*command, str(data / "reads" / "ont_SARS-CoV-2_MT007544.fastq")], folder / "real.sam"
    )

    def ours(
        profile: Path, settings: Mapping[str, Any], numbers: Mapping[str, float]
    ) -> tuple[Path, Path]:
        reads = long_reads(400, settings, numbers, 30_000)
        out = simulated(folder, host, profile, reads, settings["error"][0])
        return aligned([*command, out["reads1"]], folder / "ours.sam"), host

    return real, str(host), "nanopore", ours


def human(folder: Path, data: Path) -> tuple[Any, ...]:
    """Eight human reads; ours come from a made-up genome."""
    from avatarflow.reads.genomes.genome import write_fasta
    from avatarflow.reads.genomes.random_genomes import random_genome

    host = folder / "host.fa"
    write_fasta(host, random_genome("chr1", 1_000_000, 0.41, 0.3, 1))

    def ours(
        profile: Path, settings: Mapping[str, Any], numbers: Mapping[str, float]
    ) -> tuple[Path, Path]:
        out = simulated(
            folder, host, profile, long_reads(40, settings, numbers, 500_000), settings["error"][0]
        )
        command = ["minimap2", "-a", "-x", "map-ont", str(host), out["reads1"]]
        return aligned(command, folder / "ours.sam"), host

    return data / "reads" / "ont_human_HG008.bam", None, "nanopore", ours


def long_reads(
    count: int, settings: Mapping[str, Any], numbers: Mapping[str, float], most: int
) -> dict[str, Any]:
    """The config's `reads` that a fit suggests, without adapters, chimeras and junk: alignments leave these out."""
    law = {"length_distribution": "gamma", **settings["long"], "min_bp": 100, "max_bp": most}
    law["sd_bp"] = max(law["sd_bp"], 1)
    adapters = {"start": ADAPTER, "end": ADAPTER}
    return {
        "platform": "nanopore",
        "pairs": count,
        "long": {**law, "chimeras": 0.0, "junk": 0.0, "adapters": adapters},
    }


def draw(sets: Mapping[str, Any], names: list[str], out: Path) -> None:
    """One row of panels a set, real reads black, ours blue."""
    figure, axes = plt.subplots(len(names), 7, figsize=(26, 3.4 * len(names)), squeeze=False)
    for row, name in zip(axes, names, strict=True):
        for label, colour in (("real", "black"), ("ours", "tab:blue")):
            part = sets[name][label]
            for panel, key in ((0, "quality_by_cycle"), (1, "error_by_cycle")):
                for mate, style in ((0, "-"), (1, "--")):
                    values = np.array(part[key][mate], float)
                    if np.isfinite(values).any():
                        width = max(len(values) // 60, 1)
                        smooth = np.nanmean(
                            values[: len(values) // width * width].reshape(-1, width), axis=1
                        )
                        row[panel].plot(
                            np.arange(len(smooth)) * width + 1, smooth, style, color=colour, lw=1.2
                        )
            row[2].plot(
                range(64),
                np.array(part["error_by_quality"], float),
                ".-",
                color=colour,
                lw=0.8,
                label=label,
            )
            context = part["error_by_context"]
            row[3].plot(range(16), [context[key] for key in context], "o", color=colour, ms=4)
            for key, style in (("insertion_lengths", "--"), ("deletion_lengths", "-")):
                values = np.array(part[key][:10])
                row[4].plot(
                    range(1, 11),
                    np.where(values > 0, values, np.nan),
                    style,
                    marker=".",
                    color=colour,
                )
            for key, style in (("insertion_at", "--"), ("deletion_at", "-")):
                row[5].plot(
                    range(1, len(part[key]) + 1), part[key], style, marker=".", color=colour
                )
            row[6].plot(np.linspace(0, 1, 21), part["aligned_lengths"], ".-", color=colour)
        row[0].set(title=f"{name}: quality by cycle", xlabel="cycle", ylabel="mean phred")
        row[1].set(title="substitutions by cycle", xlabel="cycle", yscale="log")
        row[2].set(title="substitutions by quality", xlabel="phred", yscale="log")
        row[2].legend()
        row[3].set(title="substitutions by context", xticks=range(16), xlabel="base before, base")
        row[3].set_xticklabels(
            list(sets[name]["real"]["error_by_context"]), rotation=90, fontsize=7
        )
        row[4].set(title="indel lengths (insertions dashed)", xlabel="bases", yscale="log")
        row[5].set(
            title="indels by homopolymer, per base",
            xlabel="length of the homopolymer",
            ylabel="relative to 1",
        )
        row[6].set(title="aligned bases of a read", xlabel="quantile")
    figure.tight_layout()
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=80)
    plt.close(figure)


def main() -> None:
    """Measure, write, draw."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    data = Path(os.environ.get("AVATARFLOW_DATA") or ROOT.parent / "shared" / "data") / "genomes"
    missing = [tool for tool in ("bwa", "minimap2") if shutil.which(tool) is None]
    if missing or not data.is_dir():
        sys.exit(
            f"realism: lacking {', '.join(missing) or data}; install the tools, set AVATARFLOW_DATA"
        )
    sets = {}
    for name in ("illumina_chrM", "nanopore_sars_cov_2", "nanopore_human"):
        with tempfile.TemporaryDirectory() as folder:
            sets[name] = pair(name, Path(folder), data)
        rates = {
            label: {k: round(v, 4) for k, v in part["rates"].items()}
            for label, part in sets[name].items()
        }
        print(name, json.dumps(rates, indent=1))
    RESULT.write_text(json.dumps(sets, indent=1) + "\n")
    draw(sets, ["illumina_chrM"], FIGURES / "realism_illumina.png")
    draw(sets, ["nanopore_sars_cov_2", "nanopore_human"], FIGURES / "realism_nanopore.png")


if __name__ == "__main__":
    main()
