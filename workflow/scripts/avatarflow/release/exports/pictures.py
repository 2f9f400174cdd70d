"""Releases of pictures: their facts, and their exports, of which DICOM and C2PA are theirs alone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from avatarflow.imaging.spool import Stored
from avatarflow.release.signing import Signer

from . import c2pa, dicom
from .facts import Column, DataFiles, Facts, Format, settings_digest
from .interface import Content
from .registry import EXPORTS, write_all

PARQUET = DataFiles(
    start="data/",
    description="Parquet: one row per picture, the picture as PNG, and its labels.",
    croissant="application/x-parquet",  # the name that readers of Croissant know, not IANA's
    format=Format("application/vnd.apache.parquet", "PARQUET", "Parquet"),
)
COLUMNS = {
    "image": Column("image", "The synthetic picture, as PNG.", "sc:ImageObject", "binary"),
    "picture": Column(
        "picture", "Number of the picture within the release.", "sc:Integer", "integer"
    ),
    "guidance": Column(
        "guidance", "Strength of the condition while drawing.", "sc:Float", "double"
    ),
}


@dataclass(frozen=True)
class Pictures:
    """What is released: the public table, without candidate numbers and risks, and the pictures in its order."""

    table: pd.DataFrame
    conditions: Mapping[str, Sequence[str]]
    pictures: Stored


def write_exports(
    folder: Path,
    certificate: Mapping[str, Any],
    settings: Mapping[str, Any],
    released: Pictures,
    signer: Signer | None = None,
) -> None:
    """Write the exports that `release.exports` asks for, into a folder that holds data, certificate and card."""
    if not settings["exports"]:
        return

    def write_dicom(content: Content) -> None:
        labels = list(released.conditions)
        dicom.write(content.folder / dicom.FOLDER, released.table[labels], released.pictures)

    def write_c2pa(content: Content) -> None:
        c2pa.write(content.folder / c2pa.FOLDER, content.facts.name, released.pictures, signer)

    own: dict[str, Callable[[Content], None]] = {"dicom": write_dicom, "c2pa": write_c2pa}
    exports = {**own, **EXPORTS}
    facts = picture_facts(certificate, settings, released)
    content = Content(folder, settings, facts, signed=signer is not None)
    write_all(content, exports)


def picture_facts(
    certificate: Mapping[str, Any], settings: Mapping[str, Any], released: Pictures
) -> Facts:
    """Return what is known of released pictures, from the certificate, the config and the public table."""
    name, count = str(certificate["release"]), len(released.table)
    size = certificate["asked"]["size_px"]
    claim = " ".join(certificate["claim"])
    limits = (dicom.NOT_FOR, *map(str, settings["limits"]))
    provenance = (
        "A diffusion model (teacher) was trained on the originals. Its pictures were judged by a filter, the cone of "
        "privacy. A student was trained on accepted pictures only; its accepted pictures are the data."
    )
    return Facts(
        name=name,
        title=str(settings["title"] or f"Synthetic pictures: {name}"),
        description=(
            f"{count} synthetic pictures of {size} x {size} pixels. None is a photograph: each was drawn by a "
            "generator and accepted by a privacy filter. certificate.json says what was measured, on how many "
            "patients, and what is claimed and what is not."
        ),
        keywords=("synthetic data", "medical images", "privacy"),
        limits=limits,
        claim=claim,
        provenance=provenance,
        population=_population(certificate),
        records=count,
        individuals=0,
        synthetic=True,
        data=PARQUET,
        responsible={
            "rai:dataCollection": provenance,
            "rai:dataCollectionType": ["Software Collection"],
            "rai:dataPreprocessingProtocol": [
                "Originals were cut to one size without their metadata; patients were divided into groups once."
            ],
            "rai:dataUseCases": ["Method development, teaching and software tests."],
            "rai:dataLimitations": list(limits),
            "rai:dataBiases": [
                "The pictures repeat the biases of the originals (cameras, clinics, patients) and may invent or lose "
                "findings."
            ],
            "rai:personalSensitiveInformation": [claim],
            "rai:dataSocialImpact": (
                "Data that cannot be shared become usable in part; what remains recognisable of a patient was "
                "attacked and measured, and is not nothing."
            ),
        },
        software="Snakemake workflow that makes synthetic pictures and tests what they tell of patients.",
        settings_digest=settings_digest(certificate),
        columns=_columns(released),
        sample="contact_sheet.png",
    )


def _population(certificate: Mapping[str, Any]) -> str:
    """Say that nobody is shown, and of how many the originals were."""
    text = "Synthetic: no picture shows a person, so the number of individuals is 0."
    pool = certificate["measured"].get("pool")
    if pool is None:
        return text
    unit = "patients" if certificate["unit"] == "person" else "eyes"
    return f"{text} The originals were of {pool['persons']} {unit}."


def _columns(released: Pictures) -> tuple[Column, ...]:
    """Return the columns of the released Parquet files, in their meaning."""
    labels = {
        name: Column(name, "Label that the generator was asked for.", "sc:Text", "string")
        for name in released.conditions
    }
    known = {"image": COLUMNS["image"], "picture": COLUMNS["picture"], **labels}
    known["guidance"] = COLUMNS["guidance"]
    return tuple(
        column for name, column in known.items() if name == "image" or name in released.table
    )
