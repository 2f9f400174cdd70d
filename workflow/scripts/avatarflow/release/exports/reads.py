"""Releases of cleaned reads: their facts. They have the exports of all."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .facts import DataFiles, Facts, Format, settings_digest
from .interface import Content
from .registry import EXPORTS, write_all

FASTQ = DataFiles(
    start="reads_",
    description="FASTQ, compressed with gzip: bases and qualities under running numbers.",
    croissant="application/gzip",
    format=Format("text/plain", "GZIP", "GNU zip", "application/gzip"),
)
NOT_FOR = "Do not try to link these reads to a person."
VERSION = re.compile(r"\d+(\.\d+)+[\w.+-]*")


def write_exports(
    folder: Path,
    certificate: Mapping[str, Any],
    settings: Mapping[str, Any],
    fragments: int,
    versions: Mapping[str, str],
    signed: bool = False,
) -> None:
    """Write the exports that `release.exports` asks for, into a folder that holds reads, certificate and card.

    Parameters
    ----------
    folder : path
    certificate : mapping
    settings : mapping
        `release` of the config.
    fragments : int
        Released ones.
    versions : mapping of tool to text
        What each tool says of its version; the number in it is published, and nothing else.
    signed : bool
        Whether the list of checksums gets a signature.
    """
    facts = read_facts(certificate, settings, fragments, versions)
    write_all(Content(folder, settings, facts, signed), EXPORTS)


def read_facts(
    certificate: Mapping[str, Any],
    settings: Mapping[str, Any],
    fragments: int,
    versions: Mapping[str, str],
) -> Facts:
    """Return what is known of released reads, from the certificate, the config and the tools' versions."""
    name = str(certificate["release"])
    claim = " ".join(certificate["claim"])
    limits = (NOT_FOR, *map(str, settings["limits"]))
    asked = certificate["asked"]
    removers = ", ".join(f"{tool['tool']} ({tool['setting']})" for tool in asked["remove"])
    detectors = ", ".join(
        f"{tool['tool']} ({tool['setting']})" for tool in asked["detection_tools"]
    )
    provenance = (
        f"Fragments that {removers} calls human were taken out of the reads of a sample. {detectors} looked for human "
        "fragments in what was left. Simulated human fragments were mixed in, counted and taken out again."
    )
    return Facts(
        name=name,
        title=str(settings["title"] or f"Cleaned reads: {name}"),
        description=(
            f"{fragments} sequenced fragments. Those that tools call human were taken out; names of reads are running "
            "numbers. certificate.json says what was measured of what is left of the donor, and what is claimed and "
            "what is not."
        ),
        keywords=("sequencing reads", "metagenomics", "human read removal", "privacy"),
        limits=limits,
        claim=claim,
        provenance=provenance,
        population="",
        records=fragments,
        individuals=None,
        synthetic=False,
        data=FASTQ,
        responsible={
            "rai:dataCollection": provenance,
            "rai:dataPreprocessingProtocol": [
                "Human fragments were taken out, names were replaced by running numbers; the order is the sequencer's."
            ],
            "rai:dataUseCases": ["Analyses of the microbes in the sample."],
            "rai:dataLimitations": list(limits),
            "rai:dataBiases": [
                "Microbial fragments that resemble human ones are missing where a tool took them for human."
            ],
            "rai:personalSensitiveInformation": [claim],
            "rai:dataSocialImpact": (
                "Reads that cannot be shared with the donor's genome in them become usable; what is left of the donor "
                "was measured or bounded, and is not nothing."
            ),
        },
        software="Snakemake workflow that cleans human reads out of samples and measures what is left of the donor.",
        settings_digest=settings_digest(certificate),
        tools={tool: number(text) for tool, text in versions.items()},
    )


def number(text: str) -> str:
    """Return the version's number alone: some tools print the path of their program beside it."""
    found = VERSION.search(text)
    return found.group() if found else ""
