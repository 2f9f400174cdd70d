"""What an audit refuses to take in: gaps in the gallery, candidates nobody can read; all at once, nothing written."""

import json

import audit_world
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from avatarflow.config.loading import load
from avatarflow.core.errors import AvatarflowError
from avatarflow.imaging.shards import read_table


def picture(path, seed, size=(40, 40)):
    pixels = np.random.default_rng(seed).integers(0, 255, (*size, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def audit(tmp_path):
    """Ten originals of five persons and three candidates, none of them wrong."""
    for number in range(10):
        picture(tmp_path / f"o{number}.png", number)
    for number in range(3):
        picture(tmp_path / f"c{number}.png", 100 + number)
    given = {
        "file": [f"o{n}.png" for n in range(10)],
        "patient": [f"SECRET{n // 2}" for n in range(10)],
    }
    pd.DataFrame(given).to_csv(tmp_path / "originals.csv", index=False)
    pd.DataFrame({"file": [f"c{n}.png" for n in range(3)]}).to_csv(
        tmp_path / "candidates.csv", index=False
    )
    return audit_world.Audit(tmp_path, audit_world.entry(size_px=16))


def change(audit, table, edit):
    path = audit.folder / table
    rows = pd.read_csv(path)
    edit(rows)
    rows.to_csv(path, index=False)


def written(audit):
    return {path.name for path in (audit.folder / "results").rglob("*") if path.is_file()}


def refused(audit, run_step):
    with pytest.raises(AvatarflowError) as error:
        run_step()
    assert "SECRET" not in str(error.value)
    assert ".png" not in str(error.value)
    return str(error.value)


def test_gaps_in_the_gallery_are_refused_all_at_once(audit):
    (audit.folder / "o7.png").write_bytes((audit.folder / "o0.png").read_bytes())

    def edit(rows):
        rows.loc[[2, 3], "patient"] = ""

    change(audit, "originals.csv", edit)
    text = refused(audit, audit.intake)
    assert text.splitlines() == [
        "originals: 2 originals without a person (manifest rows 3, 4); name their persons, or take the rows out",
        "originals in manifest rows 1 and 8: the same picture under two persons; name one person, or take one row out",
    ]
    assert written(audit) == {"refused.csv"}


def test_one_person_alone_is_refused(audit):
    change(audit, "originals.csv", lambda rows: rows.__setitem__("patient", "SECRET"))
    text = refused(audit, audit.intake)
    assert text == "originals: pictures of 1 person only; give originals of at least two persons"
    assert written(audit) == {"refused.csv"}


def test_two_pictures_of_one_person_may_be_the_same(audit):
    (audit.folder / "o1.png").write_bytes((audit.folder / "o0.png").read_bytes())
    audit.settings["limits"]["max_refused_share"] = 0.2
    audit.intake()
    summary = json.loads((audit.folder / "results/pool/summary.json").read_text())
    # in the gallery, once
    assert (summary["pictures"], summary["refused"], summary["left_out"]) == (9, 1, 0)


def test_an_original_that_cannot_be_read_is_counted_as_a_gap(audit):
    (audit.folder / "o5.png").write_bytes(b"no picture")
    assert "1 of 10 rows refused" in refused(audit, audit.intake)
    audit.settings["limits"]["max_refused_share"] = 0.2
    audit.intake()
    assert json.loads((audit.folder / "results/pool/summary.json").read_text())["left_out"] == 1


def test_where_nobody_has_a_person_the_reason_is_said(audit):
    change(audit, "originals.csv", lambda rows: rows.__setitem__("patient", ""))
    text = refused(audit, audit.intake)
    assert text == (
        "manifest originals.csv: no usable picture is left (10 x no person: every identifier is "
        "empty, a word for none, or lacks one of its columns); correct the rows"
    )
    assert not written(audit)


def test_many_rows_without_a_person_are_counted_and_not_all_listed(audit):
    rows = pd.DataFrame({"file": ["o0.png"] * 60, "patient": [""] * 58 + ["SECRET1", "SECRET2"]})
    rows["file"] = [f"o{n % 10}.png" for n in range(60)]
    rows.to_csv(audit.folder / "originals.csv", index=False)
    text = refused(audit, audit.intake)
    assert "58 originals without a person (manifest rows 1, 2, 3, " in text
    assert "20, ...)" in text


def test_candidates_none_of_which_can_be_read_are_refused_with_the_reasons(audit):
    (audit.folder / "c0.png").write_bytes(b"no picture")
    (audit.folder / "c1.png").unlink()
    picture(audit.folder / "c2.png", 1, (8, 8))
    text = refused(audit, audit.intake_candidates)
    assert text == (
        "candidates: none of 3 can be read (1 x no such file, 1 x not a picture, 1 x too small); "
        "check candidates.root and the files"
    )
    assert not written(audit)


def test_a_candidates_manifest_without_rows_is_refused(audit):
    (audit.folder / "candidates.csv").write_text("file\n")
    assert (
        refused(audit, audit.intake_candidates)
        == "manifest candidates.csv: no rows; give at least one"
    )
    (audit.folder / "candidates.csv").write_text("")
    assert "manifest candidates.csv: it is empty; " in refused(audit, audit.intake_candidates)
    assert not written(audit)


def test_candidates_that_cannot_be_read_stay_and_are_counted(audit):
    (audit.folder / "c1.png").unlink()
    audit.intake_candidates()
    assert list(read_table(audit.at("foreign/pictures"))["reason"]) == [
        "",
        "not readable: no such file",
        "",
    ]
    assert json.loads((audit.folder / "results/foreign/summary.json").read_text())[
        "unreadable"
    ] == {"no such file": 1}


def test_labels_of_candidates_are_those_of_the_list_or_none(audit):
    audit.settings["conditions"] = {"sex": ["female", "male"], "side": ["left", "right"]}
    change(audit, "candidates.csv", lambda rows: rows.__setitem__("sex", ["male", "SECRET", ""]))
    audit.intake_candidates()
    table = read_table(audit.at("foreign/pictures"))
    assert list(table["sex"].fillna("none")) == ["male", "none", "none"]
    assert table["side"].isna().all()
    text = (audit.folder / "results/foreign/summary.json").read_text()
    assert json.loads(text)["labels"] == {"sex": 1, "side": 0}
    assert json.loads(text)["strange_labels"] == {"sex": 1, "side": 0}
    assert "SECRET" not in text


def problems(**changes):
    given = {
        "originals": {"manifest": "m", "root": "r"},
        "candidates": {"manifest": "m", "root": "r"},
        **changes,
    }
    with pytest.raises(AvatarflowError) as error:
        load({"audits": {"x": given}})
    return str(error.value).splitlines()


def test_a_share_of_originals_is_not_believed_to_be_held_out_subjects():
    shares = {"encoder": 0.4, "calibration": 0.3, "test": 0.1, "heldout": 0.2}
    (line,) = problems(split={"shares": shares})
    assert line.startswith(
        "config audits.x.split.shares.heldout: some originals would be left out of the gallery"
    )
    assert "split.column" in line
    # the column says who, the shares do not
    assert audit_world.entry(split={"column": "used", "shares": shares})


def test_a_column_is_a_condition_or_a_camera_and_there_is_one_camera_column():
    (line,) = problems(conditions={"site": ["a", "b"]}, cameras={"site": ["a", "b"]})
    assert line == "config audits.x.cameras: 'site' is a condition too; name the column once"
    assert len(problems(cameras={"one": ["a"], "two": ["b"]})) == 1
