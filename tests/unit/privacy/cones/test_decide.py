from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from avatarflow.core.errors import AvatarflowError
from avatarflow.imaging.shards import Column, write_shard
from avatarflow.privacy.cones import decide
from avatarflow.privacy.cones.cone import Cones, needed_scales
from avatarflow.privacy.cones.decide import Candidates, Judge, judge, risks
from avatarflow.privacy.cones.shape import Shape
from avatarflow.privacy.fingerprints.files import FlatRows, RowFile, load_rows, save_rows
from avatarflow.privacy.search.neighbours import pair_angles
from avatarflow.privacy.search.ratio_search import RatioSearch

COLUMNS = [
    "candidate",
    "risk",
    "accepted",
    "reason",
    "matched_original",
    "angle_rad",
    "threshold_rad",
]


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def some_cones(seed=0, m=300, d=12, c=0.6):
    rng = np.random.default_rng(seed)
    radii, sparsity = rng.uniform(0.1, 1.2, m), rng.uniform(0.5, 1.5, m)
    return Cones(
        unit(rng.standard_normal((m, d))), np.arange(m) * 2 + 1, radii, sparsity, Shape(), c, "abc"
    )


def some_candidates(n=200, d=12, seed=1):
    return unit(np.random.default_rng(seed).standard_normal((n, d)))


def names(n):
    return [f"teacher-{i:06d}" for i in range(n)]


def test_a_decision_for_each_candidate(tmp_path):
    cones, candidates = some_cones(), some_candidates()
    candidates[0] = cones.fingerprints[7]
    candidates[5] = np.nan
    broken = np.arange(200) == 9
    asked = Candidates(candidates, names(200), unreadable=lambda rows: broken[rows])
    summary = judge(asked, cones, tmp_path / "v.parquet")
    table = pq.read_table(tmp_path / "v.parquet").to_pandas()
    assert list(table.columns) == COLUMNS
    assert table["candidate"].tolist() == names(200)
    first = table.iloc[0]
    assert (first["matched_original"], first["accepted"], first["reason"]) == (
        15,
        False,
        decide.INSIDE,
    )
    assert first["angle_rad"] < 1e-6
    assert table["reason"].iloc[[5, 9]].tolist() == [decide.UNJUDGED, decide.UNREADABLE]
    assert (
        table.iloc[[5, 9]][["risk", "matched_original", "angle_rad", "threshold_rad"]]
        .isna()
        .all(axis=None)
    )
    assert not table["accepted"].iloc[[5, 9]].any()
    judged = table.drop([5, 9])
    assert judged["risk"].to_numpy() == pytest.approx(
        (judged["angle_rad"] / judged["threshold_rad"]).to_numpy()
    )
    assert (judged["accepted"] == (judged["risk"] > 1)).all()
    assert set(table["reason"]) <= set(decide.REASONS)
    assert (summary.candidates, summary.judged, summary.accepted) == (
        200,
        198,
        table["accepted"].sum(),
    )
    assert 0 < summary.accepted < 198


def test_the_verifier_refuses_what_the_cones_accept_and_accepts_nothing(tmp_path):
    cones, candidates = some_cones(), some_candidates()
    candidates[5] = np.nan
    judge(Candidates(candidates, names(200)), cones, tmp_path / "alone.parquet")
    alone = pq.read_table(tmp_path / "alone.parquet").to_pandas()
    refusals = [decide.MATCHED if row % 3 == 0 else "" for row in range(200)]
    summary = judge(
        Candidates(candidates, names(200), refusals=refusals),
        cones,
        tmp_path / "both.parquet",
        block=7,
    )
    both = pq.read_table(tmp_path / "both.parquet").to_pandas()
    against = np.arange(200) % 3 == 0
    assert (both["accepted"] == (alone["accepted"] & ~against)).all()
    taken_back = alone["accepted"] & against
    assert 0 < taken_back.sum() < alone["accepted"].sum()
    assert (both.loc[taken_back, "reason"] == decide.MATCHED).all()
    assert (both.loc[~taken_back, "reason"] == alone.loc[~taken_back, "reason"]).all()
    assert summary.accepted == both["accepted"].sum()
    judge(Candidates(candidates, names(200), refusals=[""] * 200), cones, tmp_path / "none.parquet")
    assert (tmp_path / "none.parquet").read_bytes() == (tmp_path / "alone.parquet").read_bytes()
    for short in ({"refusals": [""] * 199}, {"wrong": [""] * 199}):
        with pytest.raises(ValueError, match="one id per candidate"):
            judge(Candidates(candidates, names(200), **short), cones, tmp_path / "short.parquet")


