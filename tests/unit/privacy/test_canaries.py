"""Canaries: drawn apart, planted as often as asked, found where they are and nowhere else, and held at the gate."""

import json

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

from avatarflow.generators.training_data import training_set
from avatarflow.imaging.phantom.eyes import draw_eyes
from avatarflow.imaging.shards import read_pictures, read_table, write_shards
from avatarflow.intake.canaries import FIRST, draw_canaries, planted, write_canaries
from avatarflow.privacy.attacks.subjects import chosen
from avatarflow.privacy.baselines.step import people_of
from avatarflow.privacy.canaries import sightings, summary
from avatarflow.privacy.canaries.exposure import by_chance, curve, exposures
from avatarflow.privacy.canaries.own_cone import own_cones
from avatarflow.privacy.canaries.picture_step import expose_pictures
from avatarflow.privacy.canaries.sightings import Sightings, noisy
from avatarflow.privacy.cones.calibration import calibrate_entry
from avatarflow.privacy.cones.cone import Cones
from avatarflow.privacy.cones.decide import risks
from avatarflow.privacy.cones.shape import Shape
from avatarflow.privacy.fingerprints.files import save_rows
from avatarflow.release.certificate import certificate
from avatarflow.release.gates.figures import canaries_found
from avatarflow.release.gates.rules import hold_all
from avatarflow.runs.context import Step

ASKED = {"kind": "fundus", "copies": [1, 4], "each": 3, "untrained": 6, "largest_found": 0}
LABELS = {"sex": ["female", "male"], "site": ["a", "b", "c"]}
AUGMENT = {"chain": [{"name": "blur"}], "copies": 2, "mirror": None, "fill": "zeros"}


@pytest.fixture(scope="module")
def canaries():
    return draw_canaries(ASKED, LABELS, 32, seed=3)


# --- drawn and planted


def test_canaries_are_drawn_from_a_population_of_their_own(canaries):
    pictures, table = canaries
    assert table["copies"].tolist() == [0] * 6 + [1] * 3 + [4] * 3
    assert (table["item"] >= FIRST).all()
    assert table["row"].tolist() == list(range(-1, -13, -1))
    own, _ = draw_eyes(
        "fundus", [2 * n for n in range(12)], [0] * 12, 32, 3
    )  # the eyes of a run with that seed
    assert not (pictures == own).all((1, 2, 3)).any()
    assert len({each.tobytes() for each in pictures}) == 12
    assert set(table["sex"]) == {"female", "male"}
    assert set(table["site"]) <= {"a", "b", "c"}
    again, same = draw_canaries(ASKED, LABELS, 32, seed=3)
    assert (again == pictures).all()
    pd.testing.assert_frame_equal(same, table)


def test_an_eye_keeps_its_own_label_only_where_the_config_allows_it(canaries):
    _, table = draw_canaries(ASKED, {"sex": ["m", "f"]}, 32, seed=3)
    assert set(table["sex"]) <= {"m", "f"}
    _, drawn = draw_eyes("fundus", [0], [0], 32, 3)
    assert "sex" in drawn


def test_each_canary_is_planted_as_often_as_it_says(canaries):
    pictures, table = planted(*canaries)
    assert len(pictures) == 3 * 1 + 3 * 4
    assert table["item"].is_unique
    assert table["person"].value_counts().to_dict() == {
        FIRST + n: 1 if n < 9 else 4 for n in range(6, 12)
    }
    assert (pictures[-1] == canaries[0][-1]).all()


@pytest.fixture
def pool(tmp_path):
    pictures, drawn = draw_eyes("fundus", [2 * n for n in range(8)], [0] * 8, 32, 3)
    roles = ["encoder", "calibration", "test", "heldout"] * 2
    table = pd.DataFrame({"item": range(8), "row": range(1, 9), "person": range(8), "role": roles, "unit": "person",
                          "eye": range(8), "sex": drawn["sex"], "site": "a"})  # fmt: skip
    write_shards(tmp_path / "pool", pictures, table)
    (tmp_path / "canaries").mkdir()
    write_canaries(ASKED, LABELS, 32, 3, 1, str(tmp_path / "canaries"))
    return tmp_path


