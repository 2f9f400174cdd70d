#!/usr/bin/env python3
"""How often the privacy gates refuse: releases of pictures of nobody, and the same with five patients' pictures hidden.

    PYTHONPATH=workflow/scripts .venv/bin/python experiments/attacks/simulated_releases.py --work DIR

Drawn eyes at 64 px. Every repetition divides the patients anew into those trained on and those held out (the encoder's
patients stay), and takes 300 pictures of persons who are nobody's (10,000 are drawn; each is in at most four). The
attacks on released pictures run with their controls, in both views, and the gates hold what they found. Two sets:

- clean: the 300;
- slipped: five of them replaced by copies of patients' pictures, altered as an export alters them, and all released as
  if there had been no filter. The patients are drawn from all that were trained on, whether an attack samples them or
  not.

The verifier is asked about the copy of every patient once, and about 60 pictures of nobody; all of a clean set would
take too long, so its gate is held over the second set alone, where only copies are counted. No cones decide here: the
encoder is trained so shortly that its cones would accept nobody. Writes results/simulated_releases.json; what takes
long is kept in DIR.
"""

import argparse
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import simulated_eyes as eyes
from safetensors.numpy import load_file

from avatarflow.core.statistics import clopper_pearson

RESULTS = Path(__file__).parent / "results" / "simulated_releases.json"
RELEASES, PICTURES, HIDDEN = 100, 300, 5
SETTINGS: dict[str, dict[str, Any]] = {
    "default": {
        "persons": {"encoder": 110, "calibration": 150, "test": 90, "heldout": 150},
        "attacks": {"persons": 200, "largest_auc": 0.6, "fewest_persons": 150},
        "slipped": 10,
        "gates": {"attack_auc": 0.65, "shown_leaks": 0, "verifier_matches": 0.01},
    },
    "demonstration": {
        "persons": {"encoder": 110, "calibration": 90, "test": 50, "heldout": 150},
        "attacks": {"persons": 150, "largest_auc": 0.6, "fewest_persons": 150},
        "slipped": 10,
        "gates": {"attack_auc": 0.7, "shown_leaks": 0, "verifier_matches": 0.01},
    },
}
IMPOSTORS, STRANGERS = (
    40,
    60,
)  # pictures of patients, and of nobody, that the verifier is asked about


def main() -> None:
    """Make the pictures (torch), ask the verifier and attack (faiss): they share no process."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--releases", type=int, default=RELEASES)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--stage", choices=["make", "verify"], help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.stage == "make":
        eyes.make(given.work)
    elif given.stage == "verify":
        verify(given.work)
    else:
        given.work.mkdir(parents=True, exist_ok=True)
        for stage in ("make", "verify"):
            command = [sys.executable, __file__, "--work", str(given.work), "--stage", stage]
            subprocess.run(command, check=True)
        attack(given.work, given.releases, given.out)


def verify(work: Path) -> None:
    """The verifier's threshold from patients, and its answers about every copy and some pictures of nobody."""
    from avatarflow.core.seeds import generator
    from avatarflow.privacy.verifier import matcher
    from avatarflow.privacy.verifier.keypoint_votes import indexed
    from avatarflow.privacy.verifier.trial import threshold

    path = work / "verified.json"
    if path.exists():
        return
    patients, nobody = eyes.drawn(work)
    match, right = matcher("keypoints"), patients[::2]
    index = indexed(match, right)
    drawn = generator(eyes.SEED, "verifier")
    asked = drawn.permutation(len(right))[:IMPOSTORS].tolist()
    variants = [match.of_candidate(right[number]) for number in asked]
    impostors = index.most_alike(variants, without=[[number] for number in asked])[0]
    limit = threshold(impostors, 0.01)
    copies = load_file(work / "export.pictures")["pictures"][::2]
    sample = drawn.permutation(len(nobody))[:STRANGERS]
    answers = {
        name: index.most_alike([*map(match.of_candidate, pictures)], limit)[0].tolist()
        for name, pictures in (("copies", copies), ("strangers", nobody[sample]))
    }
    answers["impostors"] = impostors.tolist()
    path.write_text(json.dumps({"threshold": limit, **answers}), encoding="utf-8")


def attack(work: Path, releases: int, out: Path) -> None:
    """Run every repetition in every setting, and write what the gates said."""
    from simulated_attacks import World

    verified = json.loads((work / "verified.json").read_text(encoding="utf-8"))
    world = World(work, np.array(verified["copies"]) > verified["threshold"])
    strangers = np.array(verified["strangers"])
    wrong = int((strangers > verified["threshold"]).sum())
    found: dict[str, Any] = {
        "verifier": {
            "threshold": verified["threshold"],
            "copies_recognised": share(int(world.recognised.sum()), len(world.recognised)),
            "strangers_recognised": share(wrong, len(strangers)),
        }
    }
    for name, setting in SETTINGS.items():
        runs = []
        for number in range(releases):
            runs.append(world.repetition(number, setting, PICTURES, HIDDEN))
            found[name] = {**setting, "summary": summary(runs), "runs": runs}
            if number % 10 == 9:
                out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
                print(name, number + 1, json.dumps(found[name]["summary"]), flush=True)


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """How many releases of each set pass, and which gates refuse the others."""
    copies = [run for run in runs if "slipped" in run]
    counted: dict[str, Any] = {
        "copies_recognised": share(
            sum(run["recognised"] for run in copies), sum(run["copies"] for run in copies)
        )
    }
    for part, some in (("clean", runs), ("slipped", copies)):
        refusing = [
            [name for name, gate in run[part]["gates"].items() if gate["result"] != "pass"]
            for run in some
        ]
        by_attacks = [[name for name in each if name != "verifier_matches"] for each in refusing]
        counted[part] = {
            "pass": share(sum(not each for each in refusing), len(some)),
            "refused_by_attacks": share(sum(bool(each) for each in by_attacks), len(some)),
            "refusing": dict(Counter(name for each in refusing for name in each)),
        }
    return counted


def share(count: int, total: int) -> dict[str, Any]:
    """A count with the exact 95 % interval of its share."""
    low, high = clopper_pearson(count, total) if total else (0.0, 1.0)
    return {"count": count, "n": total, "low": low, "high": high}


if __name__ == "__main__":
    main()
