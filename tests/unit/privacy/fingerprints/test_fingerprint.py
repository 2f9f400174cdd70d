import json
import os
import signal

import numpy as np
import pytest
import torch
from safetensors import safe_open
from watched import Watched

from avatarflow.core.errors import AvatarflowError
from avatarflow.privacy import perturbations
from avatarflow.privacy.fingerprints import contrastive_training, retrieval
from avatarflow.privacy.fingerprints.contrastive_training import (
    Batches,
    contrastive_loss,
    learning_rate,
)
from avatarflow.privacy.fingerprints.encoder import box_matrix, normalised
from avatarflow.privacy.fingerprints.files import save_rows, write_rows
from avatarflow.privacy.fingerprints.fingerprint import Encoder, embed_altered, fit_encoder, whiten
from avatarflow.privacy.fingerprints.frames import content
from avatarflow.privacy.fingerprints.pair_errors import auc, eer
from avatarflow.privacy.fingerprints.retrieval import rank_one, verification
from avatarflow.privacy.perturbations import FAMILIES, Drawn
from avatarflow.runs import bfloat16
from avatarflow.runs.context import Step
from avatarflow.runs.records import Run
from avatarflow.runs.state import State
from avatarflow.runs.stopping import Stopped

SMALL = {
    "size_px": 32,
    "dimensions": 16,
    "width": 4,
    "steps": 6,
    "persons_per_step": 6,
    "checkpoint_steps": 2,
    "precision": "float32",
    "families": ["rotation", "flip", "gamma", "noise"],
}


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def pictures():
    coarse = np.random.default_rng(2).integers(0, 256, (16, 8, 8, 3), dtype=np.uint8)
    return np.repeat(np.repeat(coarse, 4, 1), 4, 2)


@pytest.fixture(scope="module")
def encoder(pictures, tmp_path_factory):
    torch.set_num_threads(1)
    return fit_encoder(
        pictures, np.arange(16) // 2, SMALL, 3, tmp_path_factory.mktemp("state"), Step.null()
    )


def test_rows_are_unit_and_mirror_images_agree(encoder, pictures):
    rows = encoder.embed(pictures)
    assert rows.shape == (16, 16)
    assert rows.dtype == np.float32
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1, abs=1e-5)
    assert (encoder.embed(np.ascontiguousarray(pictures[:, :, ::-1])) == rows).all()


def test_blocks_and_order_change_nothing(encoder, pictures):
    rows = encoder.embed(pictures, 8)
    assert (encoder.embed(iter([pictures[:3], pictures[3:12], pictures[12:]]), 8) == rows).all()
    order = np.random.default_rng(1).permutation(16)
    assert (encoder.embed(pictures[order], 8) == rows[order]).all()
    assert (encoder.embed(pictures[:5], 8) == rows[:5]).all()
    assert encoder.embed(iter([]), 8).shape == (0, 16)


def test_flat_pictures_have_a_fingerprint(encoder):
    flat = np.stack([np.full((32, 32, 3), level, np.uint8) for level in (0, 128, 255)])
    assert np.isfinite(encoder.embed(flat)).all()


def test_other_sizes_are_brought_to_the_encoders(encoder, pictures):
    large = np.repeat(np.repeat(pictures, 2, 1), 2, 2)
    assert ((encoder.embed(large) @ encoder.embed(pictures).T).argmax(1) == np.arange(16)).all()


@pytest.mark.parametrize("colour", [0, 255, 90])
@pytest.mark.parametrize(("top", "left"), [(16, 16), (0, 32), (5, 20)])
def test_a_picture_shrunk_onto_one_colour_is_seen_in_full_size(
    encoder, pictures, colour, top, left
):
    full = pictures.repeat(2, 1).repeat(2, 2)  # (16, 64, 64, 3)
    shrunk = np.full((1, 64, 64, 3), colour, np.uint8)
    shrunk[:, top : top + 32, left : left + 32] = pictures[:1]
    assert content(shrunk[0]) == (slice(top, top + 32), slice(left, left + 32))
    near = encoder.embed(shrunk) @ encoder.embed(full).T
    assert near[0].argmax() == 0
    assert near[0, 0] > 0.9


