"""Each kind of item: what it says of written inputs, and what it never says."""

import hashlib
import io

import numpy as np
import paper_files
import pytest
from PIL import Image

from avatarflow.papers.contents import digests_of, document
from avatarflow.papers.items.interface import Item, Request
from avatarflow.papers.items.registry import ITEMS
from avatarflow.papers.items.samples import mosaic
from avatarflow.papers.kinds import SETTINGS


def make(kind, *files, names=("eyes",), facts=None, **settings):
    facts = facts or [paper_files.FACTS] * len(files)
    return ITEMS[kind](Request(files, names, {**SETTINGS, **settings}, facts))


def rows_of(item):
    return {tuple(row[: item.keys]): list(row[item.keys :]) for row in item.rows}


@pytest.mark.parametrize("kind", ITEMS)
def test_every_kind_gives_a_table_a_figure_and_words_and_the_same_again(files, kind):
    times = 2 if kind == "generators" else 1
    names = ("eyes", "others")[:times]
    facts = [paper_files.FACTS, {**paper_files.FACTS, "family": "other"}][:times]
    item = make(kind, *[files[kind]] * times, names=names, facts=facts)
    content = document("one", kind, "0" * 16, item, {})
    assert len(item.rows) >= 1
    assert item.alt.endswith((".", ")"))
    assert Image.open(io.BytesIO(item.figure)).size > (1, 1)
    again = make(kind, *[files[kind]] * times, names=names, facts=facts)
    assert document("one", kind, "0" * 16, again, {}) == content


def test_samples_are_the_first_accepted_ones_of_each_combination(files):
    item = make("samples", files["samples"], per_cell=2)
    rows = rows_of(item)
    captions = [caption for _, caption in rows]
    assert captions == ["Female left", "Female right", "Male left", "Male right"]
    # candidate 0 is rejected: the first female left ones are 4 and 8
    shown, accepted, decision, digest = rows["eyes", "Female left"]
    assert (shown, accepted, decision) == (2, 2, "released")
    assert any("no photographs" in remark for remark in item.remarks)
    expected = np.concatenate([np.full((1, 8, 8, 3), grey, np.uint8) for grey in (4, 8)])
    assert digest == hashlib.sha256(expected.tobytes()).hexdigest()[:16]
    assert rows["eyes", "Male right"][:2] == [2, 3]


def test_a_combination_without_accepted_pictures_is_said_to_have_none(tmp_path):
    files = paper_files.write_pictures(tmp_path, rejected=(0, 4, 8))
    rows = rows_of(make("samples", files))
    assert rows["eyes", "Female left"][:2] == [0, 0]
    assert rows["eyes", "Male left"][:2] == [3, 3]


def test_a_mosaic_keeps_every_pixel_and_its_size():
    pictures = np.random.default_rng(1).integers(0, 250, (5, 4, 6, 3), dtype=np.uint8)
    sheet = mosaic(pictures, 3)
    assert sheet.shape == (3 * 6 - 2, 3 * 8 - 2, 3)
    assert (sheet[:4, :6] == pictures[0]).all()
    assert (sheet[6:10, 8:14] == pictures[4]).all()
    assert (sheet[12:] == 255).all()
    assert mosaic(pictures[:1], 3).shape == sheet.shape


def test_a_border_that_is_nowhere_is_none(files):
    rows = rows_of(make("calibration_border", files["calibration_border"]))
    assert rows["beta 0",] == [1.5, 0.75]
    assert rows["beta 1",] == [None, None]
    assert rows["in force: scale c",] == [1.25, None]


def test_ratings_say_in_the_table_the_figure_and_the_text_that_machines_gave_them(files):
    item = make("ratings", files["ratings"])
    assert all(row[1] == "machine readers, no people" for row in item.rows)
    assert item.alt.startswith("Machine readers, no people")
    assert any("4 machine readers gave 48 answers" in remark for remark in item.remarks)
    assert rows_of(item)["real",][3] is None  # nothing to tell real pictures from


def test_ratings_of_people_are_refused(tmp_path):
    with pytest.raises(ValueError, match="made by people"):
        make("ratings", paper_files.write_results(tmp_path, made_by="people"))


