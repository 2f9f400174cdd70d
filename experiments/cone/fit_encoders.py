#!/usr/bin/env python3
"""Further encoders for a finished entry, of the same persons, other seeds; for cone_baselines.py and consistency.py.

PYTHONPATH=workflow/scripts .venv/bin/python experiments/cone/fit_encoders.py \
    results/releases/fundus --seeds 2 3 --out FOLDER
"""

import argparse
from pathlib import Path

from avatarflow.privacy.fingerprints.contrastive_training import DEFAULTS
from avatarflow.privacy.fingerprints.step import fit
from avatarflow.runs.context import Step


def main():
    """The command; a stopped one goes on from its checkpoints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("entry", type=Path, help="folder with the pool/ of an entry")
    parser.add_argument("--seeds", type=int, nargs="+", default=[2, 3])
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    settings = {name: value for name, value in DEFAULTS.items() if name != "size_px"}
    args.out.mkdir(parents=True, exist_ok=True)
    for seed in args.seeds:
        path = args.out / f"encoder{seed}.safetensors"
        if not path.is_file():
            fit(str(args.entry / "pool/pictures"), settings, {"threads": 1}, seed, str(args.out / f"state{seed}"),
                str(path), Step.null())  # fmt: skip


if __name__ == "__main__":
    main()
