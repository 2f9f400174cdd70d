"""What simulated_releases.py does to one simulated release (faiss, no torch): attack it and hold the gates."""

from collections.abc import Mapping
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
from avatarflow.privacy.attacks.on_pictures.views import FLOOR, Pixels, shrink
from avatarflow.privacy.attacks.subjects import chosen
from avatarflow.privacy.search.neighbours import unit
from avatarflow.release.gates.figures import attack_auc, shown_leaks
from avatarflow.release.gates.rules import RULES

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
                name: load_file(work / f"{name}.pictures")["pictures"]
                for name in ("export", "leak")
            },
        }
        names = ("patients", "nobody", "export", "leak")
        self.rows = {name: load_file(work / f"{name}.rows")["all"] for name in names}
        side = pictures["patients"].shape[1:]
        self.cells = {name: shrink(each.reshape(-1, *side)) for name, each in pictures.items()}
        few = pictures["nobody"][:20]
        if not np.array_equal(Pixels.fit(few).rows(few), rows_of(*two(self.cells["nobody"][:20]))):
            raise SystemExit("the pixels of this experiment are not those of an attack")
        strangers = 2 * eyes.NOBODY + 2 * np.arange(len(nobody)) + np.arange(len(nobody)) % 2
        self.labels = {"patients": labels(np.arange(len(patients))), "nobody": labels(strangers)}

    def repetition(
        self, number: int, setting: Mapping[str, Any], pictures: int, hidden: int
    ) -> dict[str, Any]:
        """Divide the patients, and hold the gates over a clean set and one with hidden copies."""
        drawn = np.random.default_rng([eyes.SEED, number])
        table = divided(setting["persons"], drawn)
        candidates = self._nobody(number, pictures)
        trained = np.flatnonzero(~table["role"].isin(["heldout", "unused"]).to_numpy())
        persons = drawn.choice(table["person"].iloc[trained].unique(), hidden, replace=False)
        known = int(self.recognised[persons].sum())
        found: dict[str, Any] = {
            "copies": hidden, "recognised": known,
            "clean": self._held(table, number, setting, candidates, persons[:0], None),
        }  # fmt: skip
        if number < setting["slipped"]:
            # the right eyes, which the verifier was asked about
            found["slipped"] = self._held(
                table, number, setting, candidates[hidden:], 2 * persons, (known, pictures)
            )
        return found

    def _nobody(self, number: int, pictures: int) -> Integers:
        """Which pictures of nobody a repetition takes: no two before all have been in one."""
        total = len(self.rows["nobody"])
        each = total // pictures
        order = np.random.default_rng([eyes.SEED, 1_000_000 + number // each]).permutation(total)
        start = number % each * pictures
        return order[start : start + pictures]

    def _held(
        self, table: pd.DataFrame, seed: int, setting: Mapping[str, Any], nobody: Integers,
        copied: Integers, verifier: tuple[int, int] | None,
    ) -> dict[str, Any]:  # fmt: skip
        """Attack a set as a release is attacked, and hold the gates; that of the verifier where it was asked."""
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
        }
        if verifier:
            figures["verifier_matches"] = wilson(*verifier)
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
            cells = np.concatenate([self.cells[name][rows] for name, rows in parts])
            pixels = two(cells)[1]
            released = rows_of(cells, pixels)
            of_known = rows_of(self.cells["patients"][known], pixels)
            leaks = rows_of(self.cells["leak"][planted], pixels)
        said = np.concatenate([self.labels["nobody"][nobody], self.labels["patients"][copied]])
        some = table.iloc[known]
        member = (some["role"] != "heldout").to_numpy()
        knowledge = Knowledge(
            released, said, of_known, self.labels["patients"][known], some["person"].to_numpy(),
            known, member, seed,
        )  # fmt: skip
        return knowledge, leaks.reshape(len(held_out), each, -1)


def two(cells: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], Pixels]:
    """Cells of released pictures, and what `Pixels.fit` makes of the pictures."""
    return cells, Pixels(cells.mean(0), np.maximum(cells.std(0), FLOOR))


def rows_of(cells: npt.NDArray[np.float64], pixels: Pixels) -> Rows:
    """What `Pixels.rows` makes of the pictures of these cells, which are shrunken once for all repetitions."""
    return unit(((cells - pixels.mean) / pixels.spread).astype(np.float32))


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
