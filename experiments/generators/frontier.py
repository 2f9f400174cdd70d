#!/usr/bin/env python3
"""The frontier of guidance and risk on a finished release, as the rule frontier measures it.

    PYTHONPATH=workflow/scripts .venv/bin/python experiments/generators/frontier.py config/fundus.yaml fundus RUN

RUN is the folder results/releases/<name> of a run whose candidates are judged. Writes
results/frontier_<name>.tsv and docs/figures/frontier_<name>.png. About a minute of one core at 64
px.
"""

import argparse
from pathlib import Path

import yaml

from avatarflow.config.loading import load
from avatarflow.quality.frontier import frontier_entry
from avatarflow.runs.context import Step

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Measure one run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", type=Path)
    parser.add_argument("name")
    parser.add_argument("run", type=Path)
    asked = parser.parse_args()
    config = load(yaml.safe_load(asked.config.read_text(encoding="utf-8")))
    entry, inputs = config["releases"][asked.name], {"pool": str(asked.run / "pool/pictures")}
    for stage in ("teacher", "student"):
        inputs[stage] = str(asked.run / "samples" / stage / "pictures")
        inputs[f"{stage}_decisions"] = str(asked.run / "privacy" / f"{stage}.decisions.parquet")
    figures = HERE.parents[1] / "docs" / "figures"
    outputs = {
        "table": str(HERE / "results" / f"frontier_{asked.name}.tsv"),
        "figure": str(figures / f"frontier_{asked.name}.png"),
    }
    settings = {**entry, "conditions": list(entry["conditions"])}
    frontier_entry(inputs, settings, config["seed"], outputs, Step.null(), 1)


if __name__ == "__main__":
    main()
