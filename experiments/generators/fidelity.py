#!/usr/bin/env python3
"""What a generator's pictures lose at which guidance and how many steps: KID and coverage, before any filter.

    PYTHONPATH=workflow/scripts .venv/bin/python experiments/generators/fidelity.py \
        config/fundus.yaml fundus --stage teacher

The figures are those of a release's `evaluation/`: both encoders, the same held-out persons, and
the PCA-Gaussian sampler fitted to the training pictures as the named baseline of the same run.
Needs the results of that configuration.
"""

import argparse
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from avatarflow.config.loading import load
from avatarflow.generators.conditions import Conditions
from avatarflow.generators.pca_gaussian.gaussian import pca_gaussian
from avatarflow.generators.sampling import sample
from avatarflow.generators.task import SamplingTask
from avatarflow.quality.comparison import compare
from avatarflow.quality.encoders import ENCODERS
from avatarflow.quality.samples import Sample
from avatarflow.runs.context import Step

RESULTS = Path(__file__).parent / "results"


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", type=Path)
    parser.add_argument("release", help="its name in the config")
    parser.add_argument("--stage", choices=["teacher", "student"], default="teacher")
    parser.add_argument("--guidance", type=float, nargs="+", default=[1.0, 1.5, 2.0])
    parser.add_argument("--steps", type=int, nargs="+", default=[25, 50])
    parser.add_argument("--per-condition", type=int, default=200)
    return parser.parse_args()


def draw(
    config: dict[str, Any], name: str, stage: str, guidance: float, steps: int, count: int
) -> Sample:
    """Fresh pictures of one setting, with the seeds of the run."""
    with TemporaryDirectory() as folder:
        shard = Path(folder) / "pictures.parquet"
        sample(
            Path("results/releases", name, stage),
            SamplingTask(
                Conditions(config["releases"][name]["conditions"]),
                sample={"guidance": (guidance,), "steps": steps, "per_condition": count},
                compute=config["compute"],
                seed=config["seed"],
                stage=stage,
                state=Path(folder) / "state",
                out=shard,
            ),
            Step.null(),
        )
        return Sample.read(shard)


def main() -> None:
    """Measure every setting and write the figures after each."""
    asked = arguments()
    config = load(yaml.safe_load(asked.config.read_text(encoding="utf-8")))
    settings = config["releases"][asked.release]["evaluate"]
    pool = Sample.read(Path("results/releases", asked.release, "pool/pictures"))
    held_out = (pool.table["role"] == "heldout").to_numpy()
    training, heldout = pool.where(~held_out), pool.where(held_out)
    out = RESULTS / f"fidelity_{asked.release}_{asked.stage}.json"
    rows = []
    for steps in asked.steps:
        for guidance in asked.guidance:
            made = draw(config, asked.release, asked.stage, guidance, steps, asked.per_condition)
            baseline = Sample(
                pca_gaussian(
                    training.pictures, len(made.table), config["seed"], settings["pca_variance"]
                ),
                made.table,
            )
            row: dict[str, Any] = {
                "guidance": guidance,
                "steps": steps,
                "pictures": len(made.table),
            }
            for encoder in ENCODERS:
                found = compare(
                    encoder, made, baseline, training, heldout, settings, config["seed"]
                )
                row[encoder] = {key: found[key] for key in ("kid", "kid_ratio", "coverage_ratio")}
            rows.append(row)
            print(
                guidance,
                steps,
                {
                    e: [row[e]["kid_ratio"]["value"], row[e]["coverage_ratio"]["value"]]
                    for e in ENCODERS
                },
            )
            out.parent.mkdir(exist_ok=True)
            out.write_text(
                json.dumps({"release": asked.release, "stage": asked.stage, "rows": rows}, indent=1)
                + "\n"
            )


if __name__ == "__main__":
    main()
