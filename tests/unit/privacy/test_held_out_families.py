import numpy as np
import pandas as pd
import pytest

from avatarflow.imaging.shards import write_shard
from avatarflow.privacy.fingerprints.files import load_rows
from avatarflow.privacy.fingerprints.fingerprint import Encoder, embed_altered, network_of
from avatarflow.privacy.fingerprints.step import originals
from avatarflow.privacy.held_out_families import kept_families, left_out_figures
from avatarflow.privacy.perturbations import Drawn
from avatarflow.runs.context import Step

CONE = {"families": ["rotation", "flip", "noise"], "held_out_families": ["flip"], "draws": 4}


def test_a_family_left_out_trains_and_calibrates_nothing():
    assert kept_families(CONE) == ["rotation", "noise"]
    assert kept_families({**CONE, "held_out_families": []}) == CONE["families"]


def test_weak_and_strong_perturbations_of_each_family_apart():
    rejected = np.ones((4, 8), bool)  # four pictures, two families, four draws
    rejected[:3, 7] = False  # the second family's strongest: three of four pass
    found = left_out_figures(rejected, ["blur", "crop"], np.array([5, 5, 6, 7]), 1)
    assert found["blur"]["all"]["value"] == 1
    assert found["blur"]["missed_persons"]["value"] == 0
    crop = found["crop"]
    assert crop["all"]["value"] == pytest.approx(13 / 16)
    assert [each["value"] for each in crop["by_strength"]] == [1, 1, 1, 0.25]
    assert crop["by_strength"][3]["strength"] == [0.75, 1.0]
    assert crop["missed_persons"]["value"] == pytest.approx(2 / 3)
    assert (crop["missed_persons"]["persons"], crop["by_strength"][0]["persons"]) == (3, 3)
    assert left_out_figures(np.ones((4, 0), bool), [], np.arange(4), 1) == {}


def test_the_family_left_out_is_tried_on_test_persons_alone(tmp_path):
    settings = {"size_px": 16, "dimensions": 8, "width": 4, "seed": 1}
    encoder = Encoder(network_of(settings), settings)
    encoder.save(tmp_path / "encoder.safetensors")
    pictures = np.random.default_rng(0).integers(0, 256, (6, 16, 16, 3), dtype=np.uint8)
    roles = ["encoder", "calibration", "test", "heldout", "test", "calibration"]
    write_shard(
        tmp_path / "pool/00000.parquet",
        pictures,
        pd.DataFrame({"role": roles, "item": np.arange(6), "person": np.arange(6)}),
    )
    names = ("originals", "own", "calibration", "test", "seen")
    outputs = {name: str(tmp_path / f"{name}.safetensors") for name in names}
    compute = {"threads": 1, "micro_batch": 4}
    originals(
        str(tmp_path / "pool"),
        str(tmp_path / "encoder.safetensors"),
        CONE,
        compute,
        3,
        outputs,
        Step.null(),
    )
    shapes = {name: load_rows(outputs[name], encoder.digest).shape for name in names}
    assert shapes == {
        "originals": (6, 8),
        "own": (5, 8, 8),
        "calibration": (2, 8, 8),
        "test": (2, 12, 8),
        "seen": (1, 8, 8),
    }
    drawn = Drawn(["rotation", "noise", "flip"], 4, 3, "test")
    expected = embed_altered(encoder, pictures[[2, 4]], [2, 4], drawn, 4)
    assert (load_rows(outputs["test"], encoder.digest) == expected).all()