@pytest.mark.parametrize("edge", [0, 6, 32])  # none, as the surround of a fundus, nothing but frame
def test_what_is_no_wide_frame_stays(pictures, edge):
    framed = pictures[0].repeat(2, 0).repeat(2, 1)
    framed[:edge] = framed[64 - edge :] = framed[:, :edge] = framed[:, 64 - edge :] = 0
    assert content(framed) is None


def test_a_frame_that_is_noisy_or_of_two_colours_stays(pictures):
    two = pictures[0].repeat(2, 0).repeat(2, 1)
    two[:8], two[8:20] = 0, 255  # the second stripe is the content, too
    two[:, :4] = 0
    noisy = np.random.default_rng(1).integers(0, 40, (64, 64, 3)).astype(np.uint8)
    noisy[20:44, 20:44] = 255
    assert content(noisy) is None
    assert content(two) is None


def test_a_picture_without_a_finite_fingerprint_is_a_nan_row(encoder, pictures, monkeypatch):
    whole = encoder.network.forward

    def broken(batch):
        rows = whole(batch)
        rows[1] = torch.inf
        rows[2] = 0
        return rows

    monkeypatch.setattr(encoder.network, "forward", broken)
    rows = encoder.embed(pictures[:4])
    assert np.isnan(rows).all(1).tolist() == [False, True, True, False]


def test_the_file_holds_settings_and_digest(encoder, pictures, tmp_path):
    path = tmp_path / "encoder.safetensors"
    encoder.save(path)
    again = Encoder.load(path)
    assert again.digest == encoder.digest
    assert (again.embed(pictures) == encoder.embed(pictures)).all()
    with safe_open(str(path), "np") as file:
        header = json.loads(file.metadata()["encoder"])
    assert header["digest"] == encoder.digest
    assert header["settings"]["seed"] == 3


def test_a_stopped_training_ends_as_an_undisturbed_one(encoder, pictures, tmp_path, monkeypatch):
    persons, real = np.arange(16) // 2, contrastive_training._train_step

    def stopping(network, optimiser, batches, settings, number):
        if number == 5:
            raise KeyboardInterrupt
        return real(network, optimiser, batches, settings, number)

    monkeypatch.setattr(contrastive_training, "_train_step", stopping)
    with pytest.raises(KeyboardInterrupt):
        fit_encoder(pictures, persons, SMALL, 3, tmp_path, Step.null())
    monkeypatch.setattr(contrastive_training, "_train_step", real)
    step = Step(Step.null().log, Run.null())
    assert fit_encoder(pictures, persons, SMALL, 3, tmp_path, step).digest == encoder.digest
    assert [row["step"] for row in step.run.metrics if row["name"] == "loss"] == [4, 5]


def test_a_state_of_other_settings_is_not_used(encoder, pictures, tmp_path):
    persons = np.arange(16) // 2
    fit_encoder(pictures, persons, {**SMALL, "temperature": 0.2}, 3, tmp_path, Step.null())
    assert fit_encoder(pictures, persons, SMALL, 3, tmp_path, Step.null()).digest == encoder.digest


@pytest.mark.parametrize(("fast", "precision"), [(True, "bfloat16"), (False, "float32")])
def test_auto_is_bfloat16_where_the_processor_is_fast_with_it(
    pictures, tmp_path, monkeypatch, fast, precision
):
    monkeypatch.setattr(bfloat16, "fast_here", lambda: fast)
    trained = {
        asked: fit_encoder(
            pictures,
            np.arange(16) // 2,
            {**SMALL, "steps": 2, "precision": asked},
            3,
            tmp_path,
            Step.null(),
        )
        for asked in ("auto", precision)
    }
    assert trained["auto"].settings["precision"] == precision
    assert trained["auto"].digest == trained[precision].digest


