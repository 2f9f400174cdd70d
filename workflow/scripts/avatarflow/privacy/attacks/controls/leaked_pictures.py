"""The leak that positive controls on data plant: altered copies of non-members, with their fingerprints. torch side."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from avatarflow.core.paths import replacing_folder
from avatarflow.imaging.shards import read_pictures, read_table, write_shards
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
    table = read_table(pool)
    non_members = (table["role"] == HELDOUT).to_numpy()
    items = table.loc[non_members, "item"].to_numpy()
    originals = read_pictures(pool, non_members)
    some = (
        len(originals) > 0
    )  # an audit may know of no non-member: then nothing is planted, and no attack concludes
    versions = [perturbations.alter(originals, name, 1, seed, items, "attack leak") if some else originals
                for name in FAMILIES]  # fmt: skip
    copies = np.stack(versions, 1).reshape(-1, *originals.shape[1:])
    trained = Encoder.load(encoder)
    made = trained.embed(copies, compute["micro_batch"])
    save_rows(
        fingerprints,
        made.reshape(len(originals), len(FAMILIES), trained.dimensions),
        trained.digest,
    )
    with replacing_folder(pictures) as folder:
        write_shards(
            folder,
            copies,
            table[non_members].loc[np.repeat(table.index[non_members], len(FAMILIES)), ["item"]],
        )
