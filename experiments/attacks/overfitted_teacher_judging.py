"""The parts of overfitted_teacher.py that search and compare (faiss, no torch): cones, copies, sheet, report."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from default_cone import default_shape

from avatarflow.core.statistics import clopper_pearson
from avatarflow.imaging.shards import read_pictures
from avatarflow.imaging.sheet import contact_sheet
from avatarflow.privacy.canaries.sightings import alike
from avatarflow.privacy.cones.cone import Cones, calibrate, uncalibrated
from avatarflow.privacy.cones.decide import Judge, miss_rate, specificity
from avatarflow.privacy.fingerprints.files import encoder_digest, load_rows
from avatarflow.privacy.verifier import matcher

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Pictures = npt.NDArray[np.uint8]
SHOWN = 96


def judge(work: Path, asked: dict[str, Any], part: str) -> None:
    """Cones of a part, decisions, copies, and which pictures of its teacher pass."""
    path = work / f"{part}.judged.json"
    if path.exists():
        return
    pictures, table = load_eyes(work)
    found, decisions = judged(work, asked, part, table)
    drawn = read_pictures(work / f"{part}.parquet")
    members = members_of(table, part, asked)
    non_members = np.flatnonzero(table["part"] == "non_member")
    mean = pictures[(table["part"] == "encoder").to_numpy()].mean(0)
    copies = Copies(pictures[members], pictures[non_members], drawn, mean, asked["looked_at"][part])
    found["copies"] = {name: copies.summary(each) for name, each in decisions.items()}
    found["thresholds"] = copies.thresholds
    first = next(iter(decisions.values()))
    save_sheet(drawn, pictures[members], copies, first, work / f"{part}.png")
    np.save(work / f"{part}.accepted.npy", first["risk"] > 1)
    path.write_text(json.dumps(found), encoding="utf-8")


def report(work: Path, asked: dict[str, Any], part: str) -> None:
    """All that was found up to a part, as one file."""
    found: dict[str, Any] = {
        "settings": asked,
        "seconds": json.loads((work / "seconds.json").read_text()),
    }
    for done in ("few", "many", "student"):
        if (work / f"{done}.judged.json").exists():
            found[done] = json.loads((work / f"{done}.judged.json").read_text())
        if (work / f"{done}.attacks.json").exists():
            found.setdefault(done, {})["attacks"] = json.loads(
                (work / f"{done}.attacks.json").read_text()
            )
    if part == "student" and (work / "student.attacks.json").exists():
        _, table = load_eyes(work)
        found["student"] |= judged(work, asked, "student", table)[0]
        contact_sheet(read_pictures(work / "student.parquet")[:60], 12).save(work / "student.png")
    found["settings"]["real"] = bool(asked["real"])
    (work / "found.json").write_text(json.dumps(found), encoding="utf-8")
    say(found)


def say(found: dict[str, Any]) -> None:
    """The short of it."""
    for part in ("few", "many", "student"):
        one = found.get(part, {})
        for mode, row in one.get("modes", {}).items():
            print(f"{part}, {mode}: {row}")
        for mode, row in one.get("copies", {}).items():
            print(f"{part}, copies, {mode}: {row}")
        for name, row in one.get("attacks", {}).items():
            area, control = row["auc"], row["positive"]["auc"]
            print(f"{part}, {name}: AUC {area['value']:.3f} [{area['low']:.3f}, {area['high']:.3f}], planted "
                  f"{control['value']:.3f}: {row['conclusion']} ({row['reason']})")  # fmt: skip
    print(found["seconds"])


def load_eyes(work: Path) -> tuple[Pictures, pd.DataFrame]:
    """What the learning part drew."""
    with np.load(work / "eyes.npz") as file:
        return file["pictures"], pd.read_csv(work / "eyes.csv")


def members_of(table: pd.DataFrame, part: str, asked: dict[str, Any]) -> Integers:
    """Rows that the teacher of that part was trained on; the student's are those of its teacher."""
    rows = np.flatnonzero(table["part"] == "member")
    return rows[: asked["few_persons"]] if part == "few" else rows