def test_a_signal_stops_behind_a_checkpoint_and_the_next_run_ends_the_same(
    encoder, pictures, tmp_path
):
    class Signalled(Step):
        def progress(self, done, total, unit, every_s=10.0):
            if done == 3:
                os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Stopped, match="stopped by SIGTERM behind step 3 of 6 of the encoder"):
        fit_encoder(
            pictures, np.arange(16) // 2, SMALL, 3, tmp_path, Signalled(Step.null().log, Run.null())
        )
    step = Step(Step.null().log, Run.null())
    assert (
        fit_encoder(pictures, np.arange(16) // 2, SMALL, 3, tmp_path, step).digest == encoder.digest
    )
    assert [row["step"] for row in step.run.metrics if row["name"] == "loss"] == [3, 4, 5]


def test_a_newer_training_fences_off_the_older(pictures, tmp_path):
    class Overtaken(Step):
        def progress(self, done, total, unit, every_s=10.0):
            if done == 4:
                (folder,) = tmp_path.iterdir()
                State(folder, folder.name)

    with pytest.raises(AvatarflowError, match="a newer writer has taken it over"):
        fit_encoder(
            pictures, np.arange(16) // 2, SMALL, 3, tmp_path, Overtaken(Step.null().log, Run.null())
        )


def test_training_pulls_views_together(pictures, tmp_path):
    step = Step(Step.null().log, Run.null())
    fit_encoder(
        pictures, np.arange(16), {**SMALL, "steps": 40, "persons_per_step": 16}, 3, tmp_path, step
    )
    losses = [row["value"] for row in step.run.metrics]
    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5])


def test_loss_by_hand():
    rows = torch.tensor([[1.0, 0], [1, 0], [0, 1], [0, 1]])
    persons, eyes = torch.tensor([0, 0, 1, 1]), torch.tensor([0, 0, 1, 2])
    # views 0 and 1 attract (cosine 1, two negatives at 0); views 2 and 3 are one person's two eyes: nothing
    expected = 2 * np.log((np.e + 2) / np.e) / 4
    assert float(contrastive_loss(rows, persons, eyes, 1.0)) == pytest.approx(expected, rel=1e-5)
    turned = torch.tensor([[1.0, 0], [1, 0], [0, 1], [0, -1]])  # the other eye may lie anywhere
    assert float(contrastive_loss(turned, persons, eyes, 1.0)) == pytest.approx(expected, rel=1e-5)


def test_steps_pair_pictures_of_one_eye_only(pictures):
    persons, eyes = np.arange(16) // 4, np.arange(16) // 2
    settings = {
        **contrastive_training.DEFAULTS,
        "families_per_view": 0.0,
        "virtual_share": 0.0,
        "persons_per_step": 4,
    }
    batches = Batches(pictures, persons, eyes, settings, 1)
    seen = set()
    for number in range(12):
        views, who, _ = batches.step(number)
        first, second = (
            [
                int(np.abs(pictures / 255 - v.permute(1, 2, 0).numpy()).mean((1, 2, 3)).argmin())
                for v in half
            ]
            for half in (views[:4], views[4:])
        )
        assert [eyes[row] for row in first] == [eyes[row] for row in second]
        assert sorted(persons[first]) == [0, 1, 2, 3]
        assert who.tolist() == [0, 1, 2, 3] * 2
        seen.update(zip(first, second, strict=True))
    assert any(a != b for a, b in seen)


def test_steps_have_their_own_seeds(pictures):
    settings = {**contrastive_training.DEFAULTS, "persons_per_step": 8}
    batches = Batches(pictures, np.arange(16), np.full(16, -1), settings, 1)
    fifth = batches.step(5)[0]
    batches.step(1)
    assert (batches.step(5)[0] == fifth).all()
    assert (batches.step(6)[0] != fifth).any()


def test_local_normalisation_ignores_light():
    picture = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(
        normalised(picture * 0.5 + 0.2, 32)[:, 3:], normalised(picture, 32)[:, 3:], atol=0.35
    )
    assert torch.allclose(box_matrix(32, 9).sum(1), torch.ones(32))
    assert (normalised(torch.full((1, 3, 32, 32), 0.5), 32)[:, 3:].abs() < 1e-3).all()


