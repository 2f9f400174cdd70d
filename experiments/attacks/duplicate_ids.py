#!/usr/bin/env python3
"""One eye under further patient ids, in every form: of how many patients is a copy accepted?

    PYTHONPATH=workflow/scripts .venv/bin/python experiments/attacks/duplicate_ids.py --work DIR

Drawn eyes at 64 px, with the encoder and the patients of simulated_releases.py in DIR. Of 60 test patients one eye
stands in the gallery again under 1, 5 or 10 further ids: as equal bytes, saved as JPEG, shifted by 2 px, 10 % lighter,
and as other visits of the drawn eye. Then a perturbation of each family is asked about: of cones alone, as `conformal`
at 2 % calibrates them; of cones as wide as the margin makes them; of the keypoints; and of the last two together, which
is what a release has. A patient counts whose perturbed picture is accepted. The keypoints are asked about the first
20 of these patients, among 100 eyes and the duplicates of these 20.

**Intake is not asked.** It joins or refuses near-equal pictures under several ids; here that is off, since this is
about what comes past it. Writes results/duplicate_ids.json.
"""

import argparse
import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import simulated_eyes as eyes
from PIL import Image

from avatarflow.core.arrays import Pictures
from avatarflow.core.statistics import clopper_pearson

RESULTS = Path(__file__).parent / "results" / "duplicate_ids.json"
TESTED, IDS = 60, (1, 5, 10)
FORMS = ("equal bytes", "JPEG", "shifted by 2 px", "10 % lighter", "another visit")
ALPHA, MARGIN = 0.02, 0.05
SHOWN, AMONG = 20, 80  # patients whom the keypoints are asked about, and other eyes beside them
DRAWS = 1  # perturbations of a family and eye that are asked about
OTHERS = {"calibration": 150, "test": 90}
MOST = max(IDS)


def main() -> None:
    """Make fingerprints (torch), then calibrate and ask (faiss): they share no process."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--stage", choices=["make"], help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.stage:
        make(given.work)
        return
    for command in (
        [str(Path(__file__).with_name("simulated_releases.py")), "--stage", "make"],
        [__file__, "--stage", "make"],
    ):
        subprocess.run([sys.executable, *command, "--work", str(given.work)], check=True)
    ask(given.work)


def places() -> dict[str, npt.NDArray[np.int64]]:
    """Rows of the right eyes that stand in the gallery, by role; those tested are the first of role `test`."""
    role = eyes.roles()
    return {name: np.flatnonzero(role == name)[::2] for name in ("encoder", "calibration", "test")}


def duplicates(pictures: Pictures, tested: npt.NDArray[np.int64]) -> dict[str, Pictures]:
    """(ids, tested, size, size, 3) by form: the same eyes again, no two alike but for equal bytes."""
    known, size = pictures[tested], eyes.SIZE_PX
    edge = np.pad(known, ((0, 0), (2, 2), (2, 2), (0, 0)), mode="edge")
    ways = [(0, 0), (0, 4), (4, 0), (4, 4), (2, 0), (2, 4), (0, 2), (4, 2), (1, 0), (0, 1)]

    def visits(number: int) -> Pictures:
        return eyes.draw_eyes("fundus", tested.tolist(), [number] * len(tested), size, eyes.SEED)[0]

    return {
        "equal bytes": np.stack([known] * MOST),
        "JPEG": np.stack([np.stack([saved(p, 60 + 3 * n) for p in known]) for n in range(MOST)]),
        "shifted by 2 px": np.stack([edge[:, y : y + size, x : x + size] for y, x in ways[:MOST]]),
        "10 % lighter": np.stack(
            [np.clip(known * (1.1 + n / 200), 0, 255).astype(np.uint8) for n in range(MOST)]
        ),
        "another visit": np.stack([visits(1 + number) for number in range(MOST)]),
    }


def saved(picture: Pictures, quality: int) -> Pictures:
    """The picture after a JPEG export."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def make(work: Path) -> None:
    """Fingerprints of duplicates and their perturbations, and of the perturbations that calibrate and are asked about."""
    import torch

    from avatarflow.privacy.fingerprints.fingerprint import Encoder, embed_altered
    from avatarflow.privacy.perturbations import Drawn, alter

    torch.set_num_threads(1)
    encoder = Encoder.load(work / "encoder.safetensors")
    patients, rows = eyes.drawn(work)[0], places()
    tested = rows["test"][:TESTED]
    families = list(cone_settings()["families"])
    for form, pictures in duplicates(patients, tested).items():
        flat = pictures.reshape(-1, *pictures.shape[2:])
        items = 10_000 + np.arange(len(flat))
        eyes.once(work / f"{form}.same", lambda flat=flat: flat)
        if form == "equal bytes":  # fingerprints and radii are those of the eye itself
            continue
        eyes.once(work / f"{form}.rows", lambda flat=flat: encoder.embed(flat))
        eyes.once(
            work / f"{form}.own",
            lambda flat=flat, items=items: embed_altered(
                encoder, flat, items, Drawn(families, 1, eyes.SEED, "own")
            ),
        )
    for purpose, whom in (("calibration", rows["calibration"]), ("test", tested)):
        eyes.once(
            work / f"{purpose}.perturbed",
            lambda whom=whom, purpose=purpose: embed_altered(
                encoder, patients[whom], whom, Drawn(families, DRAWS, eyes.SEED, purpose)
            ),
        )

    def asked() -> Pictures:
        parts = [alter(patients[tested], f, DRAWS, eyes.SEED, tested, "test") for f in families]
        return np.stack(parts, 1).reshape(-1, *patients.shape[1:])

    eyes.once(work / "test.pictures", asked)


