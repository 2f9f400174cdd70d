#!/usr/bin/env python3
"""Who is found by how many residual fragments, and which likelihood ratio is honest, on a real panel of 300 people.

    AVATARFLOW_DATA=../shared/data PYTHONPATH=workflow/scripts .venv/bin/python experiments/reads/risk.py

Every person of the panel is the donor once per count of fragments; fragments lie anywhere in
chr20:1-4 Mb, 2 x 150 of 350 bp, error 0.01. Writes `results/risk.json`: per count and model the
share of donors in rank 1, bits, and the share of other people whose ratio reaches t, with intervals
clustered by donor and by candidate.
"""

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from exceedances import exceedances

from avatarflow.core.paths import replacing
from avatarflow.core.seeds import generator
from avatarflow.core.statistics import Estimate, wilson
from avatarflow.reads.genomes.genome import read_fasta
from avatarflow.reads.risk.genetic_map import GeneticMap, read_map
from avatarflow.reads.risk.identity import bits, rank
from avatarflow.reads.risk.match import MODELS, Model, ratios_of
from avatarflow.reads.risk.panel import Panel, read_panel
from avatarflow.reads.risk.replay import Places, replayed

RESULT = Path(__file__).parent / "results" / "risk.json"
THRESHOLDS = (10, 100, 1000)
DRAWS = 1000


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    data = Path(os.environ.get("AVATARFLOW_DATA", "../shared/data")) / "genomes"
    parser.add_argument("--fasta", type=Path, default=data / "human/chr20_b37.fa.gz")
    parser.add_argument(
        "--vcf", type=Path, default=data / "panel/1kgp3_eur300_chr20_1-4Mb.phased.vcf.gz"
    )
    parser.add_argument("--map", type=Path, default=data / "panel/chr20_b37.gmap.gz")
    parser.add_argument("--fragments", type=int, nargs="+", default=[5, 10, 20, 50, 100])
    parser.add_argument("--donors", type=int, default=300)
    parser.add_argument("--error", type=float, default=0.01)
    parser.add_argument("--theta", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=RESULT)
    return parser.parse_args()


def measured(
    panel: Panel, lengths: GeneticMap, count: int, model: Model, asked: argparse.Namespace
) -> dict[str, Any]:
    """All models at one count of fragments."""
    donors = range(min(asked.donors, len(panel.people)))
    rows = []
    for donor in donors:
        random = generator(asked.seed, "benchmark.risk", count, donor)
        places = Places.uniform(random, panel, count, 150, 350, 50)
        observed = replayed(random, panel, places, donor, asked.error)
        rows.append(
            (donor, observed.informative, ratios_of(observed, panel, donor, model, lengths))
        )
    found: dict[str, Any] = {
        "informative_fragments": float(np.mean([informative for _, informative, _ in rows]))
    }
    for name in MODELS:
        table = np.stack([getattr(ratios, name) for _, _, ratios in rows])  # (donors, people)
        own = np.array([table[row, donor] for row, (donor, *_) in enumerate(rows)])
        first = sum(rank(table[row], donor) == 1 for row, (donor, *_) in enumerate(rows))
        for row, (donor, *_) in enumerate(rows):
            table[row, donor] = np.nan
        attainable = np.array([ratios.attainable[name] for *_, ratios in rows])
        resampled = (
            generator(asked.seed, "benchmark.risk.bits").choice(own, (DRAWS, len(own))).mean(1)
        )
        found[name] = {
            "rank_1": wilson(first, len(rows)).as_dict(),
            "bits": Estimate.bootstrapped(
                bits(own.mean()), resampled / np.log(2), len(own)
            ).as_dict(),
            "sites": float(np.mean([ratios.sites[name] for *_, ratios in rows])),
            "not_the_donor": [
                each.as_dict()
                for each in exceedances(table, THRESHOLDS, attainable, DRAWS, asked.seed)
            ],
        }
    return found


def main() -> None:
    """Measure and write."""
    asked = arguments()
    genome = read_fasta(asked.fasta)
    panel, lengths = read_panel(asked.vcf, genome), read_map(asked.map, genome)
    model = Model(theta=asked.theta)
    result: dict[str, Any] = {
        "people": len(panel.people), "sites": len(panel.position), "error": asked.error, "theta": asked.theta,
        "seed": asked.seed, "model": vars(model), "fragments": {},
    }  # fmt: skip
    for count in asked.fragments:
        began = time.monotonic()
        result["fragments"][str(count)] = found = measured(panel, lengths, count, model, asked)
        print(f"{count} fragments, {time.monotonic() - began:.0f} s")
        for name in MODELS:
            own = found[name]
            tail = "; ".join(
                f"{each['threshold']:g}: {each['value']:.5f} [{each['low']:.5f}, {each['high']:.5f}] {each['result']}"
                for each in own["not_the_donor"]
            )
            first, leaked = own["rank_1"]["value"], own["bits"]["value"]
            print(f"  {name}: rank 1 {first:.3f}, bits {leaked:.2f}; {tail}", flush=True)
    with replacing(asked.out) as path:
        path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
