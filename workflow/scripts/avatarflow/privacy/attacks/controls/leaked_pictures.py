"""The leak that positive controls on data plant: altered copies of non-members, with their fingerprints. torch side."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from avatarflow.core.arrays import Pictures
from avatarflow.core.paths import replacing_folder
from avatarflow.imaging.shards import ShardWriter, iterate, read_table
from avatarflow.intake.patients.persons import HELDOUT
from avatarflow.privacy import perturbations
from avatarflow.privacy.fingerprints.files import save_rows
from avatarflow.privacy.fingerprints.fingerprint import Encoder

FAMILIES = ("noise", "jpeg", "brightness")
"""One copy by each: what a generator that remembers a picture gives back is never the file itself."""


def write_leaks(
    pool: str, encoder: str, compute: Mapping[str, Any], seed: int, pictures: str, fingerprints: str
) -> None:
    """Write altered copies of every non-member's picture, copy after copy, and their fingerprints.

    Parameters
    ----------
    pool, encoder : str
        Files read.
    pictures : str
        Folder of shards: the copies, with the `item` of the original.
    fingerprints : str
        (non-members' pictures, copies, d).
    """
    torch.set_num_threads(compute["threads"])
    table, trained = read_table(pool), Encoder.load(encoder)
    non_members = (table["role"] == HELDOUT).to_numpy()
    rows = table.loc[non_members, ["item"]]
    with replacing_folder(pictures) as folder:
        writer = ShardWriter(folder)

        def copies() -> Iterator[Pictures]:
            done = 0  # no block where an audit knows of no non-member: then no attack concludes
            for block in iterate(pool, wanted=non_members):
                some = rows.iloc[done : done + len(block)]
                items = some["item"].to_numpy()
                versions = [
                    perturbations.alter(block, name, 1, seed, items, "attack leak")
                    for name in FAMILIES
                ]
                made = np.stack(versions, 1).reshape(-1, *block.shape[1:])
                writer.append(made, some.iloc[np.repeat(np.arange(len(some)), len(FAMILIES))])
                done += len(block)
                yield made

        made = trained.embed(copies(), compute["micro_batch"])
        writer.close(rows[:0])
    made = made.reshape(len(rows), len(FAMILIES), trained.dimensions)
    save_rows(fingerprints, made, trained.digest)
