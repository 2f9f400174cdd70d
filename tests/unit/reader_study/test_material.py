"""What readers are shown: balanced, each picture once, and files that differ by their pixels alone."""

import json
import struct
import zlib

import numpy as np
import pandas as pd
import pytest
from study_files import SCALES, SETTINGS, make

from avatarflow.core.errors import AvatarflowError
from avatarflow.imaging.shards import read_pictures
from avatarflow.reader_study.choose import balanced


@pytest.fixture(scope="module")
def key(material):
    return pd.read_parquet(material / "key.parquet")


def chunks(data):
    """Kinds of the chunks of a PNG, their lengths, and its pixels' bytes."""
    place, found = 8, []
    while place < len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        found.append((data[place + 4 : place + 8], length))
        place += length + 12
    return found


def test_each_scale_and_each_condition_has_equally_many(key):
    for part in ("clinical", "origin"):
        of_part = key[key["part"] == part]
        counts = of_part.groupby("guidance").size()
        assert list(counts.index) == list(SCALES)
        assert set(counts) == {SETTINGS["pictures_per_scale"]}
        sides = of_part.groupby(["guidance", "true_eye_side"]).size().groupby("guidance")
        assert (sides.max() - sides.min() <= 1).all()
        real = of_part[of_part["origin"] == "real"]
        assert real["true_eye_side"].value_counts().tolist() == [3, 3]


def test_no_picture_is_shown_twice(key):
    names = pd.concat([key["picture"], key["other"].dropna()])
    assert names.is_unique


def test_real_pictures_of_both_parts_are_of_held_out_subjects_each_once(key, release):
    pool = pd.read_parquet(release["pool"]).set_index("row")
    shown = key[(key["origin"] == "real") & (key["part"] != "similarity")]
    assert (pool.loc[shown["row"], "role"] == "heldout").all()
    assert pool.loc[shown["row"], "person"].is_unique


def test_only_accepted_pictures_are_shown(key, release):
    decisions = pd.read_parquet(release["decisions"]).set_index("candidate")
    assert decisions.loc[key["candidate"].dropna(), "accepted"].all()


def test_pairs_are_what_they_are_called(key, release):
    decisions = pd.read_parquet(release["decisions"]).set_index("candidate")
    pool = pd.read_parquet(release["pool"]).set_index("row")
    pairs = key[key["part"] == "similarity"]
    assert pairs["sort"].value_counts().to_dict() == {"nearest": 6, "random": 6, "same_eye": 6}
    matched = decisions.loc[pairs["candidate"].dropna(), "matched_original"].to_numpy()
    others = pairs.dropna(subset="candidate")
    is_match = matched == others["other_row"].to_numpy(int)
    assert (is_match == (others["sort"] == "nearest").to_numpy()).all()
    assert others["risk"].notna().tolist() == is_match.tolist()
    same = pairs[pairs["sort"] == "same_eye"]
    assert (pool.loc[same["row"], "eye"].to_numpy() == pool.loc[same["other_row"], "eye"].to_numpy()).all()  # fmt: skip
    assert (same["row"] != same["other_row"]).all()


def test_nearest_pairs_are_spread_over_the_risk(key, release):
    decisions = pd.read_parquet(release["decisions"])
    nearest = key[key["sort"] == "nearest"]["risk"]
    accepted = decisions[decisions["accepted"]]
    least_per_original = accepted.groupby("matched_original")["risk"].min()
    assert nearest.min() == least_per_original.min()
    assert nearest.max() == least_per_original.max()


def test_files_differ_by_their_pixels_alone(material, key):
    files = {path.name: path.read_bytes() for path in (material / "shown").glob("*.png")}
    assert len({len(data) for data in files.values()}) == 1
    assert len({tuple(chunks(data)) for data in files.values()}) == 1
    assert {kind for kind, _ in chunks(next(iter(files.values())))} == {b"IHDR", b"IDAT", b"IEND"}
    # as compressed files they would have been told apart
    origin = key.set_index("picture")["origin"]
    packed = {name[:-4]: len(zlib.compress(data)) for name, data in files.items()}
    real = [packed[name] for name in origin[origin == "real"].index]
    drawn = key[(key["origin"] == "synthetic") & key["sort"].isna()]
    synthetic = [packed[name] for name in drawn["picture"]]
    assert min(real) > max(synthetic)