def test_generators_show_what_was_measured_and_nothing_where_it_was_not(files):
    facts = [paper_files.FACTS, {**paper_files.FACTS, "family": "vae", "conditions": {"sex": []}}]
    item = make("generators", *[files["generators"]] * 2, names=("a", "b"), facts=facts)
    assert item.columns == ["measure", "diffusion", "vae"]
    rows = {name: second for (name,), (_, second) in rows_of(item).items()}
    assert (rows["release"], rows["decision"]) == ("b", "released")
    assert rows["KID over that of a PCA-Gaussian"]["value"] == 0.8
    assert rows["coverage over that of real pictures"] is None
    # the largest of the attacks on released pictures, not of those on the teacher
    assert rows["largest AUC of an attack on the pictures"]["value"] == 0.58
    assert rows["what the attacks conclude"] == "2 pass"
    assert rows["agreement with the asked eye_side"] is None  # which the second one does not have
    assert rows["agreement with the asked sex"]["value"] == 0.9


def test_distillation_compares_at_the_guidance_that_both_share(files):
    rows = rows_of(make("distillation", files["distillation"]))
    assert rows["guidance scale of the candidates",] == [2.0, 2.0]
    teacher, student = rows["candidates, rejected",]
    assert (teacher["value"], student["value"]) == (pytest.approx(0.3), pytest.approx(0.2))
    teacher, student = rows["attack on the generator, AUC: loss",]
    assert (teacher["value"], student["value"]) == (0.7, 0.55)
    teacher, student = rows["attack on the pictures, AUC: linkage, pixels",]
    assert teacher is None
    assert student["value"] == 0.5
    assert not [name for (name,) in rows if "attribute" in name]  # made on the release alone


def test_removal_shows_all_reads_with_their_number_and_no_scores_of_a_tool_that_did_not_run(files):
    rows = rows_of(make("read_removal", files["read_removal"]))
    assert len(rows) == 2  # strata are elsewhere
    status, human, other = rows["minimap2 map-ont", "0.05", "0.001"]
    assert status == "ok"
    assert human == {"value": 0.9, "low": 0.8, "high": 0.95, "n": 100}
    assert other["n"] == 100
    assert rows["bwa map-ont", "0.05", "0.001"] == ["not installed", None, None]


def test_a_released_set_has_its_sheet_and_counts(files):
    item = make("released_set", files["released_set"])
    rows = rows_of(item)
    assert item.figure == paper_files.png()
    assert rows["decision",] == ["released", None]
    assert rows["published pictures: female left",] == [None, 1]
    assert rows["published pictures: male left",] == [None, 2]


def test_of_a_refused_set_the_reasons_are_shown_and_no_picture(tmp_path):
    path = paper_files.write_certificate(tmp_path, "refuse", ["specificity: fail"])
    # what an earlier, accepted run left must not be shown
    (tmp_path / "release/contact_sheet.png").write_bytes(paper_files.png())
    item = make("released_set", {"certificate": path})
    rows = rows_of(item)
    assert rows["decision",] == ["refused", None]
    assert rows["gate not passed: specificity",] == ["fail", None]
    assert item.figure != paper_files.png()
    assert not [name for (name,) in rows if name.startswith("published")]
    assert "no picture" in item.alt


@pytest.mark.parametrize(
    ("rows", "message"), [([["a", 1], ["a", 2]], "two rows of one name"), ([["a"]], "a cell per column")]
)  # fmt: skip
def test_a_table_that_cannot_be_compared_is_refused(rows, message):
    item = Item(["name", "value"], 1, rows, b"", "")
    with pytest.raises(ValueError, match=message):
        document("one", "samples", "", item, {})


def test_a_folder_has_a_digest_of_names_and_contents(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "0.parquet").write_bytes(b"one")
    (tmp_path / "b/.snakemake_timestamp").touch()
    one, other = digests_of([str(tmp_path / "a"), str(tmp_path / "b")]).values()
    assert one == other
    (tmp_path / "b/0.parquet").rename(tmp_path / "b/1.parquet")
    assert digests_of([str(tmp_path / "b")]) != {str(tmp_path / "b"): one}
