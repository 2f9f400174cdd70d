"""A DCAT-AP 3 record: `dcat-ap.jsonld`, which data portals harvest.

References
----------
https://semiceu.github.io/DCAT-AP/releases/3.0.1/ and the EU's authority tables.
"""

from typing import Any

from avatarflow.core.paths import write_json

from .facts import File, Format, licence, released_files
from .interface import Content

NAME = "dcat-ap.jsonld"
AUTHORITY = "http://publications.europa.eu/resource/authority"
THEME, PUBLIC = f"{AUTHORITY}/data-theme/HEAL", f"{AUTHORITY}/access-right/PUBLIC"
SYNTHETIC = f"{AUTHORITY}/dataset-type/SYNTHETIC_DATA"
FILE_TYPES = f"{AUTHORITY}/file-type"
MEDIA_TYPES = "https://www.iana.org/assignments/media-types"
ALGORITHM = "http://spdx.org/rdf/terms#checksumAlgorithm_sha256"
CONTEXT = {
    "dcat": "http://www.w3.org/ns/dcat#", "dct": "http://purl.org/dc/terms/", "foaf": "http://xmlns.com/foaf/0.1/",
    "vcard": "http://www.w3.org/2006/vcard/ns#", "spdx": "http://spdx.org/rdf/terms#",
    "xsd": "http://www.w3.org/2001/XMLSchema#", "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
}  # fmt: skip
Node = dict[str, Any]


def write(content: Content) -> None:
    """Write the record."""
    write_json(content.folder / NAME, {"@context": CONTEXT, "@graph": record(content)}, False)


def record(content: Content) -> list[Node]:
    """Return the data set, its distributions, who publishes it, and the terms that are referred to."""
    data = content.facts.data
    files = released_files(content.folder, data.start)
    distributions = [distribution(content, file, data.description, data.format) for file in files]
    return [_dataset(content, distributions), *distributions, *_people(content), *_terms(content)]


def _dataset(content: Content, distributions: list[Node]) -> Node:
    settings, facts = content.settings, content.facts
    url = str(settings["url"])
    dataset: Node = {
        "@id": f"{url}#dataset",
        "@type": "dcat:Dataset",
        "dct:title": english(facts.title),
        "dct:description": english(facts.description),
        "dct:identifier": f"{facts.name}-{settings['version']}",
        "dcat:version": settings["version"],
        "dct:issued": {"@type": "xsd:date", "@value": settings["date"]},
        "dcat:keyword": [english(word) for word in facts.keywords],
        "dcat:theme": {"@id": THEME},
        "dct:accessRights": {"@id": PUBLIC},
        "dct:publisher": {"@id": f"{url}#publisher"},
        "dct:creator": {"@id": f"{url}#publisher"},
        "dcat:contactPoint": {"@id": f"{url}#contact"},
        "dcat:landingPage": {"@id": url},
        "dct:provenance": {
            "@type": "dct:ProvenanceStatement",
            "rdfs:label": english(" ".join((facts.provenance, facts.claim, *facts.limits))),
        },
        "dcat:distribution": [{"@id": part["@id"]} for part in distributions],
    }
    return {**dataset, "dct:type": {"@id": SYNTHETIC}} if facts.synthetic else dataset


def distribution(content: Content, file: File, description: str, form: Format) -> Node:
    """Return a released file as a distribution: where it is, its form, how long it is, and its checksum."""
    url = str(content.settings["url"])
    address = f"{url.rstrip('/')}/{file.path}"
    compression = {"dcat:compressFormat": {"@id": f"{MEDIA_TYPES}/{form.compression}"}}
    return {
        "@id": address,
        "@type": "dcat:Distribution",
        "dct:title": english(file.path),
        "dct:description": english(description),
        "dcat:accessURL": {"@id": url},
        "dcat:downloadURL": {"@id": address},
        "dcat:byteSize": {"@type": "xsd:nonNegativeInteger", "@value": str(file.size)},
        "dcat:mediaType": {"@id": f"{MEDIA_TYPES}/{form.media_type}"},
        "dct:format": {"@id": f"{FILE_TYPES}/{form.file_type}"},
        **(compression if form.compression else {}),
        "dct:license": _licence(content),
        "spdx:checksum": {
            "@type": "spdx:Checksum",
            "spdx:algorithm": {"@id": ALGORITHM},
            "spdx:checksumValue": {"@type": "xsd:hexBinary", "@value": file.sha256},
        },
    }


def _terms(content: Content) -> list[Node]:
    """Return what the terms are that the record refers to: who reads it offline cannot look them up."""
    return [
        {"@id": str(content.settings["url"]), "@type": "foaf:Document"},
        *concept(THEME, "Health"),
        *concept(PUBLIC, "public", "dct:RightsStatement"),
        *(concept(SYNTHETIC, "Synthetic data") if content.facts.synthetic else []),
        table_of(FILE_TYPES),
        *format_terms(content.facts.data.format),
        {"@id": ALGORITHM, "@type": "spdx:ChecksumAlgorithm"},
    ]


def format_terms(form: Format) -> list[Node]:
    """Return the terms that name a format."""
    file_type, _ = concept(f"{FILE_TYPES}/{form.file_type}", form.label, "dct:MediaTypeOrExtent")
    names = [form.media_type, *([form.compression] if form.compression else [])]
    return [
        file_type,
        *({"@id": f"{MEDIA_TYPES}/{name}", "@type": "dct:MediaType"} for name in names),
    ]


def concept(address: str, label: str, *types: str) -> list[Node]:
    """Return a term of an authority table, and the table."""
    table = address.rpartition("/")[0]
    return [
        {
            "@id": address,
            "@type": ["skos:Concept", *types],
            "skos:prefLabel": english(label),
            "skos:inScheme": {"@id": table},
        },
        table_of(table),
    ]


def table_of(address: str) -> Node:
    """Return an authority table."""
    title = english(address.rpartition("/")[2])
    return {"@id": address, "@type": "skos:ConceptScheme", "dct:title": title}


def english(text: str) -> dict[str, str]:
    """Return a text with its language."""
    return {"@language": "en", "@value": text}


def _licence(content: Content) -> Node:
    """Return the licence by its address, or as a document that is named only."""
    address = licence(content.settings)
    if address.startswith("http"):
        return {"@id": address, "@type": "dct:LicenseDocument"}
    return {"@type": "dct:LicenseDocument", "rdfs:label": english(address)}


def _people(content: Content) -> list[Node]:
    """Return the publisher, and where to ask."""
    settings, url = content.settings, content.settings["url"]
    contact = str(settings["contact"])
    address = (
        {"vcard:hasEmail": {"@id": f"mailto:{contact}"}}
        if "@" in contact and not contact.startswith("http")
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
