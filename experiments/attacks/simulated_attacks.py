"""What simulated_releases.py does to one simulated release (faiss, no torch): filter it, attack it, hold the gates."""

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import simulated_eyes as eyes
from safetensors.numpy import load_file

from avatarflow.core.gates import hold
from avatarflow.core.statistics import wilson
from avatarflow.imaging.phantom.eyes import describe
from avatarflow.privacy.attacks.on_pictures.knowledge import Knowledge
from avatarflow.privacy.attacks.on_pictures.registry import DATA_ATTACKS, attack_released
from avatarflow.privacy.attacks.on_pictures.step import MEMBERS
from avatarflow.privacy.attacks.on_pictures.views import Pixels, shrink
from avatarflow.privacy.attacks.subjects import chosen
from avatarflow.privacy.cones.cone import Cones, uncalibrated
from avatarflow.privacy.cones.decide import risks
from avatarflow.privacy.cones.margin import margin_scale
from avatarflow.release.gates.figures import attack_auc, shown_leaks
from avatarflow.release.gates.rules import RULES

sys.path.append(str(Path(__file__).resolve().parents[1] / "cone"))
from default_cone import default_shape  # noqa: E402 (beside another experiment)

MARGIN = 0.05
LABELS = {"sex": ["female", "male"], "eye_side": ["left", "right"]}
ON_RELEASES = {name: each for name, each in DATA_ATTACKS.items() if each.access == "data"}
Rows = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]


