"""The verifier: its threshold comes from pictures of two persons; what it takes for an original is refused."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import save_file

from avatarflow.core.errors import AvatarflowError
from avatarflow.imaging.phantom.eyes import draw_eyes
from avatarflow.imaging.shards import read_pictures, write_shards
from avatarflow.imaging.spool import Spool
from avatarflow.privacy.cones.cone import Cones
from avatarflow.privacy.cones.decide import MATCHED, OUTSIDE, UNSEEN
from avatarflow.privacy.cones.decide_step import judge_pictures
from avatarflow.privacy.cones.shape import Shape
from avatarflow.privacy.fingerprints.files import save_rows
from avatarflow.privacy.verifier import keypoints, matcher, trial, verify
from avatarflow.privacy.verifier.agreement import agreement, counted, kappa
from avatarflow.privacy.verifier.keypoint_votes import Index
from avatarflow.privacy.verifier.verify import Verifier, verify_candidates
from avatarflow.runs.context import Step

ROOT = Path(__file__).resolve().parents[4]
SETTINGS = {
    "matcher": "fundus", "nearest": 2, "false_match_rate": 0.0, "pairs": 50, "queries": 3, "gallery": 6,
    "refuse_unseen": False,
}  # fmt: skip
ROLES = ["calibration"] * 6 + ["test"] * 3 + ["encoder"] * 3 + ["heldout"] * 2
GALLERY = 12
CANDIDATES = ["blind spot", "somebody else", "copy", "flat", "no fingerprint"]


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Fourteen eyes of as many persons, narrow cones, and five candidates, each a case of its own."""
    folder = tmp_path_factory.mktemp("world")
    pictures, _ = draw_eyes("fundus", [2 * person for person in range(16)], [0] * 16, 64, 3)
    table = pd.DataFrame(
        {
            "item": range(14),
            "row": np.arange(14) * 2 + 1,
            "person": range(14),
            "role": ROLES,
            "eye": range(14),
        }
    )
    write_shards(folder / "pool", pictures[:14], table)
    rng = np.random.default_rng(1)
    rows = unit(rng.standard_normal((14, 16)))
    cones = Cones(rows[:GALLERY], table["row"].to_numpy()[:GALLERY], np.full(GALLERY, 0.1), np.full(GALLERY, 0.1),
                  Shape(), 1.0, "abc")  # fmt: skip
    cones.save(folder / "cones")
    save_file(
        {"nothing": np.zeros(1)}, folder / "encoder", {"encoder": json.dumps({"digest": "abc"})}
    )
    near = unit(
        rows[3] + 0.1 * rng.standard_normal(16)
    )  # farther off than its cone, and still nearest to it
    made = np.stack(
        [
            near,
            unit(rng.standard_normal(16)),
            rows[5],
            unit(rng.standard_normal(16)),
            np.full(16, np.nan),
        ]
    ).astype(np.float32)
    save_rows(folder / "fingerprints", made, "abc")
    darker = (pictures[3] * 0.9).astype(np.uint8)
    flat = np.full_like(pictures[0], 90)
    shown = np.stack([darker, pictures[14], pictures[5], flat, pictures[15]])
    write_shards(folder / "candidates", shown, pd.DataFrame({"candidate": CANDIDATES}))
    trial.try_verifier(
        str(folder / "pool"), SETTINGS, ["flip", "jpeg"], 1, str(folder / "trial"), Step.null()
    )
    (folder / "calibrated").write_text('{"verifier": {"held_out_matched": {"value": 0.25}}}')
    names = ("pool", "fingerprints", "candidates", "encoder", "cones", "calibrated", "trial")
    return {name: str(folder / name) for name in names}, pictures, cones, made, shown


def asked(world, folder, **changes):
    inputs, verifications, figures = (
        world[0],
        str(folder / "verifier.parquet"),
        str(folder / "figures.json"),
    )
    verify_candidates(inputs, SETTINGS | changes, 1, verifications, figures, Step.null())
    return pq.read_table(verifications).to_pandas(), json.loads(Path(figures).read_text())


def test_the_threshold_is_a_similarity_of_two_persons():
    seen = np.linspace(0, 1, 11)
    assert trial.threshold(seen, 0.0) == 1.0
    assert trial.threshold(seen, 0.1) == pytest.approx(0.9)
    assert trial.threshold(seen, 0.001) == 1.0  # so few cannot say more
    assert (seen > trial.threshold(seen, 0.25)).mean() <= 0.25