def test_wrong_anatomy_takes_back_what_cones_and_verifier_accept_and_nothing_else(tmp_path):
    cones, candidates = some_cones(), some_candidates(2000)
    refusals = [decide.MATCHED if row % 3 == 0 else "" for row in range(2000)]
    first, both = tmp_path / "first.parquet", tmp_path / "both.parquet"
    judge(Candidates(candidates, names(2000), refusals=refusals), cones, first)
    before = pq.read_table(first).to_pandas()
    against = np.cumsum(before["accepted"]) % 2 == 1
    wrong = np.where(against, "anatomy: no optic disc", "").tolist()
    judge(
        Candidates(candidates, names(2000), refusals=refusals, wrong=wrong), cones, both, block=77
    )
    after, taken_back = pq.read_table(both).to_pandas(), before["accepted"] & against
    assert 0 < taken_back.sum() < before["accepted"].sum()
    assert (after["accepted"] == (before["accepted"] & ~taken_back)).all()
    assert (after.loc[taken_back, "reason"] == "anatomy: no optic disc").all()
    assert (after.loc[~taken_back, "reason"] == before.loc[~taken_back, "reason"]).all()


def test_stage_is_a_further_column(tmp_path):
    judge(
        Candidates(some_candidates(3), names(3)),
        some_cones(),
        tmp_path / "v.parquet",
        stage="student",
    )
    assert pq.read_table(tmp_path / "v.parquet")["stage"].to_pylist() == ["student"] * 3


def test_no_candidates_give_an_empty_table(tmp_path):
    judge(Candidates(np.zeros((0, 12), np.float32), []), some_cones(), tmp_path / "v.parquet")
    assert pq.read_table(tmp_path / "v.parquet").column_names == COLUMNS


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 250), st.integers(1, 300), st.integers(0, 99))
def test_decisions_do_not_depend_on_block_size_search_depth_or_order(block, k, seed):
    cones, candidates = some_cones(), some_candidates()
    truth = risks(candidates, cones, k=300)
    order = np.random.default_rng(seed).permutation(200)
    assert (risks(candidates[order], cones, block, k) == truth[order]).all()


def test_one_wide_cone_far_away_is_found():
    cones = some_cones(c=0.05)
    radii = np.full(300, 0.01)
    radii[100] = 1e4
    cones = replace(cones, radii_rad=radii)
    found = Judge(cones, 4)
    result = found.risks(some_candidates())
    inside = result.original == 100
    assert inside.sum() > 50  # the widest cone is half the sphere, though others are nearer
    assert (Judge(cones, 300).risks(some_candidates()).original == result.original).all()


def test_without_the_proof_every_original_is_compared(monkeypatch):
    cones, candidates = some_cones(), some_candidates()
    truth = Judge(cones).risks(candidates)
    monkeypatch.setattr(RatioSearch, "_beyond", lambda self, values: np.zeros(len(values)))
    found = Judge(cones, 1).risks(candidates)
    assert found.full_passes == 200
    assert (found.risk == truth.risk).all()
    assert (found.original == truth.original).all()