def test_canaries_join_the_training_set_and_change_nothing_else_in_it(pool):
    for name, planted_in in (("without", None), ("with", str(pool / "canaries"))):
        training_set(str(pool / "pool"), AUGMENT, 3, str(pool / name), Step.null(), planted_in)
    without, table = read_pictures(pool / "without"), read_table(pool / "with")
    assert (read_pictures(pool / "with")[: len(without)] == without).all()
    assert len(without) == 2 * 6  # the held-out subjects are not trained on
    rest = table.iloc[len(without) :]
    assert (rest["role"] == "canary").all()
    assert len(rest) == 2 * (3 + 12)
    trained = set(read_table(pool / "canaries").query("copies > 0")["person"])
    assert set(rest["person"]) == trained
    assert set(rest.columns) == set(read_table(pool / "without").columns)


def test_no_canary_is_a_member_or_a_held_out_subject_of_an_attack(pool):
    training_set(
        str(pool / "pool"), AUGMENT, 3, str(pool / "with"), Step.null(), str(pool / "canaries")
    )
    everyone = read_table(pool / "with")
    assert not everyone[chosen(everyone, 1000, 3)]["role"].eq("canary").any()


# --- exposure


def test_exposure_is_the_log_of_the_candidates_less_that_of_the_rank():
    scores, copies = np.array([0.0, 1.0, 2.0, 5.0, 1.5, -1.0]), np.array([0, 0, 0, 1, 1, 4])
    bits = exposures(scores, copies)
    assert bits[3:] == pytest.approx([2.0, 1.0, 0.0])  # ranks 1, 2 and 4 of four candidates
    assert bits[:3] == pytest.approx(np.log2(3) - np.log2([3, 2, 1]))
    assert exposures(-scores, copies)[3] == 0  # backwards, the highest is the last
    assert exposures(np.exp(scores), copies) == pytest.approx(bits)  # only ranks count


def test_untrained_canaries_and_scores_that_say_nothing_are_exposed_by_chance_alone():
    draw = np.random.default_rng(1)
    copies = np.r_[np.zeros(40, int), np.ones(400, int)]
    points = curve(draw.normal(size=440), copies, 1)
    assert points[0]["value"] == pytest.approx(by_chance(40))
    assert points[1]["value"] == pytest.approx(by_chance(41), abs=0.2)
    assert by_chance(4) == pytest.approx(2 - np.log2(24) / 4)
    assert points[1]["low"] < points[1]["value"] < points[1]["high"] < points[1]["most"]
    silent = curve(np.zeros(440), copies, 1)
    assert silent[1]["value"] == pytest.approx(
        np.log2(41) - np.log2(21)
    )  # all share the middle rank


# --- found in pictures


@pytest.fixture
def few_pairs(monkeypatch):
    """The matcher is slow, and some pairs of canaries are enough here."""
    monkeypatch.setattr(sightings, "IMPOSTOR_PAIRS", 12)


def test_the_matcher_finds_a_planted_canary_and_no_other(canaries, few_pairs):
    pictures, table = canaries
    others, _ = draw_eyes("fundus", [2 * n for n in range(10)], [0] * 10, 32, 99)
    leaked = np.stack([noisy(pictures[place], 8, place) for place in (7, 11)])
    found = Sightings.of(
        pictures, np.concatenate([others, leaked]), "fundus", table["item"].to_numpy(), 1
    )
    assert found.matched[[7, 11]].all()
    assert found.best[[7, 11]].tolist() == [10, 11]
    assert found.matched.sum() == 2, found
    nothing = Sightings.of(pictures, others[:0], "fundus", table["item"].to_numpy(), 1)
    assert not nothing.matched.any()


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def some_cones(rows, numbers, width):
    angle = np.full(len(rows), width)
    return Cones(rows, np.array(numbers), angle, angle, Shape(), 1.0, "made up")


def test_a_picture_counts_for_the_canary_in_whose_own_cone_it_lies():
    axes = np.eye(6, dtype=np.float32)
    cones = some_cones(axes[:4], [1, 2, -1, -2], 0.3)
    made = unit(axes[3:4] + 0.1 * axes[0]), axes[0:1], axes[5:6]
    inside = own_cones(cones, np.array([-1, -2]), axes[2:4], np.concatenate(made))
    assert inside.tolist() == [[False] * 3, [True, False, False]]


@pytest.mark.parametrize("density", ["original", "picture"])
@pytest.mark.parametrize("again", [0, 12])
def test_a_picture_is_risky_where_it_lies_in_some_own_cone(density, again):
    draw = np.random.default_rng(6)
    rows = unit(draw.normal(size=(40, 8)))
    # some stand there under another id, of which the cones of others count one
    rows[40 - again :] = unit(rows[:again] + 0.01 * draw.normal(size=(again, 8)))
    radii, sparsity = draw.uniform(0.1, 0.5, (2, 40))
    shape = Shape(k=3, density=density)
    cones = Cones(rows, np.arange(40), radii, sparsity, shape, 1.2, "made up", np.arange(40))
    made = unit(rows[draw.integers(0, 40, 300)] + draw.normal(scale=0.3, size=(300, 8)))
    risky = risks(made, cones) <= 1
    assert 15 < risky.sum() < 285
    assert (own_cones(cones, cones.rows, rows, made).any(0) == risky).all()


