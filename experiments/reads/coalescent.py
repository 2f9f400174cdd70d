#!/usr/bin/env python3
"""Does the coalescent panel look like people? Frequencies, heterozygosity and linkage beside a real panel's.

    PYTHONPATH=workflow/scripts .venv/bin/python experiments/reads/coalescent.py --data ../shared/data

Real: 300 people on chr20:1-4 Mb. Simulated: as many people on a made-up chromosome as long, by each
demography. Writes results/coalescent.json.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from avatarflow.reads.donors.coalescent import panel_files, simulate_panel
from avatarflow.reads.genomes.genome import cut, read_fasta, write_fasta
from avatarflow.reads.genomes.random_genomes import random_genome
from avatarflow.reads.risk.panel import Panel, read_panel
from avatarflow.runs.context import Step

RESULT = Path(__file__).parent / "results" / "coalescent.json"
DISTANCES_BP = (100, 1_000, 10_000, 50_000, 100_000, 500_000)
PAIRS = 4000  # of sites, per distance
COMMON = 0.05  # least minor frequency of sites whose linkage is taken
HISTORIES = {
    "constant": {"demography": "constant", "effective_size": 10_000, "mutation_rate": 1.25e-8},
    "european": {"demography": "european", "effective_size": 10_000, "mutation_rate": 2.35e-8},
}


def linkage(panel: Panel, seed: int = 1) -> dict[int, Any]:
    """Mean r2 of common sites that lie about so far apart."""
    haplotypes = panel.alleles.reshape(len(panel.alleles), -1).astype(float)
    mean = haplotypes.mean(1)
    common = np.flatnonzero(np.minimum(mean, 1 - mean) >= COMMON)
    at, random, found = panel.position[common], np.random.default_rng(seed), {}
    for distance in DISTANCES_BP:
        first = random.integers(len(common), size=PAIRS)
        second = np.searchsorted(at, at[first] + distance)
        ok = second < len(at)
        first, second = first[ok], second[ok]
        near = np.abs(at[second] - at[first] - distance) <= 0.2 * distance
        pairs = [np.corrcoef(haplotypes[common[i]], haplotypes[common[j]])[0, 1] ** 2
                 for i, j in zip(first[near], second[near], strict=True) if i != j]  # fmt: skip
        found[distance] = {"r2": float(np.mean(pairs)), "pairs": len(pairs)}
    return found


def figures(panel: Panel, length_bp: int) -> dict[str, Any]:
    """What a population is known by."""
    counts = panel.alleles.sum((1, 2), dtype=int)
    whole = 2 * len(panel.people)
    minor = np.minimum(counts, whole - counts)
    heterozygous = (panel.alleles[:, :, 0] != panel.alleles[:, :, 1]).sum(0) / length_bp
    return {
        "people": len(panel.people),
        "snps": len(counts),
        "snps_per_kb": len(counts) / length_bp * 1e3,
        "heterozygous_per_kb": float(heterozygous.mean() * 1e3),
        "heterozygous_per_kb_sd": float(heterozygous.std() * 1e3),
        "share_singletons": float((minor == 1).mean()),
        "share_common": float((minor / whole >= COMMON).mean()),
        "share_alternative_above_half": float((counts > whole / 2).mean()),
        "linkage": linkage(panel),
    }


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, default=RESULT)
    given = parser.parse_args()
    folder = given.data / "genomes"
    real = cut(read_fasta(folder / "human" / "chr20_b37.fa.gz"), "20:1000001-4000000")
    panel = read_panel(folder / "panel" / "1kgp3_eur300_chr20_1-4Mb.phased.vcf.gz", real)
    found = {"real": figures(panel, 3_000_000)}
    with tempfile.TemporaryDirectory() as place:
        host = Path(place) / "host.fa"
        genome = random_genome("chr1", 3_000_000, 0.41, 0.3, 1)
        write_fasta(host, genome)
        for name, history in HISTORIES.items():
            settings = {"people": len(panel.people), "recombination_rate": 1.0e-8, **history}
            simulate_panel(
                host,
                settings,
                {"indel_share": 0.0},
                1,
                panel_files(Path(place) / name),
                Step.null(),
            )
            own = read_panel(Path(place) / name / "panel.vcf.gz", genome)
            found[name] = {**settings, **figures(own, 3_000_000)}
    given.output.write_text(json.dumps(found, indent=1) + "\n")
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
