"""The parts of gpu_check.py, each measured in a process of its own: training, sampling, the cone's search."""

import resource
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import stock_diffusers
import torch
from diffusers import DiTPipeline

from avatarflow.generators import codec as codecs
from avatarflow.generators.conditions import Conditions
from avatarflow.generators.diffusion.family import train
from avatarflow.generators.diffusion.network import build
from avatarflow.generators.pipeline import load
from avatarflow.generators.sampling import sample
from avatarflow.generators.settings import Network
from avatarflow.generators.task import SamplingTask, TrainingTask
from avatarflow.imaging.phantom.eyes import draw_eyes
from avatarflow.runs.context import Step

EYES = Conditions({"sex": ["female", "male"], "eye_side": ["left", "right"]})
WARMUP = 3  # steps of a round that are not counted: caches, compilers, the allocator


class Clock(Step):
    """A step that notes wall and processor seconds between two signs of progress, and lets a peer move in between."""

    def __init__(self, device: str, peer: Iterator[tuple[float, float]] | None = None) -> None:
        quiet = Step.null()
        super().__init__(quiet.log, quiet.run)
        self.device, self.peer = device, peer
        self.spent, self.peers = list[tuple[float, float]](), list[tuple[float, float]]()
        self.last = stock_diffusers.clock(device)

    def progress(self, done: int, total: int, unit: str, every_s: float = 10.0) -> None:
        """Note the time since the last call, then take one step of the peer."""
        now = stock_diffusers.clock(self.device)
        self.spent.append((now[0] - self.last[0], now[1] - self.last[1]))
        if self.peer is not None:
            self.peers.append(next(self.peer))
        self.last = stock_diffusers.clock(self.device)


def training(asked: dict[str, Any]) -> dict[str, Any]:
    """Seconds of a training step, ours and stock step by step in turn: same network, pictures, batch and precision."""
    pictures, table = eyes(asked)
    few, steps = WARMUP + 2, WARMUP + asked["steps"]
    peaks = {}
    for kind in ("stock", "ours"):  # each alone, for its memory
        reset_peak()
        ours(asked, pictures, table, few) if kind == "ours" else list(
            stock(asked, pictures, table, few)
        )
        peaks[kind] = peak_mb(asked["device"])
    clock = ours(asked, pictures, table, steps, stock(asked, pictures, table, steps))
    return compared(
        {"ours": clock.spent[WARMUP:], "stock": clock.peers[WARMUP:]}, peaks, asked["batch"]
    )


def ours(
    asked: dict[str, Any],
    pictures: npt.NDArray[np.uint8],
    table: pd.DataFrame,
    steps: int,
    peer: Iterator[tuple[float, float]] | None = None,
) -> Clock:
    """Seconds of each step of the rule finetune's own function; its checkpoint and export lie behind the last."""
    clock = Clock(asked["device"], peer)
    settings = {
        "steps": steps,
        "batch": asked["batch"],
        "checkpoint_steps": steps,
        "checkpoint_s": 86400.0,
    }
    with tempfile.TemporaryDirectory() as folder:
        train(
            TrainingTask(
                pictures,
                table,
                EYES,
                network=asked["network"],
                compute=asked["compute"],
                seed=1,
                training=settings,
                state=Path(folder, "state"),
                out=Path(folder, "out"),
            ),
            clock,
        )
    return clock


def stock(
    asked: dict[str, Any], pictures: npt.NDArray[np.uint8], table: pd.DataFrame, steps: int
) -> Iterator[tuple[float, float]]:
    """Seconds of each step of diffusers' example on the network that ours has."""
    model = build(Network.of(asked["network"]), asked["size_px"], codecs.COLOURS, seed=1)
    return stock_diffusers.train(
        model, pictures, EYES.ids(table), batch=asked["batch"], steps=steps, device=asked["device"],
        precision=asked["compute"]["precision"],
    )  # fmt: skip