def test_the_trial_by_hand(world):
    inputs, pictures, *_ = world
    found = json.loads(Path(inputs["trial"]).read_text())
    match = matcher("fundus")
    kept = [match.template(picture) for picture in pictures[:6]]
    alike = [match.similarity(kept[i], kept[j]) for i in range(6) for j in range(i + 1, 6)]
    assert found["threshold"] == pytest.approx(max(alike))
    assert (found["two_persons"]["compared"], found["two_persons"]["persons"]) == (15, 6)
    assert found["two_persons"]["above_threshold"] == 0
    assert found["same_eye"] is None
    assert found["recognised"]["flip"]["value"] == 1
    assert (found["recognised"]["all"]["n"], found["recognised"]["all"]["persons"]) == (6, 3)
    assert (found["rank1"]["value"], found["rank1"]["n"], found["rank1"]["gallery"]) == (1, 3, 6)


def test_pairs_of_one_eye_are_told_from_pairs_of_two_persons():
    eyes = [2 * person for person in range(5) for _ in range(2)]
    pictures, _ = draw_eyes(
        "fundus", [*eyes, 0], [0, 1] * 5 + [0], 96, 3
    )  # the last one is the first once more
    numbers = np.array([*eyes, 0])
    table = pd.DataFrame({"person": numbers, "eye": numbers})
    match = matcher("fundus")
    impostors = trial.two_persons(match, pictures, table, np.arange(10), 100, 1)
    assert len(impostors) == 10  # one picture a person
    found = trial.same_eye(match, pictures, table, impostors, float(impostors.max()), 100, 1)
    assert (found["pairs"], found["persons"]) == (6, 5)  # one file twice proves nothing
    assert found["auc"]["value"] > 0.9
    assert found["eer"]["value"] < 0.2


def test_a_threshold_of_keypoints_is_what_persons_reach_with_all_others(world, tmp_path):
    inputs, pictures, *_ = world
    table = pd.DataFrame({"person": range(14), "role": ROLES})
    found = trial.with_all_others(matcher("keypoints"), pictures, table, 1, Step.null())
    assert len(found) == 9  # calibration and encoder, never test
    templates = [keypoints.template(picture) for picture in pictures[:GALLERY]]
    for number, row in ((0, 0), (4, 4), (7, 10)):
        others = Index(None if other == row else kept for other, kept in enumerate(templates))
        assert found[number] == others.most_alike([keypoints.variants(pictures[row])])[0][0]
    assert max(found) < 20
    trial.try_verifier(
        inputs["pool"], {**SETTINGS, "matcher": "keypoints"}, ["flip"], 1, str(tmp_path / "trial"), Step.null()
    )  # fmt: skip
    tried = json.loads((tmp_path / "trial").read_text())
    assert tried["threshold"] == max(found)
    assert tried["recognised"]["flip"]["value"] == 1
    alone = table.assign(person=1)
    with pytest.raises(AvatarflowError, match="verifier: 1 persons to set its threshold on; give"):
        trial.with_all_others(matcher("keypoints"), pictures, alone, 1, Step.null())


def test_nobody_to_set_a_threshold_on_is_refused():
    table = pd.DataFrame({"person": [1, 1]})
    pictures, _ = draw_eyes("fundus", [0, 0], [0, 1], 64, 3)
    with pytest.raises(
        AvatarflowError, match=r"verifier: 1 calibration persons .*; give more persons"
    ):
        trial.two_persons(matcher("fundus"), pictures, table, np.arange(2), 10, 1)


def test_a_blind_spot_does_not_decide_alone(world, tmp_path):
    said, figures = asked(world, tmp_path)
    assert said["candidate"].tolist() == CANDIDATES
    assert said["matched"].tolist() == [True, False, True, False, False]
    assert said["original"].tolist()[0] == 7  # manifest row of the fourth original
    assert said["original"].tolist()[2] == 11
    assert said["similarity"].isna().tolist() == [False, False, False, True, True]
    assert said["refusal"].tolist() == [MATCHED, "", MATCHED, "", ""]
    assert figures["table"] == {
        "accepted, not matched": 1, "accepted, matched": 1, "rejected, not matched": 0, "rejected, matched": 1,
    }  # fmt: skip
    assert (figures["candidates"], figures["refused"], figures["without_template"]) == (5, 1, 1)
    assert figures["held_out_matched"] == {"value": 0.25}
    inputs = world[0]
    inputs = {**inputs, "verifier": str(tmp_path / "verifier.parquet")}
    judge_pictures(inputs, "student", str(tmp_path / "decisions"), Step.null())
    decisions = pq.read_table(tmp_path / "decisions").to_pandas()
    assert decisions["accepted"].tolist() == [False, True, False, True, False]
    assert decisions["reason"].tolist()[:2] == [MATCHED, OUTSIDE]


