"""RO-Crate 1.1 with the run that made the release (Process Run Crate 0.5): `ro-crate-metadata.json`.

References
----------
https://www.researchobject.org/ro-crate/specification/1.1/ and https://w3id.org/ro/wfrun/process/0.5.
"""

from typing import Any

from avatarflow import __version__
from avatarflow.core.paths import write_json
from avatarflow.release.checksums import CHECKSUMS, SIGNATURE

from .facts import CERTIFICATE, CERTIFICATE_MEANING, File, licence, released_files
from .interface import Content

NAME = "ro-crate-metadata.json"
CONTEXT = ["https://w3id.org/ro/crate/1.1/context", {"sha256": "https://schema.org/sha256"}]
CRATE = "https://w3id.org/ro/crate/1.1"
PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
SOFTWARE, RUN, PUBLISHER, SETTINGS = "#avatarflow", "#run", "#publisher", "#settings"
MEANINGS = {
    CERTIFICATE: CERTIFICATE_MEANING,
    "README.md": "The data set's card.",
    "contact_sheet.png": "Some of the released pictures.",
    "croissant.json": "Croissant metadata.",
    "dcat-ap.jsonld": "DCAT-AP record.",
    "health-dcat-ap.jsonld": "HealthDCAT-AP record.",
    "reads_1.fastq.gz": "The cleaned reads; of pairs the first mates.",
    "reads_2.fastq.gz": "The second mates of the cleaned reads, in the order of the first.",
}


def write(content: Content) -> None:
    """Write the crate's metadata; the release folder becomes the crate."""
    graph = {"@context": CONTEXT, "@graph": entities(content)}
    write_json(content.folder / NAME, graph, allow_nan=False)


def entities(content: Content) -> list[dict[str, Any]]:
    """Return the crate, its files, the software, its settings and its run."""
    settings, facts = content.settings, content.facts
    files = released_files(content.folder)
    last = _written_last(content.signed)
    address = licence(settings)
    known = address.startswith("http")
    licences = [{"@id": address, "@type": "CreativeWork", "name": settings["licence"]}]
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
            "name": facts.title,
            "description": f"{facts.description} {facts.claim}",
            "datePublished": settings["date"],
            "version": settings["version"],
            "license": {"@id": address} if known else address,
            "keywords": ", ".join(facts.keywords),
            "publisher": {"@id": PUBLISHER},
            "author": {"@id": PUBLISHER},
            "conformsTo": {"@id": PROFILE},
            "mentions": {"@id": RUN},
            "hasPart": [
                {"@id": path}
                for path in (*(file.path for file in files), *(one["@id"] for one in last))
            ],
        },
        {
            "@id": PROFILE,
            "@type": "CreativeWork",
            "name": "Process Run Crate",
            "version": "0.5",
        },
        _publisher(content),
        *(licences if known else []),
        *_run(content, files),
        *(_entity(file) for file in files),
        *last,
    ]


def _written_last(signed: bool) -> list[dict[str, Any]]:
    """Return the list of checksums and its signature, which are written after this file."""
    meanings = {
        CHECKSUMS: ("SHA-256 of every other file, for `sha256sum -c SHA256SUMS`.", "text/plain")
    }
    if signed:
        meaning = "Signature of SHA256SUMS, for `openssl pkeyutl -verify`."
        meanings[f"{CHECKSUMS}{SIGNATURE}"] = (meaning, "application/octet-stream")
    return [
        {
            "@id": name,
            "@type": "File",
            "name": name,
            "description": meaning,
            "encodingFormat": form,
        }
        for name, (meaning, form) in meanings.items()
    ]


def _run(content: Content, files: list[File]) -> list[dict[str, Any]]:
    """Return the run with its settings, the software and the tools that it called, with their versions."""
    settings, facts = content.settings, content.facts
    address = settings["workflow_url"]
    software = {
        "@id": address or SOFTWARE,
        "@type": "SoftwareApplication",
        "name": "avatarflow",
        "description": facts.software,
        "softwareVersion": __version__,
        **({"url": address} if address else {}),
    }
    tools = [
        {
            "@id": f"#tool-{name}",
            "@type": "SoftwareApplication",
            "name": name,
            **({"softwareVersion": version} if version else {}),
        }
        for name, version in facts.tools.items()
    ]
    if tools:
        software["softwareRequirements"] = [{"@id": tool["@id"]} for tool in tools]
    run = {
        "@id": RUN,
        "@type": "CreateAction",
        "name": f"Release {facts.name}",
        "description": facts.provenance,
        "instrument": {"@id": software["@id"]},
        "object": {"@id": SETTINGS},
        "agent": {"@id": PUBLISHER},
        "actionStatus": "http://schema.org/CompletedActionStatus",
        "endTime": settings["date"],
        "result": [{"@id": file.path} for file in files],
    }
    asked = {
        "@id": SETTINGS,
        "@type": "PropertyValue",
        "name": "settings",
        "description": "SHA-256 of `asked` in certificate.json, as JSON with sorted keys and without spaces.",
        "value": facts.settings_digest,
    }
    return [software, *tools, run, asked]


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