def sampling(asked: dict[str, Any]) -> dict[str, Any]:
    """Seconds of a micro-batch: our resumable bulk sampling and the stock pipeline in turn; one shared peak."""
    pictures, table = eyes(asked)
    size, device = asked["compute"]["micro_batch"], asked["device"]
    with tempfile.TemporaryDirectory() as folder:
        generator = Path(folder, "generator")
        train(
            TrainingTask(
                pictures,
                table,
                EYES,
                network=asked["network"],
                compute=asked["compute"],
                seed=1,
                training={"steps": 2, "batch": asked["batch"]},
                state=Path(folder, "state"),
                out=generator,
            ),
            Step.null(),
        )
        asking = {
            "steps": asked["sampling_steps"],
            "guidance": [2.0],
            "per_condition": asked["batches"] * size // 4,
        }
        pipe = load(generator).to(device)
        clock = Clock(device, stock_sampling(pipe, asked))
        sample(
            generator,
            SamplingTask(
                EYES,
                sample=asking,
                compute=asked["compute"],
                seed=1,
                stage="teacher",
                state=Path(folder, "sampling"),
                out=Path(folder, "shard.parquet"),
            ),
            clock,
        )
    rows = {"ours": clock.spent[1:], "stock": clock.peers[1:]}
    peak = peak_mb(device)
    return compared(rows, {"ours": peak, "stock": peak}, size)


def stock_sampling(pipe: DiTPipeline, asked: dict[str, Any]) -> Iterator[tuple[float, float]]:
    """Seconds of each call of the stock pipeline for one micro-batch."""
    size, precision = asked["compute"]["micro_batch"], asked["compute"]["precision"]
    while True:
        before = stock_diffusers.clock(asked["device"])
        with torch.autocast(asked["device"], torch.bfloat16, enabled=precision == "bf16"):
            pipe([number % 4 for number in range(size)], guidance_scale=2.0, output_type="np",
                 num_inference_steps=asked["sampling_steps"])  # fmt: skip
        after = stock_diffusers.clock(asked["device"])
        yield after[0] - before[0], after[1] - before[1]


def cone(asked: dict[str, Any]) -> dict[str, Any]:
    """Seconds of the cone's exact search on the device, and on the CPU's faiss in the same run."""
    import faiss

    from avatarflow.privacy.search import neighbours

    draw = np.random.default_rng(1)
    made = [
        neighbours.unit(draw.standard_normal((count, 384), np.float32)) for count in asked["cone"]
    ]
    found: dict[str, Any] = {
        "queries": asked["cone"][0],
        "originals": asked["cone"][1],
        "faiss": faiss.__version__,
    }
    gpus = faiss.get_num_gpus() if hasattr(faiss, "StandardGpuResources") else 0
    angles = {}
    for kind in ("gpu", "cpu") if gpus else ("cpu",):
        if kind == "cpu":
            neighbours.on_gpu = lambda index: index
        before = stock_diffusers.clock("cpu")
        angles[kind], _ = neighbours.nearest(*made, k=10)
        found[f"{kind}_s"] = stock_diffusers.clock("cpu")[0] - before[0]
    if gpus:
        found["speedup"] = found["cpu_s"] / found["gpu_s"]
        found["largest_difference_rad"] = float(np.abs(angles["gpu"] - angles["cpu"]).max())
    return {**found, "gpus_seen_by_faiss": gpus, "peak_mb": peak_mb("cpu")}


def eyes(asked: dict[str, Any]) -> tuple[npt.NDArray[np.uint8], pd.DataFrame]:
    """Generated eyes; what is in them does not change the time."""
    count = 8 * asked["batch"]
    drawn: tuple[npt.NDArray[np.uint8], pd.DataFrame] = draw_eyes(
        "fundus", list(range(count)), [0] * count, asked["size_px"], 1, processes=2
    )
    return drawn


def compared(
    rows: dict[str, list[tuple[float, float]]], peaks: dict[str, float], pictures: int
) -> dict[str, Any]:
    """Medians, pictures per second, the ratios of medians and the median ratio of neighbours, every raw figure."""
    wall = {kind: median(one[0] for one in spent) for kind, spent in rows.items()}
    processor = {kind: median(one[1] for one in spent) for kind, spent in rows.items()}
    return {
        "pictures_s": {kind: pictures / value for kind, value in wall.items()},
        "ratio": wall["stock"] / wall["ours"],
        "ratio_of_pairs": median(
            peer[0] / own[0] for own, peer in zip(rows["ours"], rows["stock"], strict=True)
        ),
        "ratio_processor_time": processor["stock"] / processor["ours"],
        "peak_mb": peaks,
        "wall_s": {kind: [round(one[0], 4) for one in spent] for kind, spent in rows.items()},
        "processor_s": {kind: [round(one[1], 4) for one in spent] for kind, spent in rows.items()},
    }


def reset_peak() -> None:
    """Count the device's memory anew."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def peak_mb(device: str) -> float:
    """Peak memory: of the GPU's allocator since `reset_peak`, or of the process so far."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


PARTS = {"training": training, "sampling": sampling, "cone": cone}
