"""The named peer of gpu_check.py: training as in diffusers' example `train_unconditional.py`.

Kept from the example: accelerate's mixed precision and wrapped objects, a torch DataLoader over
pictures turned into tensors one by one, AdamW (not fused), EMA with warmup, gradient clipping, a
cosine rate, the loss read every step. Left out, as they would only slow it down: trackers,
checkpoints, resizing (pictures have their size). Added, because the network compared has classes:
labels, dropped for one picture in ten.
"""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812 (the example's name for it)
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from diffusers import DDPMScheduler, UNet2DModel
from diffusers.optimization import get_scheduler
from diffusers.training_utils import EMAModel
from PIL import Image
from torch.utils.data import DataLoader, Dataset

NO_CLASS = 1000


class Pictures(Dataset[dict[str, Any]]):
    """Decoded pictures with the example's transforms: random mirror, to a tensor, to [-1, 1]."""

    def __init__(self, pictures: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64]) -> None:
        self.pictures, self.labels = [Image.fromarray(picture) for picture in pictures], labels

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, item: int) -> dict[str, Any]:
        picture = self.pictures[item].convert("RGB")
        if torch.rand(1).item() < 0.5:
            picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        tensor = torch.from_numpy(np.array(picture)).permute(2, 0, 1).contiguous().float().div(255)
        return {"input": (tensor - 0.5) / 0.5, "label": self.labels[item]}


def train(
    model: UNet2DModel, pictures: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64], *,
    batch: int, steps: int, precision: str, device: str,
) -> Iterator[tuple[float, float]]:  # fmt: skip
    """Train the model in place; yields wall and processor seconds of each step."""
    AcceleratorState._reset_state(reset_partial_state=True)  # several runs in one process
    accelerator = Accelerator(
        mixed_precision="bf16" if precision == "bf16" else "no", cpu=device == "cpu"
    )
    noise_scheduler = DDPMScheduler(
        num_train_timesteps=1000, beta_schedule="linear", prediction_type="epsilon"
    )
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=1e-4, betas=(0.95, 0.999), weight_decay=1e-6, eps=1e-8
    )
    loader = DataLoader(Pictures(pictures, labels), batch_size=batch, shuffle=True, drop_last=True)
    lr_scheduler = get_scheduler(
        "cosine", optimizer=optimizer, num_warmup_steps=500, num_training_steps=10_000
    )
    ema = EMAModel(
        model.parameters(), decay=0.9999, use_ema_warmup=True, inv_gamma=1.0, power=3 / 4,
        model_cls=UNet2DModel, model_config=model.config,
    )  # fmt: skip
    model, optimizer, loader, lr_scheduler = accelerator.prepare(
        model, optimizer, loader, lr_scheduler
    )
    ema.to(accelerator.device)
    model.train()
    wall, processor = clock(device)
    done = 0
    while done < steps:
        for found in loader:
            clean = found["input"]
            lost = torch.rand(len(clean), device=clean.device) < 0.1
            classes = torch.where(lost, NO_CLASS, found["label"])
            noise = torch.randn(clean.shape, device=clean.device)
            times = torch.randint(
                0, noise_scheduler.config.num_train_timesteps, (len(clean),), device=clean.device
            )
            noisy = noise_scheduler.add_noise(clean, noise, times)
            with accelerator.accumulate(model):
                guess = model(noisy, times, class_labels=classes).sample
                loss = F.mse_loss(guess.float(), noise.float())
                accelerator.backward(loss)
                if accelerator.sync_gradients:
                    accelerator.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                lr_scheduler.step()
                optimizer.zero_grad()
            if accelerator.sync_gradients:
                ema.step(model.parameters())
            loss.detach().item()
            done += 1
            now = clock(device)
            yield now[0] - wall, now[1] - processor
            wall, processor = clock(device)  # the caller may have worked meanwhile
            if done == steps:
                break


def clock(device: str) -> tuple[float, float]:
    """Wall and processor seconds, once the device has done what it was given."""
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter(), time.process_time()
