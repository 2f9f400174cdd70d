"""Generator family "foundation": a diffusers folder of the Stable Diffusion or DiT kind, fine-tuned fully or by LoRA.

Text-conditioned UNets are asked by captions made from labels ("Female right"), class-conditioned transformers by class.
What is written is a plain folder of the base's own classes; LoRA's low-rank terms are added into its weights at the end
(Hu et al. 2022).
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers import DiffusionPipeline
from torch import nn

from avatarflow.core.digest import config_digest
from avatarflow.core.errors import refuse
from avatarflow.core.seeds import integer
from avatarflow.generators import codec as codecs
from avatarflow.generators import sampling
from avatarflow.generators.conditions import NULL, Conditions, Ids
from avatarflow.generators.device import device, run_rounded
from avatarflow.generators.pipeline import folder_digest, quiet, write
from avatarflow.generators.settings import Compute, Training, Tuning
from avatarflow.generators.speed import prepare
from avatarflow.generators.task import SamplingTask, TrainingTask
from avatarflow.generators.training.begin import inherit_labels, refuse_other_size
from avatarflow.generators.training.latents import Encoded
from avatarflow.generators.training.loop import Loop
from avatarflow.generators.training.objective import Denoising, Predict
from avatarflow.generators.training.processes import Processes
from avatarflow.imaging.spool import Stored, content_digest, folder_of
from avatarflow.runs.context import Step
from avatarflow.runs.state import Follower, State

CAPTIONS = MARK = "captions.json"
ENCODED_AT_ONCE = 8
PROJECTIONS = ["to_q", "to_k", "to_v", "to_out.0"]
"""What LoRA adapts: the linear maps of every attention."""


def load(source: str | Path) -> Any:
    """Return a pipeline of this family from a local folder, safetensors only.

    Raises
    ------
    AvatarflowError
        If its parts are of other kinds.
    """
    with quiet():
        pipe = DiffusionPipeline.from_pretrained(
            str(source),
            local_files_only=True,
            use_safetensors=True,
            **_without_checker(Path(source)),
        )
    names = [type(network_of(pipe)).__name__, type(pipe.vae).__name__]
    if names not in (
        ["UNet2DConditionModel", "AutoencoderKL"],
        ["DiTTransformer2DModel", "AutoencoderKL"],
    ):
        raise refuse(
            "base", f"a pipeline of {' and '.join(names)}",
            "use a StableDiffusionPipeline or a DiTPipeline with an AutoencoderKL",
        )  # fmt: skip
    pipe.set_progress_bar_config(disable=True)
    return pipe


def _without_checker(folder: Path) -> dict[str, Any]:
    """A filter of unwanted content would black out medical pictures it was never made for."""
    parts = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
    return (
        {"safety_checker": None, "requires_safety_checker": False}
        if "safety_checker" in parts
        else {}
    )


def network_of(pipe: Any) -> nn.Module:
    """Return the network that is trained."""
    found: nn.Module = pipe.unet if hasattr(pipe, "unet") else pipe.transformer
    return found


def start(pictures: Stored, conditions: Conditions, base: str | Path) -> Any:
    """Return the base, ready for pictures of this size and these classes.

    Raises
    ------
    AvatarflowError
        If the size does not suit it.
    """
    pipe = load(base)
    network, side = network_of(pipe), pictures.shape[1]
    cell = 2 ** (len(pipe.vae.config.block_out_channels) - 1)
    if hasattr(pipe, "unet"):
        step = cell * 2 ** (len(network.config.block_out_channels) - 1)
        if side % step:
            raise refuse("size_px", f"{side} px for this base", f"use a multiple of {step}")
        network.register_to_config(sample_size=side // cell)
    else:
        refuse_other_size(network.config.sample_size * cell, side)
        _inherit_labels(pipe, conditions)
    return pipe


def _tables(network: nn.Module) -> list[nn.Embedding]:
    """Return the class tables of a DiT, one in each block."""
    return [part.embedding_table for part in network.modules() if hasattr(part, "embedding_table")]


def _inherit_labels(pipe: Any, conditions: Conditions) -> None:
    """As `begin.inherit_labels`, in every block; afterwards the pipeline knows the new labels."""
    labels = conditions.labels()
    for table in _tables(pipe.transformer):
        inherit_labels(table.weight, pipe.labels, labels)
    pipe.labels = {label: class_id for class_id, label in labels.items()}
    pipe.register_to_config(id2label=conditions.words())


def captions(conditions: Conditions, template: str) -> dict[int, str]:
    """Return a caption per class, such as "Female right"; none at all for the class of no condition."""
    known = {class_id: label for class_id, label in conditions.labels().items() if label != "any"}
    return {
        class_id: template.format(label=label.capitalize()) for class_id, label in known.items()
    }


def adapt(network: nn.Module, tuning: Tuning, seed: int) -> Callable[[], None]:
    """Make a network's weights trainable, all or low-rank terms; gives what adds the terms into the weights."""
    if tuning.method == "full":
        network.requires_grad_(True)
        return lambda: None
    from peft import LoraConfig, get_peft_model

    network.requires_grad_(False)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(integer(seed, "lora"))
        tuned = get_peft_model(
            network, LoraConfig(r=tuning.rank, lora_alpha=tuning.rank, target_modules=PROJECTIONS)
        )
    for table in _tables(network):  # new classes have to be learned whole
        table.requires_grad_(True)
    return lambda: tuned.merge_and_unload() and None


