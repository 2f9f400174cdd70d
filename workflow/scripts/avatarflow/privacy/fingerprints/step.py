"""The steps that make fingerprints: the encoder of an entry; its originals, altered originals and candidates."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from avatarflow.imaging.shards import iterate, read_pictures, read_table
from avatarflow.imaging.spool import Chosen, spooled
from avatarflow.privacy.held_out_families import kept_families
from avatarflow.runs.context import Step

from .files import save_rows
from .fingerprint import Encoder, embed_altered, fit_encoder


def fit(
    pool: str,
    settings: Mapping[str, Any],
    compute: Mapping[str, Any],
    seed: int,
    state: str,
    encoder: str,
    step: Step,
) -> None:
    """Train the encoder on the pictures of role `encoder`, and on nobody else's.

    Parameters
    ----------
    pool : str
        Shards of the pool.
    settings : mapping
        `fingerprint` of the config, and the `families` of perturbations to train with.
    state : str
        Folder of checkpoints.
    encoder : str
        The safetensors file to write.
    """
    torch.set_num_threads(compute["threads"])
    table = read_table(pool)
    seen = (table["role"] == "encoder").to_numpy()
    pictures = read_pictures(pool, seen)
    step.params({"fingerprint": settings, "seed": seed, "pictures": len(pictures)})
    trained = fit_encoder(
        pictures,
        table.loc[seen, "person"].to_numpy(),
        {**settings, "size_px": pictures.shape[1]},
        seed,
        Path(state),
        step,
        eyes=table.loc[seen, "eye"].to_numpy(),
    )
    trained.save(encoder)


def originals(
    pool: str,
    encoder: str,
    cone: Mapping[str, Any],
    compute: Mapping[str, Any],
    seed: int,
    outputs: Mapping[str, str],
    step: Step,
) -> None:
    """Fingerprints of every original and, for three purposes that never share one, of perturbations.

    Parameters
    ----------
    cone : mapping
        `families`, `held_out_families` and `draws` of the config's `cone`.
    outputs : mapping
        Files: `originals` (n, d) with rows as in the pool, `own` (gallery, families * draws, d), `calibration` and
        `test` likewise for the pictures of that role. Families left out are in `test` alone, behind the others.
    """
    torch.set_num_threads(compute["threads"])
    trained = Encoder.load(encoder)
    pictures, table = spooled(pool), read_table(pool)
    save_rows(
        outputs["originals"], trained.embed(iterate(pool), compute["micro_batch"]), trained.digest
    )
    role = table["role"]
    wanted = {
        "own": role != "heldout",
        "calibration": role == "calibration",
        "test": role == "test",
    }
    families = kept_families(cone)
    for done, (purpose, chosen) in enumerate(wanted.items(), start=1):
        rows = np.flatnonzero(chosen)
        asked = [*families, *cone["held_out_families"]] if purpose == "test" else families
        altered = embed_altered(
            trained, Chosen(pictures, rows), table["item"].to_numpy()[rows], asked, cone["draws"], seed, purpose,
            compute["micro_batch"],
        )  # fmt: skip
        save_rows(outputs[purpose], altered, trained.digest)
        step.progress(done, len(wanted), "sets of perturbations", every_s=0)


def candidates(pictures: str, encoder: str, compute: Mapping[str, Any], fingerprints: str) -> None:
    """Fingerprints of candidates, block by block; NaN where a picture could not be read."""
    torch.set_num_threads(compute["threads"])
    trained = Encoder.load(encoder)
    made = trained.embed(iterate(pictures), compute["micro_batch"])
    table = read_table(pictures)
    if "reason" in table.columns:
        made[(table["reason"] != "").to_numpy()] = np.nan
    save_rows(fingerprints, made, trained.digest)