class World:
    """All pictures as rows of both views, and what the verifier says of each patient's copy.

    Parameters
    ----------
    work : Path
        What `simulated_eyes.make` filled.
    recognised : (n,) bool
        Whether the verifier takes the copy of each patient's right eye for an original.
    """

    def __init__(self, work: Path, recognised: npt.NDArray[np.bool_]) -> None:
        self.recognised = recognised
        patients, nobody = eyes.drawn(work)
        pictures = {
            "patients": patients,
            "nobody": nobody,
            **{
                name: load_file(work / f"{name}.pictures")["pictures"] for name in ("export", "leak")
            },
        }
        names = ("patients", "nobody", "export", "leak", "own")
        self.rows = {name: load_file(work / f"{name}.rows")["all"] for name in names}
        side = pictures["patients"].shape[1:]
        # shrunken once: to shrink them again changes nothing
        self.small = {
            name: shrink(each.reshape(-1, *side)).astype(np.uint8).reshape(-1, 16, 16, 3)
            for name, each in pictures.items()
        }
        strangers = 2 * eyes.NOBODY + 2 * np.arange(len(nobody)) + np.arange(len(nobody)) % 2
        self.labels = {"patients": labels(np.arange(len(patients))), "nobody": labels(strangers)}

    def repetition(
        self, number: int, setting: Mapping[str, Any], pictures: int, hidden: int
    ) -> dict[str, Any]:
        """Divide the patients, make the three sets of a repetition, and hold the gates over each."""
        drawn = np.random.default_rng([eyes.SEED, number])
        table = divided(setting["persons"], drawn)
        candidates = self._nobody(number, pictures)
        gallery = np.flatnonzero(~table["role"].isin(["heldout", "unused"]).to_numpy())
        cones = self._cones(table, gallery)
        outside = risks(self.rows["nobody"][candidates], cones) > 1
        persons = drawn.choice(table["person"].iloc[gallery].unique(), hidden, replace=False)
        copied = 2 * persons  # the right eyes, which the verifier was asked about
        inside = risks(self.rows["export"][copied], cones) <= 1
        known = self.recognised[persons]
        rest = candidates[hidden:]
        matched = wilson(int((known & ~inside).sum()), int(outside[hidden:].sum() + (~inside).sum()))
        return {
            "clean": self._held(table, number, setting, candidates[outside], copied[:0], (0, int(outside.sum()))),
            "slipped": self._held(table, number, setting, rest, copied, (int(known.sum()), pictures)),
            "filtered": {
                "copies": hidden, "copies_accepted": int((~inside & ~known).sum()),
                "inside_cones": int(inside.sum()), "recognised": int(known.sum()),
                "verifier_matches": hold(
                    "verifier_matches", RULES["verifier_matches"], matched, setting["gates"]["verifier_matches"]
                ).result,
            },
        }  # fmt: skip

    def _nobody(self, number: int, pictures: int) -> Integers:
        """Which pictures of nobody a repetition takes: no two before all have been in one."""
        total = len(self.rows["nobody"])
        each = total // pictures
        order = np.random.default_rng([eyes.SEED, 1_000_000 + number // each]).permutation(total)
        start = number % each * pictures
        return order[start : start + pictures]

    def _cones(self, table: pd.DataFrame, gallery: Integers) -> Cones:
        """The cones of the patients trained on, as wide as the margin makes them."""
        persons = table["person"].to_numpy()[gallery]
        made = uncalibrated(
            self.rows["patients"][gallery], persons, gallery + 1, self.rows["own"][gallery],
            default_shape(),
        )  # fmt: skip
        calibrating = np.flatnonzero((table["role"].to_numpy()[gallery] == "calibration"))
        return replace(made, c=margin_scale(made, calibrating, MARGIN))

    def _held(
        self, table: pd.DataFrame, seed: int, setting: Mapping[str, Any], nobody: Integers,
        copied: Integers, verifier: tuple[int, int],
    ) -> dict[str, Any]:  # fmt: skip
        """Attack a set as a release is attacked, and hold the gates."""
        rows = []
        for view, roles in MEMBERS.items():
            known = np.flatnonzero(chosen(table, setting["attacks"]["persons"], seed, roles))
            knowledge, leaks = self._knowledge(table, view, known, nobody, copied, seed)
            outcomes = attack_released(knowledge, leaks, setting["attacks"], ON_RELEASES)
            rows += [
                {**each, "attack": name, "view": view, "target": "release"}
                for name, each in outcomes.items()
            ]
        figures = {
            "attack_auc": attack_auc({"rows": rows}),
            "shown_leaks": shown_leaks({"rows": rows}),
            "verifier_matches": wilson(*verifier),
        }
        gates = {
            name: hold(name, RULES[name], figure, setting["gates"][name])
            for name, figure in figures.items()
        }
        return {
            "released": len(nobody) + len(copied),
            "gates": {
                name: {"result": each.result, "held": each.held, "n": each.n}
                for name, each in gates.items()
            },
            "attacks": {f"{row['attack']}, {row['view']}": brief(row) for row in rows},
        }

    def _knowledge(
        self, table: pd.DataFrame, view: str, known: Integers, nobody: Integers, copied: Integers,
        seed: int,
    ) -> tuple[Knowledge, Rows]:  # fmt: skip
        """What an attacker of a set has in one view, and the leak of the positive control."""
        held_out = known[(table["role"].iloc[known] == "heldout").to_numpy()]
        parts = (("nobody", nobody), ("export", copied))
        each = len(self.rows["leak"]) // len(table)
        planted = (held_out[:, None] * each + np.arange(each)).ravel()
        if view == "fingerprint":
            released = np.concatenate([self.rows[name][rows] for name, rows in parts])
            of_known, leaks = self.rows["patients"][known], self.rows["leak"][planted]
        else:
            small = np.concatenate([self.small[name][rows] for name, rows in parts])
            pixels = Pixels.fit(small)
            released, of_known = pixels.rows(small), pixels.rows(self.small["patients"][known])
            leaks = pixels.rows(self.small["leak"][planted])
        said = np.concatenate([self.labels["nobody"][nobody], self.labels["patients"][copied]])
        some = table.iloc[known]
        member = (some["role"] != "heldout").to_numpy()
        knowledge = Knowledge(
            released, said, of_known, self.labels["patients"][known], some["person"].to_numpy(),
            known, member, seed,
        )  # fmt: skip
        return knowledge, leaks.reshape(len(held_out), each, -1)


def divided(persons: Mapping[str, int], drawn: np.random.Generator) -> pd.DataFrame:
    """Roles of the patients' pictures: the encoder's stay, the others are divided anew."""
    total = sum(eyes.PERSONS.values())
    role = np.full(total, "unused", object)
    role[: persons["encoder"]] = "encoder"
    order = persons["encoder"] + drawn.permutation(total - persons["encoder"])
    start = 0
    for name in ("calibration", "test", "heldout"):
        role[order[start : start + persons[name]]] = name
        start += persons[name]
    person = np.repeat(np.arange(total), 2)
    return pd.DataFrame({"person": person, "role": role[person]})


def labels(identities: Integers) -> Integers:
    """(n, 2) places of sex and side in their lists."""
    table = describe(identities.tolist(), [0] * len(identities), eyes.SEED)
    return np.stack(
        [table[name].map(values.index).to_numpy() for name, values in LABELS.items()], axis=1
    )


def brief(row: Mapping[str, Any]) -> dict[str, Any]:
    """An attack in few figures."""
    area = row["auc"] or {}
    return {
        "conclusion": row["conclusion"], "auc": area.get("value"), "low": area.get("low"),
        "high": area.get("high"), "members": row["members"], "non_members": row["non_members"],
        "caught": row["positive"]["caught"], "clean": row["negative"]["clean"], "shown": row["shown"],
    }  # fmt: skip