def test_what_the_application_reads_does_not_say_what_is_real(material, key):
    text = (material / "shown" / "study.json").read_text()
    content = json.loads(text)
    for word in ("student", "guidance", "synthetic", "candidate", "risk", "nearest"):
        assert word not in text
    for part in content["parts"]:
        names = [question["question"] for question in part["questions"]]
        assert names == sorted(names)
        assert set(names) == set(key[key["part"] == part["part"]]["question"])
    assert {path.suffix for path in (material / "shown").iterdir()} == {".png", ".json"}


def test_names_say_nothing_about_the_order_of_pool_and_samples(key):
    singles = key[key["part"] != "similarity"].sort_values("picture")
    is_real = (singles["origin"] == "real").to_numpy()
    # ranks of the real ones among all names: a rank test far from significance
    ranks = np.flatnonzero(is_real)
    n, m = len(is_real), is_real.sum()
    z = (ranks.mean() - (n - 1) / 2) / np.sqrt((n + 1) * (n - m) / (12 * m))
    assert abs(z) < 2.6


def test_the_synthetic_picture_is_on_either_side_of_a_pair(material, key):
    study = json.loads((material / "shown" / "study.json").read_text())
    pairs = next(part for part in study["parts"] if part["part"] == "similarity")["questions"]
    assert all(pair["pictures"] == sorted(pair["pictures"]) for pair in pairs)


def test_the_same_seed_makes_the_same_study_and_another_another(release, material, tmp_path):
    again, other = make(release, tmp_path / "again"), make(release, tmp_path / "other", seed=2)
    of = lambda folder: (folder / "shown" / "study.json").read_bytes()  # noqa: E731
    assert of(again) == of(material)
    names = lambda folder: {path.name for path in (folder / "shown").glob("*.png")}  # noqa: E731
    assert not names(other) & names(material)


def test_without_permission_no_real_picture_is_in_the_study(release, tmp_path):
    folder = make(release, tmp_path, show_real=False, parts=["clinical"])
    key = pd.read_parquet(folder / "key.parquet")
    assert set(key["origin"]) == {"synthetic"}
    assert len(list((folder / "shown").glob("*.png"))) == len(key)
    originals = {picture.tobytes() for picture in read_pictures(release["pool"])}
    shown = {picture.tobytes() for picture in pictures_of(folder)}
    assert not shown & originals


def pictures_of(folder):
    from PIL import Image

    return [np.asarray(Image.open(path)) for path in sorted((folder / "shown").glob("*.png"))]


def test_the_pixels_are_those_of_the_release(release, material):
    known = {picture.tobytes() for name in ("pool", "samples") for picture in read_pictures(release[name])}  # fmt: skip
    assert {picture.tobytes() for picture in pictures_of(material)} <= known


def test_too_few_pictures_are_refused_all_at_once(release, tmp_path):
    with pytest.raises(AvatarflowError) as refused:
        make(release, tmp_path, pictures_per_scale=9, real_pictures=40, pairs=500)
    lines = str(refused.value).splitlines()
    assert {line.partition(":")[0].rpartition(".")[2] for line in lines} == {
        "pictures_per_scale",
        "real_pictures",
        "pairs",
    }
    assert all("eyes.reader_study" in line for line in lines)
    assert not (tmp_path / "shown").exists()


def test_decisions_of_other_candidates_are_refused(release, tmp_path):
    decisions = pd.read_parquet(release["decisions"]).iloc[::-1]
    decisions.to_parquet(tmp_path / "other.parquet")
    with pytest.raises(AvatarflowError, match="of other candidates"):
        make({**release, "decisions": str(tmp_path / "other.parquet")}, tmp_path)


def test_any_beginning_of_a_balanced_order_is_balanced():
    table = pd.DataFrame({"side": ["l"] * 30 + ["r"] * 10, "sex": ["f", "m"] * 20})
    order = balanced(table, np.arange(40), ["side", "sex"], np.random.default_rng(1))
    assert sorted(order) == list(range(40))
    for end in (4, 8, 20):
        counts = table.iloc[order[:end]].groupby(["side", "sex"]).size()
        assert counts.tolist() == [end // 4] * 4


def test_equal_pictures_are_shown_once(release, tmp_path):
    from avatarflow.imaging.shards import read_table, write_shards

    pictures, table = read_pictures(release["samples"]), read_table(release["samples"])
    pictures[1::2] = pictures[0::2]
    write_shards(tmp_path / "samples", pictures, table)
    folder = make({**release, "samples": str(tmp_path / "samples")}, tmp_path)
    key = pd.read_parquet(folder / "key.parquet")
    assert pd.concat([key["picture"], key["other"].dropna()]).is_unique