def test_learning_rate_rises_and_falls():
    rates = [learning_rate(step, 100, 1.0) for step in range(100)]
    assert max(rates) == pytest.approx(1, abs=1e-3)
    assert rates[0] == pytest.approx(0.1)
    assert rates[-1] < 1e-2


def test_altered_versions_come_family_by_family(encoder, pictures, monkeypatch):
    drawn = Drawn(["flip", "noise"], 2, 1, "own")
    rows = embed_altered(encoder, pictures, np.arange(16), drawn)
    assert rows.shape == (16, 4, 16)
    assert rows[:, 0] == pytest.approx(encoder.embed(pictures), abs=1e-6)
    monkeypatch.setattr(perturbations, "BLOCK", 6)
    part = embed_altered(encoder, pictures[8:], np.arange(8, 16), drawn)
    assert (part == rows[8:]).all()


def test_rank_one_and_verification_by_hand():
    angle = np.radians([0, 90, 180, 270])
    gallery = np.stack([np.cos(angle), np.sin(angle)], 1).astype(np.float32)
    turned = np.radians([10, 50, 100, 80])  # rows: two versions each of pictures 0 and 1
    altered = np.stack([np.cos(turned), np.sin(turned)], 1).astype(np.float32)
    table = rank_one(
        gallery, np.arange(4), altered, np.array([0, 1]), np.arange(4), ["a", "b"], 1
    ).set_index("family")
    assert table["rank1"].to_dict() == {"a": 1.0, "b": 0.5, "all": 0.75}
    assert auc(np.array([1.0, 3.0]), np.array([2.0, 4.0])) == 0.75
    assert eer(np.array([1.0, 2.0]), np.array([3.0, 4.0])) == 0
    eyes, persons = np.array([0, 0, 1, -1]), np.array([0, 0, 1, 2])
    figures = verification(gallery, eyes, persons, 1)
    assert (figures.pairs, figures.persons) == (1, 1)
    assert verification(gallery, np.full(4, -1), persons, 1) is None


def test_pairs_of_one_field_and_of_two_are_told_apart():
    angle = np.radians([0, 10, 40, 180, 181])
    gallery = np.stack([np.cos(angle), np.sin(angle)], 1).astype(np.float32)
    eyes, persons = np.array([0, 0, 0, 1, 1]), np.array([0, 0, 0, 1, 1])
    fields = np.array([5, 5, 7, 5, -1])  # the last one is of no known field
    same = verification(gallery, eyes, persons, 1, fields, same_field=True)
    other = verification(gallery, eyes, persons, 1, fields, same_field=False)
    assert (same.pairs, other.pairs, verification(gallery, eyes, persons, 1).pairs) == (1, 2, 4)
    assert verification(gallery, eyes, persons, 1, np.full(5, -1)) is None


def test_recognition_counts_pairs_block_by_block_as_over_all_of_them(monkeypatch):
    drawn = np.random.default_rng(5)
    rows = drawn.standard_normal((60, 4))
    rows[1::2] += 2 * rows[::2]
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    eyes, persons = np.arange(60) // 2, np.arange(60) // 4
    whole = verification(rows, eyes, persons, 1)
    first, second = np.triu_indices(60, 1)
    angles = np.arccos(np.clip((rows[first] * rows[second]).sum(1).astype(float), -1, 1))
    impostors = np.sort(angles[persons[first] != persons[second]])
    genuine = angles[eyes[first] == eyes[second]]
    assert (whole.auc, whole.eer) == pytest.approx(
        (auc(genuine, impostors), eer(genuine, impostors))
    )
    assert 0.5 < whole.auc < 1
    held = []
    triu = np.triu
    monkeypatch.setattr(retrieval, "BLOCK", 7)
    monkeypatch.setattr(
        retrieval.np, "triu", lambda block, k: held.append(block.shape) or triu(block, k)
    )
    assert verification(rows, eyes, persons, 1) == whole
    assert set(held) == {(7, 7), (4, 4)}