def test_what_the_matcher_can_make_nothing_of_is_refused_where_the_config_says_so(world, tmp_path):
    said, figures = asked(world, tmp_path, refuse_unseen=True)
    assert said["refusal"].tolist() == [MATCHED, "", MATCHED, UNSEEN, ""]
    assert figures["refused"] == 2


def test_verifications_do_not_depend_on_blocks(world):
    _, pictures, cones, made, shown = world
    verifier = Verifier(cones, pictures[:GALLERY], matcher("fundus"), 3)
    whole = verifier.verify(shown, made)
    single = [verifier.verify(shown[row : row + 1], made[row : row + 1]) for row in range(5)]
    for name in ("compared", "similarity", "original", "rejected"):
        one_by_one = np.concatenate([getattr(each, name) for each in single])
        np.testing.assert_array_equal(getattr(whole, name), one_by_one)


def test_verifying_reads_pictures_of_the_pool_as_they_are_compared(world, tmp_path, monkeypatch):
    before, asked_for = asked(world, tmp_path), []

    class Watched(Spool):
        def __getitem__(self, rows):
            read = super().__getitem__(rows)
            asked_for.append(1 if read.ndim == 3 else len(read))
            return read

    def watched(pool):
        spool = Watched(tmp_path, 64)
        spool.extend(read_pictures(pool))
        return spool

    for module in (verify, trial):
        monkeypatch.setattr(module, "spooled", watched)
    monkeypatch.setattr(verify, "AT_ONCE", 1)
    after = asked(world, tmp_path)
    assert after[0].equals(before[0])
    assert after[1] == before[1]
    trial.try_verifier(
        world[0]["pool"], SETTINGS, ["flip"], 1, str(tmp_path / "trial"), Step.null()
    )
    assert set(asked_for) == {1}


def test_verifications_of_other_candidates_are_refused(world, tmp_path):
    asked(world, tmp_path)
    others, said = str(tmp_path / "others"), str(tmp_path / "verifier.parquet")
    write_shards(others, world[4], pd.DataFrame({"candidate": CANDIDATES[::-1]}))
    with pytest.raises(AvatarflowError, match="verifier: it is of other candidates"):
        judge_pictures(
            {**world[0], "candidates": others, "verifier": said}, "student", str(tmp_path / "decisions"), Step.null()
        )  # fmt: skip
    assert not (tmp_path / "decisions").exists()


def test_cones_of_other_originals_are_refused(world, tmp_path):
    cones = world[2]
    Cones(
        cones.fingerprints, cones.rows + 1, cones.radii_rad, cones.sparsity_rad, Shape(), 1.0, "abc"
    ).save(tmp_path / "cones")
    with pytest.raises(AvatarflowError, match="cones of other originals"):
        verify_candidates(
            {**world[0], "cones": str(tmp_path / "cones")}, SETTINGS, 1, str(tmp_path / "o"), str(tmp_path / "f"),
            Step.null(),
        )  # fmt: skip


def test_kappa_of_a_textbook_table():
    assert kappa(np.array([[20, 5], [10, 15]])) == pytest.approx(0.4)
    assert kappa(np.array([[7, 0], [0, 3]])) == 1
    assert np.isnan(kappa(np.array([[7, 3], [0, 0]])))
    table = counted(np.array([0, 0, 1, 1, 1], bool), np.array([0, 1, 1, 1, 0], bool))
    assert table.tolist() == [[1, 1], [1, 2]]


def test_agreement_says_what_it_cannot_say():
    found = agreement(np.array([[20, 5], [10, 15]]), 1)
    assert found["kappa"]["low"] < 0.4 < found["kappa"]["high"]
    share = found["matched_among_accepted"]
    assert (share["value"], share["n"]) == (0.2, 25)
    assert share["low"] < 0.2 < share["high"]
    nobody = agreement(np.zeros((2, 2), np.int64), 1)
    assert nobody["kappa"]["value"] is None
    assert nobody["matched_among_accepted"] == {"value": None, "low": 0.0, "high": 1.0, "n": 0}


@pytest.mark.parametrize("module", ["trial", "verify", "recognised"])
def test_faiss_and_torch_never_share_a_process(module):
    code = f"import sys; sys.path.append('workflow/scripts'); import avatarflow.privacy.verifier.{module}; "
    done = subprocess.run(
        [sys.executable, "-c", code + "print('torch' in sys.modules)"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.stdout.strip() == "False", done.stderr