def cone_settings() -> dict[str, Any]:
    """The defaults of `cone`."""
    from avatarflow.config.loading import load

    config = load({"releases": {"x": {"source": {"generate": {}}, "gates": {}}}})
    settings: dict[str, Any] = config["releases"]["x"]["cone"]
    return settings


def ask(work: Path) -> None:
    """Calibrate with every form and number of ids, and count the patients with an accepted picture."""
    from avatarflow.privacy.cones.coverage import conformal_coverage

    gallery = Gallery(work)
    found: dict[str, Any] = {
        "patients": TESTED,
        "perturbations_of_a_patient": gallery.asked.shape[1],
        "promised_mean_miss": conformal_coverage(OTHERS["calibration"], ALPHA).mean_miss,
        "threshold": gallery.threshold,
        "rows": [],
    }
    for form, count in [("none", 0), *((form, count) for form in FORMS for count in IDS)]:
        missed = gallery.missed(form, count)
        row = {"form": form, "further_ids": count, **{k: share(v) for k, v in missed.items()}}
        found["rows"].append(row)
        print(form, count, {name: int(each.sum()) for name, each in missed.items()}, flush=True)
        RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


class Gallery:
    """Patients with their right eyes, to which duplicates are added."""

    def __init__(self, work: Path) -> None:
        from avatarflow.privacy.verifier import matcher

        self.work, self.rows = work, places()
        self.tested = self.rows["test"][:TESTED]
        self.plain, self.own, self.calibration, self.asked, self.shown = (
            eyes.load_file(work / name)["all"]
            for name in (
                "patients.rows", "own.rows", "calibration.perturbed", "test.perturbed", "test.pictures",
            )
        )  # fmt: skip
        self.threshold = json.loads((work / "verified.json").read_text())["threshold"]
        self.match = matcher("keypoints")
        self.places = np.concatenate(list(self.rows.values()))
        patients = eyes.drawn(work)[0]
        others = np.concatenate([self.tested[:SHOWN], self.rows["encoder"][:AMONG]])
        self.templates = [self.match.template(patients[place]) for place in others]

    def missed(self, form: str, count: int) -> dict[str, npt.NDArray[np.bool_]]:
        """(tested,) by filter, whether some perturbed picture of a patient is accepted."""
        from avatarflow.privacy.cones.cone import calibrate
        from avatarflow.privacy.cones.decide import risks
        from avatarflow.privacy.cones.margin import margin_scale

        cones = self._cones(form, count)
        whose = np.repeat(self.rows["calibration"] // 2, self.calibration.shape[1])
        flat = self.calibration.reshape(-1, self.calibration.shape[2])
        alone, _ = calibrate(cones, flat, whose, "conformal", ALPHA)
        unseen = np.flatnonzero(np.isin(cones.rows - 1, self.rows["calibration"]))
        wide = replace(cones, c=margin_scale(cones, unseen, MARGIN))
        pictures, shape = self.asked.reshape(-1, self.asked.shape[2]), self.asked.shape[:2]
        risk = {
            name: risks(pictures, each).reshape(shape)
            for name, each in (("cones, conformal 2 %", alone), ("cones, margin", wide))
        }
        found = {name: (each > 1).any(1) for name, each in risk.items()}
        unseen_by = ~self._recognised(form, count)
        found["keypoints"] = unseen_by.any(1)
        found["cones, margin, and keypoints"] = (unseen_by & (risk["cones, margin"][:SHOWN] > 1)).any(1)
        return found

    def _cones(self, form: str, count: int) -> Any:
        from default_cone import default_shape

        from avatarflow.privacy.cones.cone import uncalibrated

        plain, own, whose = [self.plain[self.places]], [self.own[self.places]], [self.places // 2]
        size = self.plain.shape[1]
        for number in range(count):
            here = slice(number * TESTED, (number + 1) * TESTED)
            if form == "equal bytes":
                # of two patients equal fingerprints are refused: moved by less than any angle that counts
                drawn = np.random.default_rng([eyes.SEED, number]).standard_normal((TESTED, size))
                rows = self.plain[self.tested] + 1e-4 * drawn
                plain.append((rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32))
                own.append(self.own[self.tested])
            else:
                plain.append(eyes.load_file(self.work / f"{form}.rows")["all"][here])
                radii = eyes.load_file(self.work / f"{form}.own")["all"][here]
                # as many columns as the others have
                own.append(radii[:, np.arange(self.own.shape[1]) % radii.shape[1]])
            whose.append(10_000 + number * TESTED + np.arange(TESTED))
        persons = np.concatenate(whose)
        numbers = np.concatenate([self.places, 100_000 + np.arange(count * TESTED)])
        return uncalibrated(
            np.concatenate(plain), persons, numbers + 1, np.concatenate(own), default_shape()
        )

    def _recognised(self, form: str, count: int) -> npt.NDArray[np.bool_]:
        """(SHOWN, families) whether keypoints take a perturbed picture for an original."""
        from avatarflow.privacy.verifier.keypoint_votes import Index

        templates = list(self.templates)
        if count:
            same = eyes.load_file(self.work / f"{form}.same")["all"].reshape(MOST, TESTED, *self.shown.shape[1:])
            templates += [self.match.template(p) for each in same[:count] for p in each[:SHOWN]]
        index, per = Index(templates), self.asked.shape[1]
        shown = self.shown[: SHOWN * per]
        alike = index.most_alike([*map(self.match.of_candidate, shown)], self.threshold)[0]
        return np.asarray((alike > self.threshold).reshape(SHOWN, per))


def share(missed: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """How many patients, with the exact 95 % interval of the share."""
    count, total = int(missed.sum()), len(missed)
    low, high = clopper_pearson(count, total)
    return {"count": count, "n": total, "low": low, "high": high}


if __name__ == "__main__":
    sys.path.append(str(Path(__file__).resolve().parents[1] / "cone"))
    main()
