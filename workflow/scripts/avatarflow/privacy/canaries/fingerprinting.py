"""Fingerprints of canaries and of their perturbations, made as those of originals are. torch side."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from avatarflow.imaging.shards import read_pictures, read_table
from avatarflow.privacy.fingerprints.files import save_rows
from avatarflow.privacy.fingerprints.fingerprint import Encoder, embed_altered
from avatarflow.privacy.held_out_families import kept_families
from avatarflow.privacy.perturbations import Drawn


def fingerprint_canaries(
    canaries: str, encoder: str, cone: Mapping[str, Any], compute: Mapping[str, Any], seed: int,
    fingerprints: str, own: str,
) -> None:  # fmt: skip
    """Write (n, d) fingerprints of canaries and (n, a, d) of their perturbations, drawn as those of originals are."""
    torch.set_num_threads(compute["threads"])
    trained = Encoder.load(encoder)
    pictures, items = read_pictures(canaries), read_table(canaries)["item"].to_numpy(np.int64)
    save_rows(fingerprints, trained.embed(pictures, compute["micro_batch"]), trained.digest)
    drawn = Drawn(kept_families(cone), cone["draws"], seed, "own")
    altered = embed_altered(trained, pictures, items, drawn, compute["micro_batch"])
    save_rows(own, altered, trained.digest)
