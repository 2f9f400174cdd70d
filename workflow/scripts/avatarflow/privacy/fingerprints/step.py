"""The steps that make fingerprints: the encoder of an entry; its originals, altered originals and candidates."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from avatarflow.core.arrays import Integers, Rows
from avatarflow.imaging.shards import count_rows, iterate, read_table, unreadable
from avatarflow.imaging.spool import Chosen, spooled
from avatarflow.privacy.held_out_families import kept_families
from avatarflow.privacy.measured import ROLE, measured_rows
from avatarflow.privacy.perturbations import Drawn
from avatarflow.runs.context import Step

from .files import write_rows
from .fingerprint import Encoder, altered_parts, fit_encoder


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
    pictures = spooled(pool, seen)
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
    """Fingerprints of every original and, for four purposes that never share one, of perturbations.

    Parameters
    ----------
    cone : mapping
        `families`, `held_out_families` and `draws` of the config's `cone`.
    outputs : mapping
        Files: `originals` (n, d) with rows as in the pool, `own` (gallery, families * draws, d), `calibration`
        likewise for the pictures of that role, `test` and `seen` for those of `measured_rows`. Families left out are in
        `test` alone, behind the others.
    """
    torch.set_num_threads(compute["threads"])
    trained = Encoder.load(encoder)
    pictures, table = spooled(pool), read_table(pool)
    plain = _placed(trained.embed_stream(iterate(pool), compute["micro_batch"]))
    write_rows(outputs["originals"], (len(table), trained.dimensions), plain, trained.digest)
    wanted = {
        "own": np.flatnonzero(table["role"] != "heldout"),
        "calibration": np.flatnonzero(table["role"] == "calibration"),
        **{purpose: measured_rows(table, purpose, seed) for purpose in ROLE},
    }
    families = kept_families(cone)
    for done, (purpose, rows) in enumerate(wanted.items(), start=1):
        asked = [*families, *cone["held_out_families"]] if purpose == "test" else families
        drawn, items = Drawn(asked, cone["draws"], seed, purpose), table["item"].to_numpy()[rows]
        altered = altered_parts(
            trained, Chosen(pictures, rows), items, drawn, compute["micro_batch"]
        )
        shape = (len(rows), drawn.count, trained.dimensions)
        write_rows(outputs[purpose], shape, altered, trained.digest)
        step.progress(done, len(wanted), "sets of perturbations", every_s=0)


def candidates(pictures: str, encoder: str, compute: Mapping[str, Any], fingerprints: str) -> None:
    """Fingerprints of candidates, block by block; NaN where a picture could not be read."""
    torch.set_num_threads(compute["threads"])
    trained = Encoder.load(encoder)
    lost = unreadable(pictures)
    shape = (count_rows(pictures), trained.dimensions)

    def readable() -> Iterator[tuple[Integers, Rows]]:
        for places, rows in _placed(
            trained.embed_stream(iterate(pictures), compute["micro_batch"])
        ):
            rows[lost(slice(int(places[0]), int(places[-1]) + 1))] = np.nan
            yield places, rows

    write_rows(fingerprints, shape, readable(), trained.digest)


def _placed(blocks: Iterable[Rows]) -> Iterator[tuple[Integers, Rows]]:
    """Number the rows of blocks that follow each other."""
    done = 0
    for rows in blocks:
        yield np.arange(done, done + len(rows)), rows
        done += len(rows)