@pytest.mark.parametrize("density", ["original", "picture"])
def test_threads_and_blocks_change_nothing(tmp_path, density):
    import faiss

    before, cones, candidates = (
        faiss.omp_get_max_threads(),
        some_cones(m=900, d=64),
        some_candidates(500, 64),
    )
    cones = replace(cones, shape=Shape(density=density), persons=np.arange(900) // 3)
    candidates[77] = np.nan
    results, written, summaries = [], [], []
    for threads in (1, 2, 5):
        faiss.omp_set_num_threads(threads)
        results.append(risks(np.delete(candidates, 77, 0), cones))
        path = tmp_path / f"{threads}.parquet"
        summaries.append(judge(Candidates(candidates, names(500)), cones, path, block=37 * threads))
        written.append(pq.read_table(path).to_pandas())
    faiss.omp_set_num_threads(before)
    assert (results[0] == results[1]).all()
    assert written[0].equals(written[1])
    assert written[0].equals(written[2])
    assert summaries[0] == summaries[1] == summaries[2]
    assert pq.read_table(path)["candidate"].to_pylist() == names(500)


def test_of_several_blocks_at_a_time_the_first_bad_one_is_named(tmp_path):
    import faiss

    before, candidates = faiss.omp_get_max_threads(), some_candidates()
    candidates[[150, 30]] *= 2
    faiss.omp_set_num_threads(3)
    with pytest.raises(AvatarflowError, match="candidates from row 25: row 5 has length 2"):
        judge(Candidates(candidates, names(200)), some_cones(), tmp_path / "v.parquet", block=25)
    faiss.omp_set_num_threads(before)
    assert not list(tmp_path.iterdir())


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.05, 3), st.integers(1, 40))
def test_equals_a_comparison_with_every_original(seed, c, k):
    rng = np.random.default_rng(seed)
    cones = replace(some_cones(seed, 120, 6, c), radii_rad=np.exp(rng.normal(-1, 0.7, 120)))
    pictures = np.concatenate(
        [some_candidates(60, 6, seed), cones.fingerprints[:3], cones.fingerprints[:3]]
    )
    found = Judge(cones, k).risks(pictures)
    every = pair_angles(pictures[:, None], cones.fingerprints[None]) / cones.half_angles_rad
    assert found.risk == pytest.approx(every.min(1), rel=1e-6, abs=1e-4)
    assert (
        np.take_along_axis(every, found.original[:, None], 1)[:, 0] <= every.min(1) + 1e-4
    ).all()


@pytest.mark.parametrize("cuts", [(200,), (64, 136), (1, 99, 100)])
def test_shards_and_the_way_rows_are_read_change_nothing(tmp_path, cuts):
    cones, candidates = some_cones(), some_candidates()
    judge(Candidates(candidates, names(200)), cones, tmp_path / "whole.parquet", stage="teacher")
    save_rows(tmp_path / "rows.safetensors", candidates, "e")
    table, start = pd.DataFrame({"candidate": names(200)}), 0
    for number, count in enumerate(cuts):
        rows = slice(start, start + count)
        write_shard(
            tmp_path / f"s/{number:05d}.parquet",
            np.zeros((count, 2, 2, 3), np.uint8),
            table.iloc[rows],
        )
        start += count
    ids = Column(tmp_path / "s", "candidate")
    judge(
        Candidates(RowFile(tmp_path / "rows.safetensors", "e"), ids),
        cones,
        tmp_path / "cut.parquet",
        block=33,
        stage="teacher",
    )
    whole, cut = (
        pq.read_table(tmp_path / f"{name}.parquet").to_pandas() for name in ("whole", "cut")
    )
    pd.testing.assert_frame_equal(whole, cut, check_exact=True)


def test_a_file_that_holds_no_fingerprints_is_refused(tmp_path):
    path, rows = tmp_path / "rows.safetensors", np.zeros((3, 2), np.float32)
    files = [
        ({"rows": rows.astype(float)}, {"encoder": "e"}),
        ({"other": rows}, {"encoder": "e"}),
        ({"rows": rows}, {}),
    ]
    for tensors, metadata in [*files, ({"rows": rows[0]}, {"encoder": "e"})]:
        save_file(tensors, path, metadata)
        with pytest.raises(
            AvatarflowError, match="float32 fingerprints, as the fingerprint step writes them"
        ):
            RowFile(path, "e")
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(AvatarflowError, match=r"rows\.safetensors: no safetensors file; give"):
        RowFile(path, "e")