def judged(
    work: Path, asked: dict[str, Any], part: str, table: pd.DataFrame
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Cones over calibration persons and members, set on the former alone, and what they say of a set of pictures."""
    digest = encoder_digest(work / "encoder.safetensors")
    own, calibration, test, originals, candidates = (
        np.asarray(load_rows(work / f"{name}.safetensors", digest))
        for name in ("own", "calibration", "test", "originals", part)
    )
    members = members_of(table, part, asked)
    held = np.flatnonzero(table["part"].isin(["calibration", "member"]))
    kept = np.isin(held, members) | (table["part"].to_numpy()[held] == "calibration")
    rows = held[kept]
    open_cones = uncalibrated(originals[rows], rows, rows, own[kept], default_shape(), digest)
    whose = np.repeat(np.flatnonzero(table["part"] == "calibration"), calibration.shape[1])
    tested = np.repeat(members, test.shape[1])
    non_members = np.flatnonzero(table["part"] == "non_member")
    figures: dict[str, Any] = {"modes": {}}
    decisions: dict[str, dict[str, Any]] = {}
    for mode, alpha in asked["modes"]:
        cones, _ = calibrate(
            open_cones, calibration.reshape(-1, calibration.shape[2]), whose, mode, alpha
        )
        decisions[mode] = decision(cones, candidates)
        risk = decisions[mode]["risk"]
        figures["modes"][mode] = {
            "candidates": len(risk),
            "rejected": share(risk <= 1),
            "half_angle_deg": float(np.degrees(np.median(cones.half_angles_rad))),
            "miss_of_members": miss_rate(
                cones, test[: len(members)].reshape(-1, test.shape[2]), tested
            ).as_dict(),
            "specificity": specificity(
                cones, originals[non_members], non_members, asked["seed"]
            ).as_dict(),
        }
    return figures, decisions


def decision(cones: Cones, candidates: npt.NDArray[np.float32]) -> dict[str, Any]:
    """Risk of each picture, and the table row of the matched original."""
    found = Judge(cones).risks(candidates)
    return {"risk": found.risk, "original": cones.rows[found.original]}


def share(events: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """A share with its exact interval; pictures of a generator are independent draws."""
    low, high = clopper_pearson(int(events.sum()), len(events))
    return {
        "value": float(events.mean()) if len(events) else None,
        "low": low,
        "high": high,
        "n": len(events),
    }


class Copies:
    """Which generated pictures are copies of a member, by two judges that share nothing with the encoder.

    The independent matcher, and the correlation of pictures less the mean picture of the encoder
    persons. A copy is what lies above all that two persons reach: every non-member against the
    members nearest to him, and the members against each other. The matcher is slow, so it looks at
    the `looked_at` members nearest by correlation only, of generated pictures and of non-members
    alike.
    """

    def __init__(
        self, members: Pictures, non_members: Pictures, drawn: Pictures, mean: Floats, looked_at: int
    ) -> None:  # fmt: skip
        self.looked_at = looked_at
        rows = [centred(each, mean) for each in (members, non_members, drawn)]
        self.correlation, apart = rows[2] @ rows[0].T, rows[1] @ rows[0].T
        among = rows[0] @ rows[0].T - 2 * np.eye(len(members))
        match = matcher("fundus")
        kept = [[match.template(one) for one in each] for each in (members, non_members, drawn)]
        self.nearest = self.correlation.argmax(1)
        self.matched = self._best(match, kept[2], kept[0], self.correlation)
        impostors = np.concatenate([
            self._best(match, kept[1], kept[0], apart), self._best(match, kept[0], kept[0], among),
        ])  # fmt: skip
        self.thresholds = {
            "matcher": float(impostors.max()), "correlation": float(max(apart.max(), among.max())),
            "impostors": len(impostors) * looked_at,
        }  # fmt: skip
        self.by_matcher = self.matched > self.thresholds["matcher"]
        self.by_correlation = self.correlation.max(1) > self.thresholds["correlation"]

    def _best(self, match: Any, some: list[Any], others: list[Any], near: Floats) -> Floats:
        looked = np.argsort(-near, axis=1, kind="stable")[:, : self.looked_at]
        pairs = zip(some, looked, strict=True)
        return np.array([max(alike(match, one, others[at]) for at in row) for one, row in pairs])

    def summary(self, decision: dict[str, Any]) -> dict[str, Any]:
        """Copies by either judge, and the share of them that the cone rejects."""
        rejected = decision["risk"] <= 1
        kinds = {
            "matcher": self.by_matcher,
            "correlation": self.by_correlation,
            "either": self.by_matcher | self.by_correlation,
            "both": self.by_matcher & self.by_correlation,
            "neither": ~(self.by_matcher | self.by_correlation),
        }
        out = {name: share(rejected[mask]) for name, mask in kinds.items()}
        out["members_copied"] = len(np.unique(self.nearest[kinds["either"]]))
        out["largest_risk_of_a_copy"] = float(decision["risk"][kinds["either"]].max(initial=0))
        return out


def centred(pictures: Pictures, mean: Floats) -> Floats:
    """Unit rows of pictures less a mean picture and their own mean level."""
    rows = (pictures.astype(np.float64) - mean).reshape(len(pictures), -1)
    rows -= rows.mean(1, keepdims=True)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


def save_sheet(
    drawn: Pictures, members: Pictures, copies: Copies, decision: dict[str, Any], path: Path
) -> None:
    """Generated beside the member nearest by correlation, by risk; m and c: what the judges confirm, * accepted."""
    order = np.argsort(decision["risk"], kind="stable")
    order = order[np.unique(np.linspace(0, len(order) - 1, SHOWN).astype(int))]
    pairs, captions = [], []
    for row in order:
        pairs += [drawn[row], members[copies.nearest[row]]]
        marks = "m" * bool(copies.by_matcher[row]) + "c" * bool(copies.by_correlation[row])
        passed = "*" * bool(decision["risk"][row] > 1)
        captions += [
            f"{decision['risk'][row]:.2f} {marks}{passed}",
            f"{copies.correlation[row].max():.2f}",
        ]
    contact_sheet(np.stack(pairs), 16, captions).quantize(256).save(path, optimize=True)
