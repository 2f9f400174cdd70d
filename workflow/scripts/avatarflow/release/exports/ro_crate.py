"""RO-Crate 1.1 with the run that made the release (Process Run Crate 0.5): `ro-crate-metadata.json`.

References
----------
https://www.researchobject.org/ro-crate/specification/1.1/ and https://w3id.org/ro/wfrun/process/0.5.
"""

from typing import Any

from avatarflow import __version__
from avatarflow.core.paths import write_json

from .facts import KEYWORDS, File, claim, description, licence, provenance, released_files, title
from .interface import Content

NAME = "ro-crate-metadata.json"
CONTEXT = ["https://w3id.org/ro/crate/1.1/context", {"sha256": "https://schema.org/sha256"}]
CRATE = "https://w3id.org/ro/crate/1.1"
PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
SOFTWARE, RUN, PUBLISHER = "#avatarflow", "#run", "#publisher"
CHECKSUMS = "SHA256SUMS"  # written last: it holds this file's own checksum
MEANINGS = {
    "certificate.json": "What was asked, what was measured, every gate, and what is claimed and what is not.",
    "README.md": "The data set's card.",
    "contact_sheet.png": "Some of the released pictures.",
    "croissant.json": "Croissant metadata.",
    "dcat-ap.jsonld": "DCAT-AP record.",
}


def write(content: Content) -> None:
    """Write the crate's metadata; the release folder becomes the crate."""
    graph = {"@context": CONTEXT, "@graph": entities(content)}
    write_json(content.folder / NAME, graph, allow_nan=False)


def entities(content: Content) -> list[dict[str, Any]]:
    """Return the crate, its files, the software and its run."""
    files = released_files(content.folder)
    parts = [{"@id": file.path} for file in files] + [{"@id": CHECKSUMS}]
    address = licence(content)
    known = address.startswith("http")
    checksums = {
        "@id": CHECKSUMS,
        "@type": "File",
        "name": CHECKSUMS,
        "description": "SHA-256 of every other file, for `sha256sum -c SHA256SUMS`.",
        "encodingFormat": "text/plain",
    }
    licences = [{"@id": address, "@type": "CreativeWork", "name": content.settings["licence"]}]
    return [
        {
            "@id": NAME,
            "@type": "CreativeWork",
            "about": {"@id": "./"},
            "conformsTo": {"@id": CRATE},
            "name": "RO-Crate metadata",
        },
        {
            "@id": "./",
            "@type": "Dataset",
            "name": title(content),
            "description": f"{description(content)} {claim(content)}",
            "datePublished": content.settings["date"],
            "version": content.settings["version"],
            "license": {"@id": address} if known else address,
            "keywords": ", ".join(KEYWORDS),
            "publisher": {"@id": PUBLISHER},
            "author": {"@id": PUBLISHER},
            "conformsTo": {"@id": PROFILE},
            "mentions": {"@id": RUN},
            "hasPart": parts,
        },
        {
            "@id": PROFILE,
            "@type": "CreativeWork",
            "name": "Process Run Crate",
            "version": "0.5",
        },
        _publisher(content),
        *(licences if known else []),
        {
            "@id": SOFTWARE,
            "@type": "SoftwareApplication",
            "name": "avatarflow",
            "description": "Snakemake workflow that makes synthetic pictures and tests what they tell of patients.",
            "softwareVersion": __version__,
        },
        {
            "@id": RUN,
            "@type": "CreateAction",
            "name": f"Release {content.name}",
            "description": provenance(content),
            "instrument": {"@id": SOFTWARE},
            "agent": {"@id": PUBLISHER},
            "actionStatus": "http://schema.org/CompletedActionStatus",
            "endTime": content.settings["date"],
            "result": [{"@id": file.path} for file in files],
        },
        *(_entity(file) for file in files),
        checksums,
    ]


def _publisher(content: Content) -> dict[str, Any]:
    """Return who publishes, with the address of the release where there is one."""
    publisher = {"@id": PUBLISHER, "@type": "Organization", "name": content.settings["publisher"]}
    return {**publisher, "url": content.settings["url"]} if content.settings["url"] else publisher


def _entity(file: File) -> dict[str, Any]:
    """Return what is known of a file."""
    kind: dict[str, Any] = {
        "@id": file.path,
        "@type": "File",
        "name": file.path,
        "contentSize": str(file.size),
        "encodingFormat": file.media_type,
        "sha256": file.sha256,
    }
    if file.path in MEANINGS:
        kind["description"] = MEANINGS[file.path]
    return kind