def test_fingerprints_of_another_encoder_are_refused(tmp_path):
    path, rows = tmp_path / "teacher.safetensors", some_candidates(5)
    save_rows(path, rows, "one encoder")
    assert load_rows(path, "one encoder") == pytest.approx(rows, abs=0)
    for read in (load_rows, RowFile):
        with pytest.raises(
            AvatarflowError,
            match=r"teacher\.safetensors: fingerprints of another encoder; delete the file",
        ):
            read(path, "another")


def test_refusals(tmp_path):
    cones, candidates, out = some_cones(), some_candidates(5), tmp_path / "v.parquet"
    with pytest.raises(
        AvatarflowError,
        match="11 dimensions where the originals have 12; make both with one encoder",
    ):
        judge(Candidates(some_candidates(5, 11), names(5)), cones, out)
    with pytest.raises(
        AvatarflowError, match="made by encoder xyz where the cones were made by abc"
    ):
        judge(Candidates(candidates, names(5), encoder="xyz"), cones, out)
    with pytest.raises(AvatarflowError, match="from row 2: row 1 has length 3, not 1"):
        judge(
            Candidates(candidates * np.array([1, 1, 1, 3, 1], np.float32)[:, None], names(5)),
            cones,
            out,
            block=2,
        )
    with pytest.raises(AvatarflowError, match="not calibrated"):
        judge(Candidates(candidates, names(5)), replace(cones, c=float("nan")), out)
    with pytest.raises(ValueError, match="4 ids but 5 candidates"):
        judge(Candidates(candidates, names(4)), cones, out)
    no_width = replace(cones, c=0.0, radii_rad=np.zeros(300), shape=Shape(narrowest_rad=0.0))
    with pytest.raises(AvatarflowError, match="300 cones without a width"):
        judge(Candidates(candidates, names(5)), no_width, out)
    assert list(tmp_path.iterdir()) == []  # nothing half-written


def test_perturbations_are_read_from_their_file_as_from_an_array(tmp_path, monkeypatch):
    path, known = tmp_path / "rows.safetensors", 3
    altered = some_candidates(7 * 5).reshape(7, 5, -1)
    save_rows(path, altered, "e")
    file, expected = RowFile(path, "e", ndim=3), altered[:, :known].reshape(7 * known, -1)
    np.testing.assert_array_equal(file[2:4], altered[2:4])
    flat, read = FlatRows(file, known), []
    assert flat.shape == expected.shape
    monkeypatch.setattr(RowFile, "__getitem__", _counting(RowFile.__getitem__, read))
    for start in range(len(flat) + 1):
        for stop in range(start, len(flat) + 1):
            np.testing.assert_array_equal(flat[start:stop], expected[start:stop])
            assert read.pop() <= -(-(stop - start) // known) + 1
    assert len(FlatRows(altered[:0], 0)) == 0
    with pytest.raises(AvatarflowError, match=r"rows of shape \(7, 5, "):
        RowFile(path, "e")


def _counting(read_of, counts):
    def read(file, rows):
        found = read_of(file, rows)
        counts.append(len(found))
        return found

    return read


def test_what_a_block_of_many_holds_is_named_by_its_place_in_all():
    cones, queries = some_cones(), some_candidates(30)
    queries[25] *= 2
    with pytest.raises(AvatarflowError, match="candidates: row 25 has length 2"):
        risks(queries, cones, block=10)
    with pytest.raises(AvatarflowError, match="altered originals: row 25 has length 2"):
        needed_scales(cones, queries, block=10)


def test_only_the_wanted_scales_are_given():
    cones, queries, wanted = some_cones(), some_candidates(50), np.arange(50) % 3 == 1
    some = needed_scales(cones, queries, block=7, wanted=wanted)
    np.testing.assert_array_equal(some, needed_scales(cones, queries)[wanted])
    assert len(needed_scales(cones, queries, wanted=~wanted & wanted)) == 0
