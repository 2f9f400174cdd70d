"""Compiled, recomputing, with plain attention: another way to the same weights."""

from functools import partialmethod
from pathlib import Path

import pytest
import test_training
import torch
from diffusers.models.attention_processor import Attention, AttnProcessor, AttnProcessor2_0
from safetensors.torch import load_file

from avatarflow.config.loading import base_id, load
from avatarflow.generators.diffusion.network import build, positions
from avatarflow.generators.settings import Compute, Network, lasting
from avatarflow.generators.speed import prepare


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> dict[str, torch.Tensor]:
    return load_file(test_training.train(tmp_path_factory.mktemp("usual"), steps=3))


@pytest.mark.parametrize(
    "how", [{"attention": "plain"}, {"gradient_checkpointing": True}, {"compile": True}], ids=str
)
def test_leads_to_the_same_weights(
    usual: dict[str, torch.Tensor],
    how: dict[str, object],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(test_training, "COMPUTE", {**test_training.COMPUTE, **how})
    # traced and run as by default, but without the minutes of a C++ compiler
    monkeypatch.setattr(
        torch.nn.Module, "compile", partialmethod(torch.nn.Module.compile, backend="eager")
    )
    found = load_file(test_training.train(tmp_path, steps=3))
    assert found.keys() == usual.keys()
    for name, weight in usual.items():
        torch.testing.assert_close(found[name], weight, rtol=1e-3, atol=1e-4, msg=name)


def network() -> torch.nn.Module:
    return build(Network(channels=(16, 32), attention=(4,), head_channels=8), 8, 3, seed=1)


def kinds(model: torch.nn.Module) -> set[type]:
    return {type(part.processor) for part in model.modules() if isinstance(part, Attention)}


@pytest.mark.parametrize(
    ("asked", "precision", "positions", "kind"),
    [
        # trained on a CPU: where plain attention is the faster one
        ("auto", "bf16", 256, AttnProcessor),
        ("auto", "bf16", 257, AttnProcessor2_0),
        ("auto", "bf16", None, AttnProcessor2_0),  # only samples
        ("auto", "fp32", 16, AttnProcessor2_0),
        ("fused", "bf16", 16, AttnProcessor2_0),
        ("plain", "fp32", None, AttnProcessor),
    ],
)
def test_attention_is_fused_unless_plain_is_asked_for_or_faster(
    asked: str, precision: str, positions: int | None, kind: type
) -> None:
    model = network()
    prepare(model, Compute(attention=asked, precision=precision), positions)
    assert kinds(model) == {kind}


def test_positions_are_those_of_the_finest_attended_resolution() -> None:
    for attended, largest in (((8, 4), 64), ((4,), 16), ((), 0)):
        assert (
            positions(
                build(Network(channels=(16, 32), attention=attended, head_channels=8), 8, 3, seed=1)
            )
            == largest
        )


def test_gradient_checkpointing_runs_the_blocks_twice() -> None:
    for asked, runs in ((False, 1), (True, 2)):
        model = network()
        prepare(model, Compute(gradient_checkpointing=asked))
        seen: list[int] = []
        model.down_blocks[0].resnets[0].conv1.register_forward_hook(
            lambda *_, seen=seen: seen.append(1)
        )
        model(
            torch.zeros(1, 3, 8, 8), 1, class_labels=torch.zeros(1).long()
        ).sample.sum().backward()
        assert len(seen) == runs


def test_compile_reaches_the_network() -> None:
    model = network()
    prepare(model, Compute(compile=True))
    assert model._compiled_call_impl is not None


def test_later_settings_leave_older_digests_alone() -> None:
    old = {"device": "auto", "precision": "auto", "threads": 2, "micro_batch": 16}
    assert Compute().decisive() == old
    assert lasting({**old, "compile": True}) == {**old, "compile": True}
    release = {"releases": {"x": {"source": {"generate": {}}, "gates": {}}}}
    plain = load(release)
    assert base_id(plain, "x") == base_id(load({**release, "compute": {"compile": False}}), "x")
    assert base_id(plain, "x") != base_id(load({**release, "compute": {"compile": True}}), "x")