@pytest.fixture
def exposed(tmp_path, canaries, few_pairs):
    """A release whose pictures show canaries 8 and 11: the one rejected, the other let through."""
    pictures, table = canaries
    others, _ = draw_eyes("fundus", [2 * n for n in range(10)], [0] * 10, 32, 99)
    made = np.concatenate([others, pictures[[8, 11]]])
    draw = np.random.default_rng(2)
    known, rest = unit(draw.normal(size=(12, 16))), unit(draw.normal(size=(10, 16)))
    rows = np.concatenate([rest, known[[8, 11]]])
    paths = {name: str(tmp_path / name) for name in ("canaries", "samples", "cones", "decisions")}
    paths |= {name: str(tmp_path / name) for name in ("canaries_fingerprints", "fingerprints")}
    write_shards(tmp_path / "canaries", pictures, table)
    write_shards(
        tmp_path / "samples", made, pd.DataFrame({"candidate": [f"s-{n}" for n in range(12)]})
    )
    some_cones(known, table["row"], 0.3).save(paths["cones"])
    save_rows(paths["canaries_fingerprints"], known, "made up")
    save_rows(paths["fingerprints"], rows, "made up")
    accepted = np.r_[np.ones(10, bool), False, True]
    pd.DataFrame({"accepted": accepted}).to_parquet(paths["decisions"])
    return tmp_path, paths


def test_what_is_found_of_canaries_in_candidates_and_in_the_release(exposed):
    folder, paths = exposed
    parts = []
    for target in ("teacher", "student", "release"):
        parts.append(str(folder / f"{target}.json"))
        expose_pictures(paths, "fundus", 1, target, parts[-1], Step.null())
    for stage in ("teacher", "student"):
        parts.append(str(folder / f"{stage}.generator.json"))
        scores = {"loss_threshold": list(range(12))}
        (folder / f"{stage}.generator.json").write_text(
            json.dumps({"target": stage, "scores": scores, "refused": ""})
        )
    kinds = {"results": "json", "rows": "tsv", "figure": "png"}
    outputs = {name: str(folder / f"out.{kind}") for name, kind in kinds.items()}
    summary.join(paths["canaries"], parts, "fundus", 1, outputs, Step.null())
    found = json.loads((folder / "out.json").read_text())
    recall = {
        point["copies"]: point["value"] for point in found["targets"]["teacher"]["cone_recall"]
    }
    assert recall == {0: 0.0, 1: pytest.approx(1 / 3), 4: pytest.approx(1 / 3)}
    assert found["targets"]["teacher"]["in_own_cone"] == {"pictures": 2, "accepted": 1}
    assert found["released"] == {"pictures": 11, "n": 6, "by_cone": 1, "by_matcher": 1, "found": 1,
                                 "untrained_by_matcher": 0}  # fmt: skip
    bits = found["targets"]["teacher"]["exposure_bits"]
    assert [point["value"] for point in bits["loss_threshold"][1:]] == pytest.approx(
        [np.log2(7)] * 2
    )
    assert "loss_threshold" not in found["targets"]["release"]["exposure_bits"]
    assert "nearest_synthetic (pixels)" in found["targets"]["release"]["exposure_bits"]
    table = pd.read_csv(folder / "out.tsv", sep="\t")
    assert set(table["target"]) == {"teacher", "student", "release"}
    assert (folder / "out.png").read_bytes().startswith(b"\x89PNG")


# --- in the gallery, and nowhere else


