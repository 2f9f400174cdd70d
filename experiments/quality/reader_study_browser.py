#!/usr/bin/env python3
"""Twelve machine readers of known skill go through a reader study in Chromium, and what its bytes tell.

    python -m venv BROWSER --system-site-packages && BROWSER/bin/pip install playwright  # and Debian's chromium
    PYTHONPATH=workflow/scripts:BROWSER/lib/python3.11/site-packages .venv/bin/python \
        experiments/quality/reader_study_browser.py

The study is made of generated eyes: real ones as drawn, and others of other persons, a little
blurred, that stand for synthetic pictures at five guidance scales. Each reader answers with the
keyboard alone. The first one loses the browser half way and goes on in another by the code; two
read at once. Recognition rates are estimated as for people and held against the true ones.

Whether anything but the pixels tells real from synthetic: a classifier on the length of each file,
its name, its place in the reader's order, the number of header lines and their length, and the time
that the server took, cross-validated, with the p-value of permuted labels. Writes
results/reader_study_browser.json; --shots FOLDER keeps a screenshot of each kind of page.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from playwright.sync_api import Page, sync_playwright
from scipy.ndimage import gaussian_filter
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import permutation_test_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from avatarflow.imaging.phantom.eyes import draw_eyes
from avatarflow.imaging.shards import write_shards
from avatarflow.reader_study import browser
from avatarflow.reader_study.analysis.results import write_results
from avatarflow.reader_study.app import create_app
from avatarflow.reader_study.choose import ORIGIN, REAL
from avatarflow.reader_study.machine_readers import MachineReader, Skill
from avatarflow.reader_study.material import make_material
from avatarflow.reader_study.serve import served
from avatarflow.reader_study.store import MACHINES, opened, sqlite_url
from avatarflow.reader_study.study import Study
from avatarflow.runs.context import Step

RESULT = Path(__file__).parent / "results" / "reader_study_browser.json"
SCALES, READERS, AT_ONCE, SEED, SIDE_PX = (1.0, 1.5, 2.0, 3.0, 4.0), 12, 2, 11, 64
PER_SCALE, PERSONS, ASKED_AGAIN, FOLDS, PERMUTATIONS = 40, 120, 12, 5, 200
CHROMIUM, ARGUMENTS = "/usr/bin/chromium", ["--no-sandbox", "--disable-dev-shm-usage"]
STUDY = {
    "parts": ["clinical", "origin", "similarity"], "show_real": True, "pictures_per_scale": 10, "real_pictures": 20,
    "pairs": 6, "clinical_columns": ["eye_side"], "ask_disc": True, "languages": ["de", "en"], "seed": None,
    "readers": READERS, "reader_sd": 0.5, "picture_sd": 0.5,
}  # fmt: skip
CONDITIONS = {"eye_side": ["left", "right"]}


def write_release(folder: Path) -> dict[str, str]:
    """Write a pool, samples and decisions."""
    eyes, described = draw_eyes(
        "fundus", [2 * n for n in range(PERSONS)], [0] * PERSONS, SIDE_PX, 3
    )
    number = np.arange(PERSONS)
    pool = pd.DataFrame({"item": number, "row": number + 1, "person": number, "eye": number})
    pool["role"] = np.where(number % 2, "heldout", "encoder")
    pool["eye_side"] = described["eye_side"].to_numpy()
    write_shards(folder / "pool", eyes, pool)
    count = PER_SCALE * len(SCALES)
    others = [2 * n for n in range(PERSONS, PERSONS + count)]
    drawn, described = draw_eyes("fundus", others, [0] * count, SIDE_PX, 3)
    blurred = gaussian_filter(drawn.astype(np.float32), (0, 0.8, 0.8, 0)).round().astype(np.uint8)
    samples = pd.DataFrame({"candidate": [f"student-{n:06d}" for n in range(count)]})
    samples["eye_side"] = described["eye_side"].to_numpy()
    samples["guidance"], samples["class_id"] = np.repeat(SCALES, PER_SCALE), 0
    write_shards(folder / "samples", blurred, samples)
    random = np.random.default_rng(SEED)
    decisions = pd.DataFrame({"candidate": samples["candidate"], "accepted": True})
    decisions["risk"] = random.random(count) + 1
    decisions["matched_original"] = random.integers(1, PERSONS + 1, count)
    decisions.to_parquet(folder / "decisions.parquet")
    return {name: str(folder / name) for name in ("pool", "samples")} | {
        "decisions": str(folder / "decisions.parquet")
    }


class InChromium:
    """A machine reader behind a keyboard.

    Parameters
    ----------
    reader : MachineReader
    address : str
    shots : Path or None
        Where the first page of each kind is kept.
    """

    def __init__(self, reader: MachineReader, address: str, shots: Path | None) -> None:
        self.reader, self.address, self.shots = reader, address, shots
        self.trouble: list[str] = []
        self.places: dict[str, int] = {}  # picture -> at which question it was shown

    def read(self, most: int | None = None, code: str = "") -> str:
        """Answer all questions, or so many, in a new window; return the code."""
        with sync_playwright() as run:
            window = run.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            page = window.new_context(viewport={"width": 900, "height": 1000}).new_page()
            page.on("pageerror", lambda error: self.trouble.append(str(error)))
            page.on("requestfailed", lambda request: self.trouble.append(request.url))
            page.goto(self.address)
            if code:
                page.fill("input[name=code]", code)
                self._enter(page, "form[action='/resume'] button")
            else:
                page.focus("input[name=consent]")
                page.keyboard.press("Space")
                self._enter(page, "form[action='/begin'] button")
                code = page.context.cookies()[0]["value"]
                page.goto(self.address + "/study")
            answered = 0
            while page.query_selector("form[action='/answer']") and answered != most:
                self._answer(page)
                answered += 1
            window.close()
        return code

    def _answer(self, page: Page) -> None:
        seen = browser.Page(200, page.url, None, page.content().encode())  # type: ignore[arg-type]
        browser._Reader(seen).feed(seen.text)
        if self.shots:
            kind = seen.hidden["question"].split("/")[0] + ("" if seen.pictures else " begins")
            if not (self.shots / f"{kind}.png").exists():
                page.screenshot(path=self.shots / f"{kind}.png", full_page=True)
        for picture in seen.pictures:
            self.places[Path(picture).name] = len(self.places)
        for name, value in self.reader.answers(seen).items():
            page.focus(f"input[name='{name}'][value='{value}']")
            page.keyboard.press("Space")
        self._enter(page, "form[action='/answer'] button")

    def _enter(self, page: Page, button: str) -> None:
        page.focus(button)
        with page.expect_navigation():
            page.keyboard.press("Enter")


def read_all(machines: list[InChromium]) -> None:
    """Let all read, two at a time; the first in two sittings."""
    first, *others = machines
    with ThreadPoolExecutor(AT_ONCE) as pool:
        waiting = [pool.submit(one.read) for one in others]
        code = first.read(most=60)
        first.read(code=code)
        for each in waiting:
            each.result()


def what_bytes_tell(address: str, key: pd.DataFrame, places: Mapping[str, int]) -> dict[str, Any]:
    """Hold everything that a new reader gets of the pictures of part two, but the pixels, against what they are."""
    origin = key[key["part"] == ORIGIN].set_index("picture")["origin"]
    got: dict[str, list[float]] = {}
    for _ in range(ASKED_AGAIN):
        window = browser.Browser(address)
        page = window.post("/begin", consent="yes")
        page = window.get("/study")
        while "question" in page.hidden:
            for picture in page.pictures:
                began = time.perf_counter()
                file = window.get(picture)
                got.setdefault(Path(picture).name, []).append(time.perf_counter() - began)
                lines = file.headers.items()
                told = [len(file.content), len(lines), sum(len(a) + len(b) for a, b in lines)]
                got[Path(picture).name + " bytes"] = told
            chosen = {name: values[0] for name, values in page.choices.items()}
            page = window.post("/answer", **page.hidden, **chosen)
    rows = [
        [
            *got[f"{name} bytes"],
            float(np.median(got[name])),
            places[name],
            *map(ord, Path(name).stem),
        ]
        for name in (
            f"{picture}.png" if f"{picture}.png" in got else picture for picture in origin.index
        )
    ]
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, class_weight="balanced"))
    is_real = (origin == REAL).to_numpy()
    auc, _, p = permutation_test_score(
        model, np.array(rows, float), is_real, scoring="roc_auc", cv=FOLDS,
        n_permutations=PERMUTATIONS, random_state=SEED,
    )  # fmt: skip
    return {"auc": auc, "p": p, "pictures": len(rows), "real": int(is_real.sum())}


def main() -> None:
    """Make the study, let it be read, and hold the estimates against the truth."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shots", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        outputs = {
            "shown": folder / "shown", "key": folder / "key.parquet", "power": folder / "power.json",
        }  # fmt: skip
        settings = {"reader_study": STUDY, "conditions": CONDITIONS, "seed": SEED}
        make_material("made_up", write_release(folder), settings, outputs, Step.null())
        study, key = Study.read(outputs["shown"]), pd.read_parquet(outputs["key"])
        skill = Skill.rising(list(SCALES))
        began = time.monotonic()
        with (
            opened(sqlite_url(folder / "answers.sqlite"), study.digest, MACHINES) as store,
            served(create_app(study, store)) as address,
        ):
            machines = [
                InChromium(
                    MachineReader(number, key, skill, SEED), address, None if number else args.shots
                )
                for number in range(READERS)
            ]
            read_all(machines)
            exported = store.export()
            told = what_bytes_tell(address, key, machines[1].places)
        write_results(exported, MACHINES, outputs["key"], outputs["power"], folder, SEED)
        estimated = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    truth = {f"guidance {scale}": skill.true_rate(scale) for scale in SCALES}
    truth[REAL] = skill.true_rate(None)
    rates = estimated["origin"]["called_synthetic"]
    covered = sum(rates[each]["low"] <= rate <= rates[each]["high"] for each, rate in truth.items())
    found = {
        "readers": len(exported["reader"].unique()), "answers": len(exported), "seconds": time.monotonic() - began,
        "trouble": sorted({each for one in machines for each in one.trouble}),
        "true": truth, "intervals_that_hold_the_truth": f"{covered} of {len(truth)}",
        "estimated": estimated["origin"], "bytes": told,
    }  # fmt: skip
    print(json.dumps(found, indent=1))
    RESULT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
