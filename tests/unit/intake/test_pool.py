"""The pool: what is refused, and that persons stay whole."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from inputs import listed, outputs
from PIL import Image

from avatarflow.config.loading import load
from avatarflow.core.errors import AvatarflowError
from avatarflow.imaging.shards import read_pictures, read_table
from avatarflow.intake.gallery_completeness import repeats
from avatarflow.intake.pool import pool_from_generator, pool_from_manifest
from avatarflow.intake.refusals import SAME_CONTENT, check_share
from avatarflow.intake.sources.rows import Place
from avatarflow.intake.sources.withdrawn import IntakeInputs
from avatarflow.intake.step import patients_per_condition, summarise, take_in
from avatarflow.runs.context import Step

EMBEDDED_TYPE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
STEP = Step.null()


def entry(**changes):
    given = {
        "source": {"manifest": "m.csv", "root": "."},
        "gates": {},
        "patient_id_columns": ["patient", "eye"],
        "eye_columns": ["eye"],
        "conditions": {"side": ["left", "right"]},
        "size_px": 16,
        **changes,
    }
    config = load(
        {"releases": {"x": {**given, "base": {"pretrain": {}}, "augment": {"mirror": None}}}}
    )
    return config["releases"]["x"]


def picture(path, seed, size=(40, 40)):
    pixels = np.random.default_rng(seed).integers(0, 255, (*size, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def folder(tmp_path):
    for number in range(12):
        picture(tmp_path / f"{number}.png", number)
    rows = [
        {"file": f"{n}.png", "patient": f"p{n // 2}", "eye": f"e{n}", "side": "left", "sex": "f"}
        for n in range(12)
    ]
    return tmp_path, rows


def pool(folder, **changes):
    root, rows = folder
    pd.DataFrame(rows).to_csv(root / "m.csv", index=False)
    return pool_from_manifest(entry(**changes), listed(root, "m.csv"), 1, 1, STEP)


def test_pictures_of_a_person_share_a_number_and_a_role(folder):
    table = pool(folder).table
    assert list(table["row"]) == list(range(1, 13))
    assert (table.groupby("person")["role"].nunique() == 1).all()
    assert table["person"].nunique() == 6
    assert set(table["unit"]) == {"person"}


def test_nothing_that_names_a_person_or_file_is_in_the_table(folder):
    text = pool(folder).table.to_csv()
    assert "p1" not in text
    assert ".png" not in text


def test_each_bad_row_is_refused_with_its_reason(folder):
    root, rows = folder
    rows[0]["file"] = "../0.png"
    rows[1]["file"] = "absent.png"
    rows[2] |= {"patient": "", "eye": ""}
    rows[3]["side"] = "upper"
    (root / "4.png").write_bytes((root / "4.png").read_bytes()[:300])
    (root / "5.png").write_text("no picture")
    picture(root / "6.png", 6, (8, 8))
    picture(root / "7.png", 7, (600, 40))
    (root / "8.png").write_bytes((root / "9.png").read_bytes())
    made = pool(folder)
    refused = made.refused
    assert sorted(refused) == [1, 2, 3, 4, 5, 6, 7, 8, 10]
    counts = summarise(made)
    assert (counts["asked"], counts["pictures"]) == (12, 3)
    assert sum(counts["refused_by_reason"].values()) == counts["refused"] == 9
    assert counts["refused_by_reason"]["same content as another row"] == repeats(refused) == 1
    made.asked += 1
    with pytest.raises(AvatarflowError, match="counts of originals"):
        summarise(made)
    assert "outside the root" in refused[1]
    assert "no person" in refused[3]
    assert refused[4] == "unknown value in column side"
    assert refused[10] == "same content as row 9"
    assert not any("png" in reason or "upper" in reason for reason in refused.values())


def test_two_persons_with_the_same_picture_become_one(folder):
    root, _ = folder
    (root / "8.png").write_bytes((root / "1.png").read_bytes())
    made = pool(folder)
    assert made.refused == {9: "same content as row 2"}
    persons = made.table.set_index("row")["person"]
    assert persons[1] == persons[2] == persons[10]
    assert made.table["person"].nunique() == 5


def test_same_content_with_different_labels_is_refused_altogether(folder):
    root, rows = folder
    (root / "1.png").write_bytes((root / "0.png").read_bytes())
    rows[1]["side"] = "right"
    assert sorted(pool(folder).refused) == [1, 2]


def test_a_person_with_two_sexes_is_refused(folder):
    folder[1][1]["sex"] = "m"
    refused = pool(folder, constant_per_person=["sex"]).refused
    assert sorted(refused) == [1, 2]
    assert set(refused.values()) == {"contradictory values in column sex within one person"}


def test_a_person_with_two_sexes_is_refused_where_only_a_picture_joins_the_rows(folder):
    root, rows = folder
    before = pool(folder).table
    others = set(before["row"]) - {1, 2, 3, 4}
    again = np.asarray(Image.open(root / "1.png")).astype(int) + 1  # other bytes, the same picture
    Image.fromarray(np.clip(again, 0, 255).astype(np.uint8)).save(root / "2.png")
    rows[2]["sex"], rows[3]["sex"] = "m", "m"
    made = pool(folder, constant_per_person=["sex"])
    assert {1, 2, 3, 4} >= set(made.refused) >= {3, 4}
    assert all("contradictory values in column sex" in reason for reason in made.refused.values())
    assert set(made.table["row"]) == others
    assert len(made.pictures[np.arange(len(made.table))]) == len(made.table)


def test_an_empty_label_is_kept_as_missing(folder):
    folder[1][3]["side"] = ""
    assert pool(folder).table["side"].isna().sum() == 1


def test_too_many_refusals_stop_the_run_and_leave_the_list(folder, tmp_path):
    root, rows = folder
    rows[0]["file"] = rows[1]["file"] = "absent.png"
    pd.DataFrame(rows).to_csv(root / "m.csv", index=False)
    out = tmp_path / "out"
    with pytest.raises(AvatarflowError, match="2 of 12 rows refused"):
        take_in(entry(), listed(root, "m.csv"), 1, 1, outputs(out), STEP)
    assert list(pd.read_csv(out / "refused.csv")["row"]) == [1, 2]
    assert not (out / "pictures").exists()


def test_the_limit_is_a_share():
    check_share({1: "a"}, 20, 0.05, "intake")
    with pytest.raises(AvatarflowError):
        check_share({1: "a", 2: "a"}, 20, 0.05, "intake")


def test_generated_eyes_bring_their_own_truth(tmp_path):
    wanted = {"generate": {"kind": "fundus", "persons": 10, "pictures_per_eye": 2}}
    made = pool_from_generator(
        entry(source=wanted, conditions={"eye_side": ["left", "right"]}), 1, 1
    )
    assert len(made.table) == 40
    assert made.table["person"].nunique() == 10
    assert (made.table.groupby("person")["eye_side"].nunique() == 2).all()


def test_the_pool_on_disk_reads_back(folder, tmp_path):
    root, rows = folder
    pd.DataFrame(rows).to_csv(root / "m.csv", index=False)
    files = outputs(tmp_path / "o")
    take_in(entry(), listed(root, "m.csv"), 1, 2, files, STEP)
    assert read_pictures(files["pictures"]).shape == (12, 16, 16, 3)
    assert list(read_table(files["pictures"])["item"]) == list(range(12))


def test_a_picture_of_one_colour_is_refused_and_joins_nobody(folder):
    root, _ = folder
    for name in ("0.png", "9.png"):
        Image.new("RGB", (64, 64), (7, 7, 7)).save(root / name)
    made = pool(folder)
    assert made.refused == {1: "one colour only", 10: "one colour only"}
    assert made.table["person"].nunique() == 6


def test_a_repeated_row_loses_nothing():
    check_share(dict.fromkeys(range(2, 9), f"{SAME_CONTENT} 1"), 10, 0.05, "intake")
    with pytest.raises(AvatarflowError, match="check root and the file names"):
        check_share({2: "no such file"}, 10, 0.05, "intake")


def test_says_that_the_folder_is_missing_and_not_each_picture(folder):
    root, rows = folder
    pd.DataFrame(rows).to_csv(root / "m.csv", index=False)
    with pytest.raises(AvatarflowError, match="absent: no such folder; check root"):
        pool_from_manifest(entry(), IntakeInputs(Place(str(root / "absent"), "m.csv")), 1, 1, STEP)


def test_two_exports_of_one_picture_join_their_persons(folder):
    root, _ = folder
    again = np.asarray(Image.open(root / "1.png")).astype(int) + 1  # other bytes, the same picture
    Image.fromarray(np.clip(again, 0, 255).astype(np.uint8)).save(root / "8.png")
    made = pool(folder)
    persons = made.table.set_index("row")["person"]
    assert persons[2] == persons[9]
    assert made.shared == [(2, 9)]
    assert made.table["person"].nunique() == 5


def test_several_columns_name_a_person_together(folder):
    root, rows = folder
    for number, row in enumerate(rows):
        row |= {
            "site": "ab"[number // 6],
            "number": str(number % 6 // 2),
        }  # both sites count from 0
    assert pool((root, rows), patient_id_columns=["number"]).table["person"].nunique() == 3
    assert (
        pool((root, rows), patient_id_columns=[["site", "number"]]).table["person"].nunique() == 6
    )
    rows[0]["site"] = ""
    assert "no person" in pool((root, rows), patient_id_columns=[["site", "number"]]).refused[1]


def test_a_column_may_be_asked_for_twice(folder):
    _, rows = folder
    for row in rows:
        row["field"] = row["patient"]
    made = pool(folder, patient_id_columns=["field", "patient", "file"])
    assert made.table["person"].nunique() == made.table["field"].nunique() == 6


def test_pictures_inside_a_parquet_file_are_those_of_the_folder(folder):
    root, rows = folder
    table = pd.DataFrame(rows)
    table["image"] = [
        {"bytes": (root / name).read_bytes(), "path": name} for name in table.pop("file")
    ]
    table.to_parquet(root / "m.parquet")
    inside = pool_from_manifest(entry(), listed(root, "m.parquet"), 1, 1, STEP)
    outside = pool(folder)
    assert np.array_equal(inside.pictures, outside.pictures)
    pd.testing.assert_frame_equal(inside.table, outside.table)


def one_person(made, *rows):
    return made.table.set_index("row")["person"].loc[list(rows)].nunique() == 1


def in_no_state(row, how):
    """Make a row one that no picture is taken from."""
    row |= {"label": {"side": "upper"}, "unread": {"file": "absent.png"}, "left out": {"sex": "m"}}[
        how
    ]


@pytest.mark.parametrize("how", ["label", "unread", "left out"])
@pytest.mark.parametrize("link", [{"eye": "e0"}, {"patient": "p0", "other": "q"}])
def test_a_row_that_is_refused_or_left_out_still_links_persons(folder, how, link):
    _, rows = folder
    rows[4] |= {"other": "q"}
    rows[5] |= {"patient": "p2", **link}
    if "eye" in link:
        rows[4]["patient"] = "p2"
    in_no_state(rows[5], how)
    made = pool(folder, patient_id_columns=["patient", "other", "eye"], row_filter="sex = 'f'")
    assert one_person(made, 1, 5)
    assert made.table["person"].nunique() == 5


@pytest.mark.parametrize("how", ["label", "left out"])
@pytest.mark.parametrize("name", ["0.png", "x/../0.png"])
def test_a_file_under_two_persons_joins_them_wherever_it_is_listed(folder, how, name):
    root, rows = folder
    (root / "x").mkdir()
    rows[5]["file"] = name
    in_no_state(rows[5], how)
    made = pool(folder, row_filter="sex = 'f'")
    assert one_person(made, 1, 5)
    assert made.table["person"].nunique() == 5


def test_a_file_that_shows_nothing_joins_nobody(folder):
    root, rows = folder
    Image.new("RGB", (64, 64), (7, 7, 7)).save(root / "none.png")
    rows += [{**rows[n], "file": "none.png", "sex": "m"} for n in (0, 5, 9)]
    assert pool(folder, row_filter="sex = 'f'").table["person"].nunique() == 6


def test_a_row_that_only_knows_the_side_is_refused(folder):
    _, rows = folder
    for number, row in enumerate(rows):
        row["eye"] = ("OD", "OS")[number % 2]
    rows[0]["patient"] = rows[1]["patient"] = ""
    made = pool(folder)
    reason = "no person: every identifier is empty, a word for none, or lacks one of its columns"
    assert made.refused == dict.fromkeys((1, 2), reason)
    assert made.table["person"].nunique() == 5
    assert made.table["eye"].nunique() == 10


@pytest.mark.parametrize("lost", ["unreadable", "left out"])
def test_a_row_that_is_not_taken_says_as_well_who_was_trained_on(folder, lost):
    _, rows = folder
    for number, row in enumerate(rows):
        row["used"] = "heldout" if number > 9 else "train"
    split = {"column": "used", "shares": entry()["split"]["shares"]}
    pool(folder, split=split)
    rows.append({**rows[-1], "used": "train", "file": "none.png", "sex": "m"})
    if lost == "left out":
        rows[-1]["file"] = rows[-2]["file"]
    with pytest.raises(AvatarflowError, match="1 persons are on both sides; keep each person on"):
        pool(folder, split=split, row_filter="sex = 'f'" if lost == "left out" else "")


def test_an_eye_column_that_is_not_there_is_refused_but_for_the_default(folder):
    with pytest.raises(AvatarflowError, match="no column 'eyeid'; add it"):
        pool(folder, patient_id_columns=["patient"], eye_columns=["eyeid"])
    with pytest.raises(AvatarflowError, match="no column 'Eye', but 'eye'"):
        pool(folder, patient_id_columns=["patient"], eye_columns=["Eye"])
    assert (
        pool(folder, patient_id_columns=["patient"], eye_columns=["eye_id"]).table["eye"].max()
        == -1
    )


def test_a_picture_outside_the_parquet_file_is_the_one_its_path_names(folder):
    root, rows = folder
    (root / "a").mkdir()
    picture(root / "a" / "0.png", 99)
    table = pd.DataFrame(rows)
    names = ["a/0.png", *table.pop("file")[1:]]
    cells = [
        {"bytes": None if n < 3 else (root / name).read_bytes(), "path": name}
        for n, name in enumerate(names)
    ]
    cells[1]["path"], cells[2]["path"] = "../1.png", None
    whole = pa.Table.from_pandas(table).append_column("image", pa.array(cells, EMBEDDED_TYPE))
    pq.write_table(whole, root / "m.parquet")
    made = pool_from_manifest(entry(), listed(root, "m.parquet"), 1, 1, STEP)
    assert made.refused == {2: "path leads outside the root", 3: "file name is empty"}
    pd.DataFrame([{**rows[0], "file": "a/0.png"}]).to_csv(root / "one.csv", index=False)
    one = pool_from_manifest(entry(), listed(root, "one.csv"), 1, 1, STEP)
    assert np.array_equal(made.pictures[0], one.pictures[0])


def warnings_of(folder, monkeypatch, **changes):
    said = []
    monkeypatch.setattr(STEP, "warning", lambda text, *parts: said.append(text % parts))
    return pool(folder, **changes), said


def test_exact_copies_under_two_patients_are_warned_of_like_near_ones(folder, monkeypatch):
    root, _ = folder
    (root / "8.png").write_bytes((root / "1.png").read_bytes())
    made, said = warnings_of(folder, monkeypatch)
    assert made.shared == [(2, 9)]
    assert any("1 pairs of rows show one picture under two persons" in text for text in said)
    assert any("2 and 9" in text for text in said)


def test_a_coloured_picture_of_one_colour_joins_nobody(folder):
    root, _ = folder
    for name in ("0.png", "9.png"):
        red = Image.new("RGB", (64, 64), (200, 10, 10))
        red.putpixel((3, 3), (255, 255, 255))
        red.save(root / name)
    made = pool(folder)
    assert made.refused == dict.fromkeys((1, 10), "one colour only")
    assert made.table["person"].nunique() == 6


def test_pictures_without_content_inside_a_parquet_file_join_nobody(folder):
    root, rows = folder
    table = pd.DataFrame(rows)
    names = table.pop("file")
    table["image"] = [
        {"bytes": b"" if n in (0, 5, 9) else (root / name).read_bytes(), "path": name}
        for n, name in enumerate(names)
    ]
    table.to_parquet(root / "m.parquet")
    made = pool_from_manifest(entry(), listed(root, "m.parquet"), 1, 1, STEP)
    assert made.refused == dict.fromkeys((1, 6, 10), "empty file")
    assert made.table["person"].nunique() == 6


def test_patients_per_condition_counts_those_trained_on_and_each_once():
    rows = [
        (0, "encoder", "f", "left"), (0, "encoder", "f", "left"), (0, "encoder", "f", "right"),
        (1, "test", "f", "left"), (2, "heldout", "f", "left"), (3, "calibration", "m", None), (4, "test", "m", "left"),
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["person", "role", "sex", "side"])
    found = patients_per_condition(table, {"sex": ["f", "m"], "side": ["left", "right"]})
    assert found == {"f left": 2, "f right": 1, "m left": 1, "m right": 0}
