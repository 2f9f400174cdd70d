"""The pictures of simulated_releases.py (torch, no faiss): patients, pictures of nobody, copies, and fingerprints.

All is kept in a folder, and what is there is not made again.
"""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from safetensors.numpy import load_file, save_file

from avatarflow.core import seeds
from avatarflow.core.arrays import Pictures
from avatarflow.imaging.phantom.eyes import draw_eyes

SIZE_PX, SEED = 64, 1
PERSONS = {"encoder": 110, "calibration": 150, "test": 90, "heldout": 150}
"""Two eyes each. The view by fingerprints attacks the 240 that calibrate and test, the view by pixels all 350."""

NOBODY = 100_000  # the first person who is no patient
NOBODIES = 10_000  # one eye each
ENCODER = {"size_px": SIZE_PX, "width": 8, "dimensions": 64, "steps": 100, "persons_per_step": 32}
BLOCK = 1000


def roles() -> npt.NDArray[np.str_]:
    """(n,) role of every patient's picture, two of each patient one after the other."""
    return np.repeat(list(PERSONS), [2 * count for count in PERSONS.values()])


def make(work: Path) -> None:
    """Draw everybody, train the encoder, and write every fingerprint that the attacks need."""
    import torch

    from avatarflow.config.loading import load
    from avatarflow.privacy.fingerprints.fingerprint import Encoder, fit_encoder
    from avatarflow.runs.context import Step

    torch.set_num_threads(1)
    cone = load({"releases": {"x": {"source": {"generate": {}}, "gates": {}}}})["releases"]["x"][
        "cone"
    ]
    patients, nobody = drawn(work)
    encoder_path = work / "encoder.safetensors"
    person, role = np.repeat(np.arange(len(patients) // 2), 2), roles()
    if not encoder_path.exists():
        seen = role == "encoder"
        settings = {**ENCODER, "families": cone["families"]}
        fit_encoder(
            patients[seen], person[seen], settings, SEED, work / "state", Step.null(),
            eyes=np.arange(len(patients))[seen],
        ).save(encoder_path)  # fmt: skip
    encoder = Encoder.load(encoder_path)
    items = np.arange(len(patients))
    copied = {"export": exported(patients), "leak": leaked(patients, items)}

    once(work / "patients.rows", lambda: encoder.embed(patients))
    once(work / "export.rows", lambda: encoder.embed(copied["export"]))
    once(work / "leak.rows", lambda: encoder.embed(copied["leak"].reshape(-1, *patients.shape[1:])))
    once(work / "nobody.rows", lambda: encoder.embed(nobody))
    for name, pictures in copied.items():
        save_file({"pictures": pictures}, work / f"{name}.pictures")


def drawn(work: Path) -> tuple[Pictures, Pictures]:
    """Pictures of patients (n, size, size, 3), and of nobody (m, size, size, 3)."""
    eyes = list(range(2 * sum(PERSONS.values())))
    strangers = [2 * NOBODY + 2 * number + number % 2 for number in range(NOBODIES)]
    sets = {"patients": eyes}
    sets |= {
        f"nobody.{start}": strangers[start : start + BLOCK]
        for start in range(0, len(strangers), BLOCK)
    }
    parts = [once(work / f"{name}.drawn", lambda who=who: draw(who)) for name, who in sets.items()]
    return parts[0], np.concatenate(parts[1:])


def draw(eyes: list[int]) -> Pictures:
    """One photograph of each eye."""
    return draw_eyes("fundus", eyes, [0] * len(eyes), SIZE_PX, SEED)[0]


def once(path: Path, made: Callable[[], npt.NDArray]) -> npt.NDArray:
    """Return what lies in a file, made now where it is not there."""
    if not path.exists():
        save_file({"all": np.ascontiguousarray(made())}, path)
    return load_file(path)["all"]


def exported(pictures: Pictures) -> Pictures:
    """Every picture as an export alters it: shifted by up to 2 px, 5 % lighter or darker, JPEG of quality 75 to 90."""
    out = np.empty_like(pictures)
    for number, picture in enumerate(pictures):
        rng = seeds.generator(SEED, "export", number)
        down, right = rng.integers(-2, 3, 2)
        edge = np.pad(picture, ((2, 2), (2, 2), (0, 0)), mode="edge")
        moved = edge[2 + down : 2 + down + SIZE_PX, 2 + right : 2 + right + SIZE_PX]
        lighter = np.clip(moved * (1 + rng.uniform(-0.05, 0.05)), 0, 255).astype(np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(lighter).save(buffer, "JPEG", quality=int(rng.integers(75, 91)))
        out[number] = np.asarray(Image.open(buffer))
    return out


def leaked(pictures: Pictures, items: npt.NDArray[np.int64]) -> Pictures:
    """(n, c, size, size, 3) the altered copies that the positive control of every release plants."""
    from avatarflow.privacy.attacks.controls.leaked_pictures import FAMILIES
    from avatarflow.privacy.perturbations import alter

    versions = [alter(pictures, name, 1, SEED, items, "attack leak") for name in FAMILIES]
    return np.stack(versions, 1)
