"""An audit step by step in one process, on generated eyes: what the rules do, without Snakemake."""

import pandas as pd
from PIL import Image

from avatarflow.audit.report import audit_report
from avatarflow.audit.step import weigh_candidates
from avatarflow.config.loading import load
from avatarflow.imaging.phantom.eyes import draw_eyes
from avatarflow.intake.candidates import take_in_candidates
from avatarflow.intake.sources.rows import Place
from avatarflow.intake.sources.withdrawn import IntakeInputs
from avatarflow.intake.step import take_in
from avatarflow.privacy.attacks import summary
from avatarflow.privacy.attacks.controls import leaked_pictures
from avatarflow.privacy.attacks.on_pictures import step as released_step
from avatarflow.privacy.baselines.step import compare_entry
from avatarflow.privacy.cones.calibration import calibrate_entry
from avatarflow.privacy.cones.decide_step import join, judge_pictures
from avatarflow.privacy.fingerprints import step as fingerprints
from avatarflow.privacy.held_out_families import kept_families
from avatarflow.quality.pairs import nearest_pairs_of
from avatarflow.runs.context import Step

SEED = 3
MADE = ("originals", "own", "calibration", "test", "seen")
FAMILIES = ["brightness", "contrast", "jpeg", "blur"]
COMPUTE = {"threads": 1, "micro_batch": 16, "device": "cpu", "precision": "fp32"}
STEP = Step.null()


def entry(**changes):
    given = {
        "originals": {"manifest": "originals.csv", "root": "."},
        "candidates": {"manifest": "candidates.csv", "root": "."},
        "patient_id_columns": ["patient"],
        "size_px": 32,
        "fingerprint": {"steps": 30, "width": 8, "dimensions": 16, "persons_per_step": 8},
        "cone": {
            "families": ["brightness", "contrast", "jpeg", "blur"],
            "held_out_families": ["blur"],
            "fewest_persons": 4,
            "neighbours": 3,
        },
        **changes,
    }
    return load({"audits": {"x": given}})["audits"]["x"]


def draw(folder, name, identities, sizes, **columns):
    """Write eyes as PNG files and their manifest; sizes take turns."""
    rows = []
    for number, identity in enumerate(identities):
        size = sizes[number % len(sizes)]
        pictures, _ = draw_eyes("fundus", [identity], [0], size, 7)
        Image.fromarray(pictures[0]).save(folder / f"{name}{number}.png")
        rows.append(
            {
                "file": f"{name}{number}.png",
                **{key: values[number] for key, values in columns.items()},
            }
        )
    return pd.DataFrame(rows)


class Audit:
    """The files of an audit under a folder."""

    def __init__(self, folder, settings):
        self.folder, self.settings = folder, settings

    def at(self, name):
        path = self.folder / "results" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return str(path)

    def intake(self):
        inputs = IntakeInputs(Place(str(self.folder), str(self.folder / "originals.csv")))
        outputs = {
            "pictures": self.at("pool/pictures"),
            "summary": self.at("pool/summary.json"),
            "refused": self.at("refused.csv"),
        }
        take_in({**self.settings, "whole": True}, inputs, SEED, 1, outputs, STEP)

    def intake_candidates(self):
        take_in_candidates(
            self.settings, str(self.folder / "candidates.csv"), str(self.folder), 1, self.at("foreign/pictures"),
            self.at("foreign/summary.json"), STEP,
        )  # fmt: skip

    def privacy(self):
        at, cone = self.at, self.settings["cone"]
        settings = {**self.settings["fingerprint"], "families": kept_families(cone)}
        fingerprints.fit(
            at("pool/pictures"), settings, COMPUTE, SEED, at("state"), at("encoder"), STEP
        )
        made = {name: at(f"{name}.safetensors") for name in MADE}
        fingerprints.originals(at("pool/pictures"), at("encoder"), cone, COMPUTE, SEED, made, STEP)
        self.calibrate()
        self.judge()

    def calibrate(self):
        at, cone = self.at, self.settings["cone"]
        made = {name: at(f"{name}.safetensors") for name in MADE}
        inputs = {"pool": at("pool/pictures"), "encoder": at("encoder"), **made}
        calibrate_entry(
            inputs, cone, SEED,
            {"cones": at("cones"), "risks": at("risks"), "calibrated": at("calibration.json"),
             "plane": at("plane.png"), "plane_data": at("plane.tsv")}, STEP,
        )  # fmt: skip
        compare_entry(
            {**inputs, "cones": at("cones")}, SEED, at("originals.tsv"), at("baselines.png"), STEP
        )

    def judge(self):
        at = self.at
        fingerprints.candidates(
            at("foreign/pictures"), at("encoder"), COMPUTE, at("foreign.safetensors")
        )
        judge_pictures(
            {"candidates": at("foreign/pictures"), "fingerprints": at("foreign.safetensors"), "cones": at("cones"),
             "encoder": at("encoder")}, "foreign", at("judged.parquet"), STEP,
        )  # fmt: skip
        join([at("judged.parquet")], at("decisions.parquet"), drop=["stage"])

    def plant(self):
        at = self.at
        leaked_pictures.write_leaks(
            at("pool/pictures"), at("encoder"), COMPUTE, SEED, at("leaks"), at("leaks.safetensors")
        )

    def attacks(self):
        at, settings = self.at, self.settings["attacks"]
        inputs = {
            "pool": at("pool/pictures"), "samples": at("foreign/pictures"), "decisions": at("judged.parquet"),
            "encoder": at("encoder"), "originals": at("originals.safetensors"), "leaks": at("leaks"),
            "fingerprints": at("foreign.safetensors"), "leaks_fingerprints": at("leaks.safetensors"),
        }  # fmt: skip
        for target in ("foreign", "accepted"):
            released_step.attack_pictures(
                inputs,
                self.settings["conditions"],
                settings,
                SEED,
                target,
                at(f"{target}.json"),
                STEP,
            )
        summary.join(
            [at("foreign.json"), at("accepted.json")],
            settings,
            at("attacks.json"),
            at("attacks.png"),
            STEP,
        )

    def report(self):
        at = self.at
        inputs = {
            "pool": at("pool/pictures"), "candidates": at("foreign/pictures"), "cones": at("cones"),
            "originals": at("originals.safetensors"), "risks": at("risks"), "baselines": at("originals.tsv"),
            "fingerprints": at("foreign.safetensors"), "decisions": at("decisions.parquet"),
        }  # fmt: skip
        weigh_candidates(
            inputs,
            self.settings,
            SEED,
            at("weighed.json"),
            at("baselines.tsv"),
            at("risks.png"),
            STEP,
        )
        read = {
            "originals": at("pool/summary.json"), "candidates": at("foreign/summary.json"),
            "calibrated": at("calibration.json"), "weighed": at("weighed.json"), "attacks": at("attacks.json"),
        }  # fmt: skip
        shown = ("risks", "plane", "baselines", "attacks", "pairs")
        pictures = {name: at(f"{name}.png") for name in shown}
        nearest_pairs_of(
            at("pool/pictures"), at("foreign/pictures"), at("decisions.parquet"), "judged",
            self.settings["pairs"], pictures["pairs"],
        )  # fmt: skip
        made = {"page": "report.html", "internal": "internal.html", "plain": "audit.json"}
        outputs = {name: at(path) for name, path in made.items()}
        audit_report("x", read, pictures, self.settings, outputs, STEP)

    def run(self):
        for run_step in (
            self.intake,
            self.intake_candidates,
            self.privacy,
            self.plant,
            self.attacks,
            self.report,
        ):
            run_step()
        return self