def test_fingerprints_written_part_by_part_are_those_written_at_once(tmp_path):
    rows = np.random.default_rng(6).standard_normal((5, 4, 3)).astype(np.float32)
    for shape in ((5, 4, 3), (20, 3), (1, 20, 3)):
        save_rows(tmp_path / "once", rows.reshape(shape), "an encoder")
        order = np.random.default_rng(7).permutation(20)
        parts = [(places, rows.reshape(-1, 3)[places]) for places in np.split(order, [3, 4, 15])]
        write_rows(tmp_path / "parts", shape, parts, "an encoder")
        assert (tmp_path / "parts").read_bytes() == (tmp_path / "once").read_bytes()
    with pytest.raises(ValueError, match=r"17 rows; give the 20 of shape \(1, 20, 3\)"):
        write_rows(tmp_path / "less", shape, parts[1:], "an encoder")
    assert not (tmp_path / "less").exists()
    save_rows(tmp_path / "once", rows[:0], "an encoder")
    write_rows(tmp_path / "parts", (0, 4, 3), [], "an encoder")
    assert (tmp_path / "parts").read_bytes() == (tmp_path / "once").read_bytes()


def test_training_reads_no_more_pictures_than_a_step_shows(pictures, encoder, tmp_path):
    watched = Watched(pictures)
    settings = {**SMALL, "persons_per_step": 3, "steps": 2}
    whole = fit_encoder(pictures, np.arange(16), settings, 3, tmp_path / "a", Step.null())
    trained = fit_encoder(watched, np.arange(16), settings, 3, tmp_path / "b", Step.null())
    assert trained.digest == whole.digest
    assert max(watched.asked[:-2]) == 3  # the last two are the sample that is whitened by


def test_perturbations_are_made_few_at_a_time_however_many_are_asked(
    pictures, encoder, monkeypatch
):
    made = []
    alter = perturbations.alter
    monkeypatch.setattr(
        perturbations, "alter", lambda *values: made.append(alter(*values)) or made[-1]
    )
    watched = Watched(pictures)
    rows = embed_altered(encoder, watched, np.arange(16), Drawn(["flip"], 60, 1, "own"))
    assert rows.shape == (16, 60, 16)
    assert max(len(block) for block in made) == 120
    assert watched.asked == [2] * 8


def test_refusals(pictures, tmp_path, monkeypatch):
    with pytest.raises(AvatarflowError, match="fewer than two persons"):
        fit_encoder(pictures, np.zeros(16), SMALL, 3, tmp_path, Step.null())
    with pytest.raises(AvatarflowError, match="no family 'melting'"):
        fit_encoder(
            pictures, np.arange(16), {**SMALL, "families": ["melting"]}, 3, tmp_path, Step.null()
        )
    monkeypatch.setattr(
        contrastive_training, "contrastive_loss", lambda rows, *_: rows.sum() * torch.nan
    )
    with pytest.raises(AvatarflowError, match="the loss is nan at step 0; lower"):
        fit_encoder(pictures, np.arange(16), SMALL, 3, tmp_path, Step.null())


def test_weights_that_were_touched_are_refused(encoder, tmp_path):
    from safetensors.torch import load_file, save_file

    encoder.save(tmp_path / "e.safetensors")
    with safe_open(str(tmp_path / "e.safetensors"), "np") as file:
        header = file.metadata()
    weights = load_file(tmp_path / "e.safetensors")
    weights["head.bias"] += 1
    save_file(weights, tmp_path / "e.safetensors", header)
    with pytest.raises(
        AvatarflowError, match="not those its header names; train the encoder again"
    ):
        Encoder.load(tmp_path / "e.safetensors")
    save_file(weights, tmp_path / "e.safetensors")
    with pytest.raises(AvatarflowError, match="no encoder of this project"):
        Encoder.load(tmp_path / "e.safetensors")


