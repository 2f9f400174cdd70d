"""The families behind the interface: what each can do, and the PCA-Gaussian from pictures to pictures."""

import numpy as np
import pandas as pd
import pytest

from avatarflow.config.loading import load
from avatarflow.core.errors import AvatarflowError
from avatarflow.generators.conditions import Conditions
from avatarflow.generators.families import DEFAULT, FAMILIES
from avatarflow.generators.interface import MODULES, open_denoiser, open_generator, sample, train
from avatarflow.generators.task import SamplingTask, TrainingTask
from avatarflow.imaging.shards import read_pictures, read_table
from avatarflow.runs.context import Step

TINTS = Conditions({"tint": ["dark", "bright"]})
COMPUTE = {"micro_batch": 7, "device": "cpu"}
GENERATOR = {"family": "pca_gaussian", "variance": 0.9}


def tinted(n=40, side=8):
    """Noise around 60 and around 180, in turns."""
    rng = np.random.default_rng(1)
    level = np.where(np.arange(n) % 2, 180, 60)[:, None, None, None]
    pictures = (level + rng.normal(0, 12, (n, side, side, 3))).clip(0, 255).astype(np.uint8)
    return pictures, pd.DataFrame({"tint": np.where(np.arange(n) % 2, "bright", "dark")})


def task(folder, pictures, table, **more):
    state, out = folder / "state", folder / "model"
    return TrainingTask(
        pictures, table, TINTS, {}, COMPUTE, 3, state, out, generator=GENERATOR, **more
    )


@pytest.fixture(scope="module")
def gaussian(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gaussian")
    train(task(folder, *tinted()), Step.null())
    return folder / "model"


def drawn(model, folder, guidance=(1.0,), shards=1, conditions=TINTS, seed=3):
    asked = {"steps": 1, "guidance": guidance, "per_condition": 12}
    for shard in range(shards):
        sample(
            "pca_gaussian",
            model,
            SamplingTask(
                conditions,
                sample=asked,
                compute=COMPUTE,
                seed=seed,
                stage="teacher",
                shard=shard,
                shards=shards,
                state=folder / "state",
                out=folder / f"{shard}.parquet",
            ),
            Step.null(),
        )
    parts = [folder / f"{shard}.parquet" for shard in range(shards)]
    return np.concatenate([read_pictures(part) for part in parts]), pd.concat(
        [read_table(part) for part in parts]
    )


def test_every_family_has_a_module_with_what_it_claims():
    assert list(MODULES) == list(FAMILIES)
    for name, can in FAMILIES.items():
        assert callable(MODULES[name].train)
        assert callable(MODULES[name].sample)
        assert hasattr(MODULES[name], "denoiser") == can.denoise
        assert hasattr(MODULES[name], "likelihood") == can.likelihood
        assert hasattr(MODULES[name], "discriminator") == can.discriminator
        assert callable(MODULES[name].ready)
    marks = {name: MODULES[name].MARK for name in FAMILIES}
    assert len(set(marks.values())) == len(FAMILIES)
    assert [name for name, mark in marks.items() if mark is None] == [DEFAULT]


def test_a_generator_without_a_config_is_opened_by_the_family_whose_mark_it_holds(
    gaussian, tmp_path, monkeypatch
):
    opened = []
    for name, module in MODULES.items():
        monkeypatch.setattr(module, "ready", lambda folder, *_, name=name: opened.append(name))
    folders = [tmp_path / name for name in FAMILIES]
    for folder, module in zip(folders, MODULES.values(), strict=True):
        folder.mkdir()
        if module.MARK:
            (folder / module.MARK).parent.mkdir(exist_ok=True)
            (folder / module.MARK).touch()
    for folder in (gaussian, *folders):
        open_generator(folder, TINTS, None)
    assert opened == ["pca_gaussian", *FAMILIES]


def test_a_gaussian_shows_the_asked_condition_and_its_spread(gaussian, tmp_path):
    pictures, table = drawn(gaussian, tmp_path)
    means = pd.Series(pictures.mean((1, 2, 3))).groupby(table["tint"].to_numpy()).mean()
    assert means["dark"] == pytest.approx(60, abs=4)
    assert means["bright"] == pytest.approx(180, abs=4)
    spread = pictures[(table["tint"] == "dark").to_numpy()].astype(float).std(0).mean()
    assert spread == pytest.approx(12 * 0.9**0.5, rel=0.15)
    apart = pd.Series(drawn(gaussian, tmp_path / "more", (1.3,))[0].mean((1, 2, 3)))
    assert np.ptp(apart.groupby(table["tint"].to_numpy()).mean()) == pytest.approx(
        1.3 * np.ptp(means), rel=0.05
    )


def test_shards_of_a_gaussian_do_not_change_its_pictures(gaussian, tmp_path):
    one, several = drawn(gaussian, tmp_path / "1"), drawn(gaussian, tmp_path / "3", shards=3)
    np.testing.assert_array_equal(one[0], several[0])
    assert (one[0] != drawn(gaussian, tmp_path / "other", seed=4)[0]).any()


def test_a_gaussian_refuses_what_it_cannot_do(gaussian, tmp_path):
    pictures, table = tinted(3)
    with pytest.raises(AvatarflowError, match="fewer than 2 of bright; leave the condition out"):
        train(task(tmp_path, pictures, table), Step.null())
    with pytest.raises(AvatarflowError, match="pca_gaussian starts from none"):
        train(task(tmp_path, *tinted(), base="x"), Step.null())
    with pytest.raises(
        AvatarflowError, match="pca_gaussian predicts no clean picture; only diffusion can be asked"
    ):
        open_denoiser("pca_gaussian", gaussian, TINTS, COMPUTE, "an attack")
    with pytest.raises(AvatarflowError, match="not those that the generator was trained with"):
        drawn(gaussian, tmp_path, conditions=Conditions({"tint": ["green"]}))
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"generator": {"family": "flow"}}, "generator.family"),
        ({"generator": {"family": "pca_gaussian"}, "base": {"pretrain": {}}}, "starts from no base; take it out"),
        ({"generator": {"family": "foundation"}, "base": {"pretrain": {}}}, "give base.folder alone"),
        ({"base": {"folder": None}}, "give one of pretrain, folder, hub"),
        (
            {"generator": {"family": "vae"}, "near_duplicates": {"persons": 2}, "verifier": {"matcher": "iris"}},
            "a vae generator cannot make them",
        ),
        (
            {"generator": {"family": "pca_gaussian"}, "near_duplicates": {"persons": 2},
             "verifier": {"matcher": "iris"}},
            "cannot make them; set near_duplicates.persons to 0",
        ),
        (
            {"generator": {"family": "gan"}, "base": {"pretrain": {}},
             "differential_privacy": {"epsilon": 1, "delta": 1e-5}},
            "differential_privacy: a gan generator cannot be trained so; take it out",
        ),
        ({"base": {"pretrain": {}}, "differential_privacy": {"epsilon": 1}}, "delta"),
    ],
)  # fmt: skip
def test_what_is_asked_is_held_against_what_the_family_can_do(change, refusal):
    with pytest.raises(AvatarflowError, match=refusal):
        load({"releases": {"x": {"source": {"generate": {}}, "gates": {}, **change}}})
