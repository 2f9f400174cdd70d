"""A DCAT-AP 3 record with properties of HealthDCAT-AP: `dcat-ap.jsonld`, which data portals harvest.

References
----------
https://semiceu.github.io/DCAT-AP/releases/3.0.0/ and https://healthdcat-ap.github.io/.
"""

from typing import Any

from avatarflow.core.paths import write_json

from .facts import (
    KEYWORDS,
    File,
    claim,
    description,
    licence,
    limits,
    provenance,
    released_files,
    title,
)
from .interface import Content

NAME = "dcat-ap.jsonld"
AUTHORITY = "http://publications.europa.eu/resource/authority"
THEME, PUBLIC = f"{AUTHORITY}/data-theme/HEAL", f"{AUTHORITY}/access-right/PUBLIC"
FORMAT = f"{AUTHORITY}/file-type/PARQUET"
MEDIA_TYPE = "https://www.iana.org/assignments/media-types/application/vnd.apache.parquet"
ALGORITHM = "http://spdx.org/rdf/terms#checksumAlgorithm_sha256"
CONTEXT = {
    "dcat": "http://www.w3.org/ns/dcat#", "dct": "http://purl.org/dc/terms/", "foaf": "http://xmlns.com/foaf/0.1/",
    "vcard": "http://www.w3.org/2006/vcard/ns#", "spdx": "http://spdx.org/rdf/terms#", "owl": "http://www.w3.org/2002/07/owl#",
    "xsd": "http://www.w3.org/2001/XMLSchema#", "adms": "http://www.w3.org/ns/adms#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#", "skos": "http://www.w3.org/2004/02/skos/core#",
    "healthdcatap": "http://healthdataportal.eu/ns/health#",
}  # fmt: skip


def write(content: Content) -> None:
    """Write the record."""
    write_json(content.folder / NAME, {"@context": CONTEXT, "@graph": record(content)}, False)


def record(content: Content) -> list[dict[str, Any]]:
    """Return the data set, its distributions, and who publishes it."""
    settings = content.settings
    url = str(settings["url"])
    files = [file for file in released_files(content.folder) if file.path.startswith("data/")]
    parts = [f"{url.rstrip('/')}/{file.path}" for file in files]
    dataset: dict[str, Any] = {
        "@id": f"{url}#dataset",
        "@type": "dcat:Dataset",
        "dct:title": english(title(content)),
        "dct:description": english(description(content)),
        "dct:identifier": f"{content.name}-{settings['version']}",
        "dcat:version": settings["version"],
        "dct:issued": {"@type": "xsd:date", "@value": settings["date"]},
        "dcat:keyword": [english(word) for word in KEYWORDS],
        "dcat:theme": {"@id": THEME},
        "dct:accessRights": {"@id": PUBLIC},
        "dct:publisher": {"@id": f"{url}#publisher"},
        "dct:creator": {"@id": f"{url}#publisher"},
        "dcat:contactPoint": {"@id": f"{url}#contact"},
        "dcat:landingPage": {"@id": url},
        "dct:provenance": {
            "@type": "dct:ProvenanceStatement",
            "rdfs:label": english(f"{provenance(content)} {claim(content)}"),
        },
        "dcat:distribution": [{"@id": part} for part in parts],
        "healthdcatap:numberOfRecords": {
            "@type": "xsd:nonNegativeInteger",
            "@value": str(len(content.table)),
        },
        "healthdcatap:populationCoverage": english(f"Synthetic. {' '.join(limits(content))}"),
    }
    distributions = [
        _distribution(content, part, file) for part, file in zip(parts, files, strict=True)
    ]
    return [dataset, *distributions, *_people(content), *_classes(url)]


def _distribution(content: Content, address: str, file: File) -> dict[str, Any]:
    """Return one Parquet file as a distribution."""
    return {
        "@id": address,
        "@type": "dcat:Distribution",
        "dct:title": english(file.path),
        "dct:description": english(
            "Parquet: one row per picture, the picture as PNG, and its labels."
        ),
        "dcat:accessURL": {"@id": str(content.settings["url"])},
        "dcat:downloadURL": {"@id": address},
        "dcat:byteSize": {"@type": "xsd:nonNegativeInteger", "@value": str(file.size)},
        "dcat:mediaType": {"@id": MEDIA_TYPE},
        "dct:format": {"@id": FORMAT},
        "dct:license": _licence(content),
        "spdx:checksum": {
            "@type": "spdx:Checksum",
            "spdx:algorithm": {"@id": ALGORITHM},
            "spdx:checksumValue": {"@type": "xsd:hexBinary", "@value": file.sha256},
        },
    }


def _classes(url: str) -> list[dict[str, Any]]:
    """Return what the terms are that the record refers to: who reads it offline cannot look them up."""
    return [
        {"@id": url, "@type": "foaf:Document"},
        {"@id": THEME, "@type": "skos:Concept", "skos:prefLabel": english("Health")},
        {"@id": PUBLIC, "@type": "dct:RightsStatement"},
        {"@id": MEDIA_TYPE, "@type": "dct:MediaType"},
        {"@id": FORMAT, "@type": "dct:MediaTypeOrExtent"},
        {"@id": ALGORITHM, "@type": "spdx:ChecksumAlgorithm"},
    ]


def english(text: str) -> dict[str, str]:
    """Return a text with its language."""
    return {"@language": "en", "@value": text}


def _licence(content: Content) -> dict[str, Any]:
    """Return the licence by its address, or as a document that is named only."""
    address = licence(content)
    if address.startswith("http"):
        return {"@id": address, "@type": "dct:LicenseDocument"}
    return {"@type": "dct:LicenseDocument", "rdfs:label": english(address)}


def _people(content: Content) -> list[dict[str, Any]]:
    """Return the publisher, and where to ask."""
    settings, url = content.settings, content.settings["url"]
    contact = str(settings["contact"])
    address = (
        {"vcard:hasEmail": {"@id": f"mailto:{contact}"}}
        if "@" in contact
        else {"vcard:hasURL": {"@id": contact}}
    )
    return [
        {
            "@id": f"{url}#publisher",
            "@type": "foaf:Agent",
            "foaf:name": english(settings["publisher"]),
        },
        {
            "@id": f"{url}#contact",
            "@type": ["vcard:Kind", "vcard:Organization"],
            "vcard:fn": settings["publisher"],
            **address,
        },
    ]