def test_whitening_evens_out_what_perturbations_do(pictures, tmp_path):
    made = fit_encoder(
        pictures, np.arange(16), {**SMALL, "shrinkage": 1.0}, 3, tmp_path, Step.null()
    )
    assert made.network.whitening.numpy() == pytest.approx(np.eye(16), abs=1e-5)
    made.network.mean.zero_()
    moves = []
    for shrinkage in (1.0, 0.01):
        whiten(made, pictures, {**SMALL, "seed": 3, "shrinkage": shrinkage})
        moves.append(made.network.whitening.numpy().copy())
    assert moves[0] == pytest.approx(np.eye(16), abs=1e-5)
    assert moves[1] == pytest.approx(moves[1].T, abs=1e-5)
    assert np.linalg.cond(moves[1]) > 1.5


def test_all_families_train():
    assert list(FAMILIES) == contrastive_training.DEFAULTS["families"]


def test_hard_negatives_by_hand():
    angle = torch.deg2rad(torch.tensor([0.0, 0.0, 60.0, 90.0]))
    rows = torch.stack([angle.cos(), angle.sin()], 1)
    persons = torch.tensor([0, 0, 1, 2])
    # to views 0 and 1 the negatives lie at cosines 0.5 and 0; with a weight of 2 they count e and 1 over their mean
    against = 2 * (np.e * np.exp(0.5) + 1) / (np.e + 1)
    expected = 2 * np.log((np.e + against) / np.e) / 4
    assert float(contrastive_loss(rows, persons, persons, 1.0, 2.0)) == pytest.approx(
        expected, rel=1e-5
    )
    plain = 2 * np.log((np.e + np.exp(0.5) + 1) / np.e) / 4
    assert float(contrastive_loss(rows, persons, persons, 1.0)) == pytest.approx(plain, rel=1e-5)
    assert expected > plain


def test_crops_are_further_views_of_the_same_eyes(pictures):
    settings = {
        **contrastive_training.DEFAULTS,
        "families_per_view": 0.0,
        "virtual_share": 0.0,
        "persons_per_step": 16,
    }
    args = pictures, np.arange(16), np.full(16, -1)
    whole, who, _ = Batches(*args, settings, 1).step(3)
    views, more, _ = Batches(*args, {**settings, "crops": 2}, 1).step(3)
    assert torch.equal(views[:32], whole)
    assert more.tolist() == who.tolist() * 2
    parts = views[32:]
    assert (parts != views[:32]).flatten(1).any(1).all()
    # a crop shows less than the whole: every value of it lies within the picture's own range
    assert (parts.flatten(1).amax(1) <= views[:32].flatten(1).amax(1) + 1e-6).all()


def test_an_ensemble_is_the_mean_of_its_members_cosines(pictures, tmp_path):
    settings = {**SMALL, "kind": "ensemble", "members": 2}
    both = fit_encoder(pictures, np.arange(16), settings, 3, tmp_path / "state", Step.null())
    rows = both.embed(pictures)
    assert rows.shape == (16, both.dimensions) == (16, 32)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1, abs=1e-5)
    members = [Encoder(member, {}).embed(pictures) for member in both.network.members]
    assert rows @ rows.T == pytest.approx(sum(own @ own.T for own in members) / 2, abs=1e-5)
    assert (members[0] != members[1]).any()
    both.save(tmp_path / "e.safetensors")
    again = Encoder.load(tmp_path / "e.safetensors")
    assert again.digest == both.digest
    assert (again.embed(pictures) == rows).all()
    members_state = list((tmp_path / "state").iterdir())
    assert len(members_state) == 2  # each member resumes on its own
    assert (
        fit_encoder(pictures, np.arange(16), settings, 3, tmp_path / "state", Step.null()).digest
        == both.digest
    )


def test_a_member_without_a_fingerprint_leaves_the_ensemble_without_one(
    pictures, tmp_path, monkeypatch
):
    settings = {**SMALL, "kind": "ensemble", "members": 2, "steps": 1}
    both = fit_encoder(pictures, np.arange(16), settings, 3, tmp_path, Step.null())
    monkeypatch.setattr(
        both.network.members[1], "forward", lambda batch: torch.full((len(batch), 16), torch.nan)
    )
    assert np.isnan(both.embed(pictures[:2])).all()
