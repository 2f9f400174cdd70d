"""Fingerprints: the encoder trained offline on originals and their perturbations, and what it makes of pictures.

`fit_encoder` trains it, `Encoder.embed` streams pictures through it, `embed_altered` does so with perturbed pictures.
torch lives here and in the modules it uses; searching is done elsewhere, in a process without torch.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch.nn import functional

from avatarflow.core import seeds
from avatarflow.core.arrays import Integers, Pictures, Rows
from avatarflow.core.errors import refuse
from avatarflow.core.paths import replacing
from avatarflow.imaging.spool import Stored
from avatarflow.privacy import perturbations
from avatarflow.privacy.perturbations import Drawn
from avatarflow.runs import bfloat16
from avatarflow.runs.context import Step

from .contrastive_training import DEFAULTS, train
from .encoder import Network
from .ensemble import Ensemble
from .frames import content

MICRO_BATCH = 64
WHITENING_PICTURES = 256


class Encoder:
    """A trained network with the settings that made it.

    Parameters
    ----------
    network : Network or Ensemble
    settings : dict
        Everything that shaped the training, the seed included; kept in the header of the saved file.
    """

    def __init__(self, network: Network | Ensemble, settings: dict[str, Any]) -> None:
        self.network = network.eval().to(memory_format=torch.channels_last)
        self.settings = settings
        self.digest = _digest(network, settings)

    @property
    def dimensions(self) -> int:
        """Length of a fingerprint, d."""
        return int(self.network.dimensions)

    def save(self, path: str | Path) -> None:
        """Write one safetensors file: the weights, settings and digest in its header."""
        header = json.dumps({"settings": self.settings, "digest": self.digest}, sort_keys=True)
        weights = {name: value.contiguous() for name, value in self.network.state_dict().items()}
        with replacing(path) as temporary:
            save_file(weights, temporary, {"encoder": header})

    @classmethod
    def load(cls, path: str | Path) -> "Encoder":
        """Read what `save` wrote.

        Raises
        ------
        AvatarflowError
            If the weights are not those the header names.
        """
        with safe_open(str(path), "pt") as file:
            header = json.loads((file.metadata() or {}).get("encoder", "{}"))
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        if not header:
            raise refuse(
                str(path), "no encoder of this project", "name the file the fingerprint step wrote"
            )
        network = network_of(header["settings"])
        network.load_state_dict(weights)
        encoder = cls(network, header["settings"])
        if encoder.digest != header["digest"]:
            raise refuse(
                str(path), "the weights are not those its header names", "train the encoder again"
            )
        return encoder

    def embed(
        self, pictures: Pictures | Iterable[Pictures], micro_batch: int = MICRO_BATCH
    ) -> Rows:
        """Fingerprints of pictures.

        A picture is seen as it is and mirrored, and the mean direction is its fingerprint: a mirror image has the same
        one. A wide frame of one colour is cut away first. Pictures always pass in batches of exactly `micro_batch`, so
        the blocks they come in change nothing.

        Parameters
        ----------
        pictures : (n, h, w, 3) uint8, or blocks of such
        micro_batch : int
            Pictures in the network at a time; rounding depends on it, so it is config.

        Returns
        -------
        (n, d) float32
            Unit rows; NaN for a picture whose fingerprint is not finite.
        """
        parts = list(self.embed_stream(pictures, micro_batch))
        return np.concatenate(parts) if parts else np.zeros((0, self.dimensions), np.float32)

    def embed_stream(
        self, pictures: Pictures | Iterable[Pictures], micro_batch: int = MICRO_BATCH
    ) -> Iterator[Rows]:
        """As `embed`, one micro-batch after another."""
        stream = [pictures] if isinstance(pictures, np.ndarray) else pictures
        for batch in _rebatched(stream, micro_batch):
            yield self._embed_batch(batch, micro_batch)

    def _embed_batch(self, pictures: Pictures, micro_batch: int) -> Rows:
        # filled up: rounding depends on the size of a batch
        full = np.zeros((micro_batch, *pictures.shape[1:]), np.uint8)
        full[: len(pictures)] = pictures
        batch = unframed(full)
        with torch.no_grad():
            rows = self.network.fingerprints(batch)
        rows = torch.where(rows.isfinite().all(1, keepdim=True), rows, torch.nan)
        return np.asarray(rows[: len(pictures)].numpy(), np.float32)


def unframed(pictures: Pictures) -> torch.Tensor:
    """(n, h, w, 3) uint8 as (n, 3, h, w) float32 in [0, 1], what a wide frame surrounds enlarged to full size."""
    batch = perturbations.to_batch(pictures)
    for place, picture in enumerate(pictures):
        if inner := content(picture):
            batch[place] = functional.interpolate(
                batch[place : place + 1, :, inner[0], inner[1]],
                size=pictures.shape[1:3],
                mode="bilinear",
                align_corners=False,
            )[0]
    return batch


def fit_encoder(
    pictures: Stored,
    persons: Sequence[int] | Integers,
    settings: dict[str, Any],
    seed: int,
    state: Path,
    step: Step,
    eyes: Sequence[int] | Integers | None = None,
) -> Encoder:
    """Train the encoder on pictures of the encoder persons, and of generated eyes where the caller adds some.

    Parameters
    ----------
    pictures : (n, h, w, 3) uint8
        An array, or a spool of which only the pictures of a step are read.
    persons : (n,)
        Whose they are. Pictures of one person never repel each other.
    settings : dict
        `fingerprint:` of the config and `families`; what is missing comes from `contrast.DEFAULTS`.
    seed : int
    state : Path
        Folder of checkpoints, not an output; a stopped training continues there and ends as an undisturbed one.
    step : Step
        Gets the progress and the metric `loss`.
    eyes : (n,), optional
        Which eye each picture shows, -1 where not known; pictures of one eye attract each other.

    Raises
    ------
    AvatarflowError
        If there are fewer than two persons, an unknown family, or the loss is not finite (the step is named).
    """
    settings = {**DEFAULTS, **settings}
    known = np.full(len(pictures), -1) if eyes is None else np.asarray(eyes, np.int64)
    settings["seed"] = seed
    if settings["precision"] == "auto":  # the header says which it was
        settings["precision"] = "bfloat16" if bfloat16.fast_here() else "float32"
    if settings["kind"] == "contrastive":
        return _fit_one(pictures, np.asarray(persons, np.int64), known, settings, state, step)
    members = []
    for number in range(settings["members"]):
        step.info("member %d of %d", number + 1, settings["members"])
        own = {
            **settings,
            "kind": "contrastive",
            "seed": seeds.integer(seed, "encoder-member", number),
        }
        members.append(
            _fit_one(pictures, np.asarray(persons, np.int64), known, own, state, step).network
        )
    return Encoder(Ensemble(members), settings)


def _fit_one(
    pictures: Stored,
    persons: Integers,
    eyes: Integers,
    settings: dict[str, Any],
    state: Path,
    step: Step,
) -> Encoder:
    """Train and whiten one network; `settings` hold its seed."""
    network = train(_network, pictures, persons, eyes, settings, state, step)
    step.info("measuring how perturbations move fingerprints")
    whiten(Encoder(network, settings), pictures, settings)
    return Encoder(network, settings)


def whiten(encoder: Encoder, pictures: Stored, settings: dict[str, Any]) -> None:
    """Learn the last, linear layer: the directions in which perturbations move fingerprints count less.

    The within-picture covariance of perturbed pictures, drawn towards a multiple of the identity by `shrinkage`,
    becomes the identity (linear discriminant analysis without its second half).
    """
    rows = np.unique(
        np.linspace(0, len(pictures) - 1, min(len(pictures), WHITENING_PICTURES)).astype(int)
    )
    plain = encoder.embed(pictures[rows]).astype(np.float64)
    drawn = Drawn(settings["families"], 1, settings["seed"], "whitening")
    altered = embed_altered(encoder, pictures[rows], rows, drawn)
    # (n, families, d) -> (n families, d)
    moved = (altered - plain[:, None]).reshape(-1, plain.shape[1])
    covariance = moved.T @ moved / len(moved)
    even = np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    values, vectors = np.linalg.eigh(
        (1 - settings["shrinkage"]) * covariance + settings["shrinkage"] * even
    )
    # (d, d)
    whitening = (vectors / np.sqrt(values / values.mean())) @ vectors.T
    encoder.network.mean.copy_(torch.from_numpy(plain.mean(0)))
    encoder.network.whitening.copy_(torch.from_numpy(whitening))


def network_of(settings: dict[str, Any]) -> Network | Ensemble:
    """Return an untrained network of these settings."""
    one = {**DEFAULTS, **settings}
    if one["kind"] == "ensemble":
        return Ensemble([_network(one) for _ in range(one["members"])])
    return _network(one)


def _network(settings: dict[str, Any]) -> Network:
    return Network(settings["dimensions"], settings["width"], settings["size_px"])


def embed_altered(
    encoder: Encoder,
    pictures: Stored,
    items: Sequence[int] | Integers,
    drawn: Drawn,
    micro_batch: int = MICRO_BATCH,
) -> Rows:
    """Return the fingerprints of perturbed pictures.

    Parameters
    ----------
    items : (n,)
        The pictures' item numbers; seeds hang on them.

    Returns
    -------
    (n, len(families) * draws, d) float32
        Family by family, perturbation by perturbation.
    """
    out = np.empty((len(pictures) * drawn.count, encoder.dimensions), np.float32)
    for places, rows in altered_parts(encoder, pictures, items, drawn, micro_batch):
        out[places] = rows
    return out.reshape(len(pictures), drawn.count, encoder.dimensions)


def altered_parts(
    encoder: Encoder,
    pictures: Stored,
    items: Sequence[int] | Integers,
    drawn: Drawn,
    micro_batch: int = MICRO_BATCH,
) -> Iterator[tuple[Integers, Rows]]:
    """As `embed_altered`, one micro-batch after another: places (k,) in the flattened result, and rows (k, d)."""
    numbers, draws = np.asarray(items), drawn.draws
    block = max(1, perturbations.BLOCK // draws)
    parts = [slice(start, start + block) for start in range(0, len(pictures), block)]
    for order, name in enumerate(drawn.families):
        perturbed = (
            perturbations.alter(
                pictures[part], name, draws, drawn.seed, numbers[part], drawn.purpose
            )
            for part in parts
        )
        done = 0
        for rows in encoder.embed_stream(perturbed, micro_batch):
            picture, draw = np.divmod(np.arange(done, done + len(rows)), draws)
            yield picture * drawn.count + order * draws + draw, rows
            done += len(rows)


def _rebatched(stream: Iterable[Pictures], size: int) -> Iterator[Pictures]:
    """The same pictures in batches of exactly `size`, but for the last."""
    held: list[Pictures] = []
    for block in stream:
        held.append(block)
        while sum(len(part) for part in held) >= size:
            joined = np.concatenate(held)
            yield joined[:size]
            held = [joined[size:]]
    if sum(len(part) for part in held):
        yield np.concatenate(held)


def _digest(network: Network | Ensemble, settings: dict[str, Any]) -> str:
    hashed = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for name, value in sorted(network.state_dict().items()):
        hashed.update(name.encode())
        hashed.update(value.contiguous().numpy().tobytes())
    return hashed.hexdigest()[:16]
