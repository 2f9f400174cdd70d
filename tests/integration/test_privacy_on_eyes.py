"""The privacy core on real fundus photographs, small enough for a test: it recognises and it rejects."""

import csv

import numpy as np
import pytest
import torch
from PIL import Image

from avatarflow.privacy.cones.cone import calibrate, uncalibrated
from avatarflow.privacy.cones.decide import miss_rate, risks, specificity
from avatarflow.privacy.cones.shape import Shape
from avatarflow.privacy.fingerprints.fingerprint import embed_altered, fit_encoder
from avatarflow.privacy.fingerprints.retrieval import rank_one, verification
from avatarflow.privacy.perturbations import Drawn
from avatarflow.runs.context import Step

pytestmark = [pytest.mark.shared, pytest.mark.slow]

FAMILIES = ["rotation", "shift", "zoom", "flip", "brightness", "contrast", "gamma", "jpeg"]
SETTINGS = {"size_px": 48, "width": 16, "steps": 150, "persons_per_step": 64, "families": FAMILIES}


@pytest.fixture(scope="module")
def eyes(shared_data):
    """Pictures (n, 48, 48, 3), eyes and persons (n,) of 160 IDRiD eyes and all RIDB photographs."""
    folder = shared_data / "eyes"
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["view"] == "fundus"]
    rows = [row for row in rows if row["dataset"] == "ridb"] + [
        row for row in rows if row["dataset"] == "idrid"
    ][:160]
    pictures = [
        Image.open(folder / row["file"]).convert("RGB").resize((48, 48), Image.Resampling.LANCZOS)
        for row in rows
    ]
    persons = [row["same_person_guess"] or row["patient_id"] or row["eye_id"] for row in rows]
    numbers = [
        np.unique(names, return_inverse=True)[1]
        for names in ([row["eye_id"] for row in rows], persons)
    ]
    return np.stack([np.asarray(picture) for picture in pictures]), numbers[0], numbers[1]


def test_recognises_and_rejects(eyes, tmp_path):
    torch.set_num_threads(1)
    pictures, eye, person = eyes
    # encoder, calibration, test, held-out subjects
    part = np.random.default_rng(1).permutation(person.max() + 1)[person] % 4
    seen, gallery, held_out = part == 0, part != 3, part == 3
    encoder = fit_encoder(
        pictures[seen], person[seen], SETTINGS, 1, tmp_path, Step.null(), eye[seen]
    )
    rows, items = encoder.embed(pictures), np.arange(len(pictures))

    def altered(chosen, purpose):
        drawn = Drawn(FAMILIES, 4, 1, purpose)
        return embed_altered(encoder, pictures[chosen], items[chosen], drawn)

    def flat(draws, chosen):
        return draws.reshape(-1, rows.shape[1]), np.repeat(person[chosen], draws.shape[1])

    open_cones = uncalibrated(
        rows[gallery], person[gallery], items[gallery] + 1, altered(gallery, "own"), Shape()
    )
    calibration, test = altered(part == 1, "calibration"), altered(part == 2, "test")
    cones, done = calibrate(open_cones, *flat(calibration, part == 1), "reject-all")
    assert (risks(flat(calibration, part == 1)[0], cones) <= 1).all()
    miss = miss_rate(cones, *flat(test, part == 2))
    assert miss.low <= done.coverage.miss_bound
    # a row may be one unit in the last place off after it is brought to length 1 again
    assert (risks(rows[gallery], cones) < 1e-4).all()
    passing = specificity(cones, rows[held_out], person[held_out], 1)
    assert 0 <= passing.low <= passing.value <= passing.high <= 1

    queried = np.flatnonzero(part[gallery] == 2)
    flat = test.reshape(-1, test.shape[2])
    table = rank_one(
        rows[gallery], eye[gallery], flat, queried, person[gallery], FAMILIES, 1
    ).set_index("family")
    assert table.loc["all", "rank1"] > 0.95
    figures = verification(rows[~seen], eye[~seen], person[~seen], 1)
    assert figures.auc > 0.9
    assert figures.auc_low < figures.auc <= figures.auc_high