def calibrated(folder, with_canaries, density="original"):
    draw = np.random.default_rng(4)
    people = 40
    roles = np.repeat(["encoder", "calibration", "test", "heldout"], 10)
    table = pd.DataFrame({"item": range(people), "row": range(1, people + 1), "person": range(people), "eye": -1,
                          "unit": "person", "role": roles})  # fmt: skip
    folder.mkdir()
    write_shards(folder / "pool", np.zeros((people, 16, 16, 3), np.uint8), table)
    save_file(
        {"none": np.zeros(1, np.float32)},
        folder / "encoder",
        {"encoder": json.dumps({"digest": "made up"})},
    )
    rows, more = unit(draw.normal(size=(people, 16))), unit(draw.normal(size=(12, 16)))
    files = {
        name: str(folder / name)
        for name in ("pool", "encoder", "originals", "own", "calibration", "test", "seen")
    }
    save_rows(files["originals"], rows, "made up")
    near = lambda some: unit(some[:, None] + 0.05 * draw.normal(size=(len(some), 4, 16)))  # noqa: E731
    for name, some in (
        ("own", rows[:30]),
        ("calibration", rows[10:20]),
        ("test", rows[20:30]),
        ("seen", rows[:10]),
    ):
        save_rows(files[name], near(some), "made up")
    if with_canaries:
        files |= {
            name: str(folder / name)
            for name in ("canaries", "canaries_fingerprints", "canaries_own")
        }
        numbers = np.arange(12)
        write_shards(folder / "canaries", np.zeros((12, 16, 16, 3), np.uint8), pd.DataFrame(
            {"person": FIRST + numbers, "row": -1 - numbers, "copies": 1}))  # fmt: skip
        save_rows(files["canaries_fingerprints"], more, "made up")
        save_rows(files["canaries_own"], near(more), "made up")
    settings = {"neighbours": 3, "beta": 0.5, "narrowest_deg": 1, "widest_deg": 90, "mode": "reject-all", "alpha": 0.1,
                "fewest_persons": 5, "margin": 0.0, "families": ["brightness", "jpeg"], "draws": 2,
                "held_out_families": []}  # fmt: skip
    settings["density"] = density
    out = {
        name: str(folder / name) for name in ("cones", "risks", "calibrated", "plane", "plane_data")
    }
    calibrate_entry(files, settings, 1, out, Step.null())
    return (
        Cones.read(out["cones"]),
        json.loads((folder / "calibrated").read_text()),
        {**files, "cones": out["cones"]},
    )


@pytest.mark.parametrize("density", ["original", "picture"])
def test_canaries_have_cones_and_are_neither_calibration_nor_test_persons_nor_held_out_subjects(
    tmp_path, density
):
    cones, figures, files = calibrated(tmp_path / "with", True, density)
    plain, without, _ = calibrated(tmp_path / "without", False, density)
    assert cones.rows.tolist() == [*range(1, 31), *range(-1, -13, -1)]
    assert (cones.fingerprints[:30] == plain.fingerprints).all()
    for name in ("miss", "rejected", "specificity"):
        assert [figures[name][key] for key in ("n", "persons")] == [
            without[name][key] for key in ("n", "persons")
        ]
    assert figures["coverage"]["persons"] == without["coverage"]["persons"] == 10
    assert figures["verification"] == without["verification"]
    assert [row["n"] for row in figures["retrieval"]] == [row["n"] for row in without["retrieval"]]
    people, table = people_of(files)
    persons = people["originals"].persons.tolist()
    assert persons == [*table.loc[table["role"] != "heldout", "person"], *range(FIRST, FIRST + 12)]
    assert len(people["originals"].persons) == 42
    assert len(set(people["originals"].persons)) == 42


# --- the gate


@pytest.mark.parametrize(
    ("found", "result"),
    [
        ({"pictures": 9, "n": 6, "found": 0}, "pass"),
        ({"pictures": 9, "n": 6, "found": 1}, "fail"),
        ({"pictures": 0, "n": 6, "found": 0}, "inconclusive"),
        ({"pictures": 9, "n": 6}, "inconclusive"),
        ({}, "inconclusive"),
    ],
)
def test_a_canary_in_the_release_refuses_it(found, result):
    gates = hold_all({"canaries_found": canaries_found({"released": found})}, {"canaries_found": 0})
    outcome = next(gate for gate in gates if gate.name == "canaries_found")
    assert outcome.result == result
    coverage = {"mode": "reject-all", "persons": 9, "mean_miss": 0.1, "miss_bound": 0.2}
    measured = {"pool": {"unit": "person"}, "cone": {"coverage": coverage}}
    only = certificate("x", [outcome], {}, measured)
    assert (only["decision"] == "pass") == (result == "pass")


def test_without_canaries_there_is_no_such_gate_and_with_a_threshold_alone_it_is_inconclusive():
    assert "canaries_found" not in {gate.name for gate in hold_all({}, {})}
    asked = [gate for gate in hold_all({}, {"canaries_found": 0}) if gate.name == "canaries_found"]
    assert [gate.result for gate in asked] == ["inconclusive"]