@torch.no_grad()  # type: ignore[untyped-decorator]
def latents_of(pipe: Any, pictures: Stored) -> Encoded:
    """Latents (n, channels, h, w) of all pictures, the mean of what the autoencoder gives."""
    where, scale = next(pipe.vae.parameters()).device, pipe.vae.config.scaling_factor
    parts = codecs.batches(pictures, ENCODED_AT_ONCE)
    encoded = ((pipe.vae.encode(part.to(where)).latent_dist.mode() * scale).cpu() for part in parts)
    return Encoded(encoded, folder_of(pictures))


@torch.no_grad()  # type: ignore[untyped-decorator]
def predict_with(pipe: Any, network: nn.Module, texts: Mapping[int, str]) -> Predict:
    """Return the network's prediction of (noisy, time, class ids); captions are encoded once, here."""
    where = next(network.parameters()).device
    if not hasattr(pipe, "unet"):
        channels = pipe.transformer.config.in_channels

        def by_class(noisy: torch.Tensor, time: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
            """Predict (n, c, h, w) of a class-conditioned transformer."""
            found: torch.Tensor = network(noisy, timestep=time, class_labels=ids).sample
            # (n, 2c, h, w) -> (n, c, h, w): the other half is the spread (Nichol & Dhariwal 2021), unused by DDIM
            return found[:, :channels]

        return by_class
    rows = [*texts, NULL]
    place = torch.full((NULL + 1,), len(texts))
    place[rows] = torch.arange(len(rows))
    place = place.to(where)
    # (captions and none, tokens, width)
    encoded = torch.cat(
        [pipe.encode_prompt(text, where, 1, False)[0] for text in [*texts.values(), ""]]
    )

    def by_caption(noisy: torch.Tensor, time: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        """Predict (n, c, h, w) of a UNet that is asked by the captions of the classes."""
        found: torch.Tensor = network(noisy, time, encoder_hidden_states=encoded[place[ids]]).sample
        return found

    return by_caption


def save(pipe: Any, texts: Mapping[int, str], conditions: Conditions, out: Path) -> None:
    """Write the pipeline folder, with the captions that it was taught beside it."""
    known = {"labels": conditions.labels(), "captions": dict(texts)}
    write(pipe, out, {CAPTIONS: json.dumps(known, indent=2, sort_keys=True) + "\n"})


def train(task: TrainingTask, step: Step) -> None:
    """Fine-tune a base, the task's; its network is not used.

    Raises
    ------
    AvatarflowError
        Without a base, on one of other parts or of an unsuitable size, an unknown label, a loss that is not finite.
    """
    if task.base is None:
        raise refuse("base", "none", "name a local diffusers folder")
    together, pictures, conditions = Processes.here(), task.pictures, task.conditions
    training, compute, tuning = (
        Training.of(task.training),
        Compute.of(task.compute),
        Tuning.of(task.tuning),
    )
    where, codes = device(compute, together.local), conditions.codes(task.table)
    name = _identity(task, Path(task.base), codes)
    held = State(task.state / name, name) if together.first else Follower()
    if former := held.taken_over():
        step.info("state taken over from %s", former)
    pipe = start(pictures, conditions, task.base).to(where)
    texts = captions(conditions, tuning.caption)
    model = network_of(pipe)
    without_own_dropping(model)
    merge = adapt(model, tuning, task.seed)
    prepare(model, compute)
    predict = predict_with(pipe, together.wrap(model), texts)
    objective = Denoising(task, predict, latents_of(pipe, pictures), codes, pipe.scheduler, where)
    loop = Loop(model, objective, len(pictures), training, task.seed, held, together)
    loop.run(training.steps, step)
    held.hold()
    if together.first:
        merge()
        save(pipe, texts, conditions, task.out)


def without_own_dropping(network: nn.Module) -> None:
    """A DiT drops classes itself while it trains, by global random numbers; `drop_all` does it here."""
    for part in network.modules():
        if hasattr(part, "embedding_table") and hasattr(part, "dropout_prob"):
            part.dropout_prob = 0.0  # type: ignore[assignment]


def _identity(task: TrainingTask, base: Path, codes: Ids) -> str:
    """Digest of all that decides the trained weights."""
    free = {"checkpoint_steps", "checkpoint_s", "log_steps"}
    training = vars(Training.of(task.training))
    return config_digest(
        {
            "content": content_digest(task.pictures, codes.tobytes()),
            "labels": task.conditions.labels(),
            "training": {key: value for key, value in training.items() if key not in free},
            "compute": Compute.of(task.compute).decisive(),
            "seed": task.seed,
            "base": folder_digest(base),
            "tuning": vars(Tuning.of(task.tuning)),
        }
    )


def ready(generator: Path, conditions: Conditions, compute: Compute) -> Callable[..., Any]:
    """Return what draws pictures (n, h, w, 3) in [0, 1] of class ids, a guidance scale, a generator each, and steps."""
    where = device(compute)
    pipe = load(generator).to(where)
    known = json.loads((generator / CAPTIONS).read_text(encoding="utf-8"))
    conditions.refuse_others(known["labels"])
    network = network_of(pipe)
    prepare(network, compute)
    run_rounded(network, compute, where)

    def draw(ids: list[int], guidance: float, noises: list[torch.Generator], steps: int) -> Any:
        """Draw (n, h, w, 3) in [0, 1], by caption or by class as the base knows them; see `sampling.Draw`."""
        asked: dict[str, Any] = {
            "guidance_scale": guidance,
            "generator": noises,
            "num_inference_steps": steps,
        }
        if hasattr(pipe, "unet"):
            return pipe(
                [known["captions"].get(str(one), "") for one in ids], output_type="np", **asked
            ).images
        return pipe(ids, output_type="np", **asked).images

    return draw


def sample(folder: Path, task: SamplingTask, step: Step) -> None:
    """Sample a shard."""
    sampling.sample(folder, task, step, ready)
