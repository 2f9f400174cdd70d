"""Croissant 1.1 metadata with its responsible-AI part: `croissant.json`, which data set loaders read.

References
----------
https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html and croissant-rai-spec.html.
"""

from typing import Any

from avatarflow.core.paths import write_json

from .facts import KEYWORDS, claim, description, licence, limits, provenance, released_files, title
from .interface import Content

NAME = "croissant.json"
CONFORMS_TO = "http://mlcommons.org/croissant/1.1"
PARQUET = "application/x-parquet"  # the name that readers of Croissant know, not IANA's
RAI = "http://mlcommons.org/croissant/RAI/1.0"
CONTEXT: dict[str, Any] = {
    "@language": "en", "@vocab": "https://schema.org/", "citeAs": "cr:citeAs", "column": "cr:column",
    "conformsTo": "dct:conformsTo", "cr": "http://mlcommons.org/croissant/", "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"}, "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/", "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"}, "extract": "cr:extract", "field": "cr:field",
    "fileProperty": "cr:fileProperty", "fileObject": "cr:fileObject", "fileSet": "cr:fileSet", "format": "cr:format",
    "includes": "cr:includes", "isLiveDataset": "cr:isLiveDataset", "jsonPath": "cr:jsonPath", "key": "cr:key",
    "md5": "cr:md5", "parentField": "cr:parentField", "path": "cr:path", "recordSet": "cr:recordSet",
    "references": "cr:references", "regex": "cr:regex", "repeated": "cr:repeated", "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/", "separator": "cr:separator", "source": "cr:source", "subField": "cr:subField",
    "transform": "cr:transform",
}  # fmt: skip


def write(content: Content) -> None:
    """Write the metadata beside the data that they describe."""
    write_json(content.folder / NAME, metadata(content), allow_nan=False)


def metadata(content: Content) -> dict[str, Any]:
    """Return the metadata as JSON-LD."""
    settings = content.settings
    shards = [file for file in released_files(content.folder) if file.path.startswith("data/")]
    publisher = {"@type": "sc:Organization", "name": settings["publisher"]}
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "name": title(content),
        "description": description(content),
        "conformsTo": [CONFORMS_TO, RAI],
        "license": licence(content),
        "url": settings["url"],
        "version": settings["version"],
        "datePublished": settings["date"],
        "creator": publisher,
        "publisher": publisher,
        "keywords": list(KEYWORDS),
        "isLiveDataset": False,
        "citeAs": f"{settings['publisher']} ({settings['date'][:4]}): {title(content)}. {settings['url']}",
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": file.path,
                "name": file.path,
                "contentUrl": file.path,
                "contentSize": f"{file.size} B",
                "encodingFormat": PARQUET,
                "sha256": file.sha256,
            }
            for file in shards
        ],
        "recordSet": [_records(content, file.path, len(shards) > 1) for file in shards],
        **_responsible(content),
    }


def _records(content: Content, path: str, many: bool) -> dict[str, Any]:
    """Return the record set of one shard: a picture, its number, its labels."""
    name = f"pictures_{path.removeprefix('data/').removesuffix('.parquet')}" if many else "pictures"
    labels = dict.fromkeys(
        content.conditions, ("sc:Text", "Label that the generator was asked for.")
    )
    columns = {
        "picture": ("sc:Integer", "Number of the picture within the release."),
        **labels,
        "guidance": ("sc:Float", "Strength of the condition while drawing."),
    }
    fields = [_field(name, path, "image", "sc:ImageObject", "The synthetic picture, as PNG.")]
    fields[0]["source"]["transform"] = {"jsonPath": "bytes"}
    for column, (kind, meaning) in columns.items():
        if column in content.table.columns:
            fields.append(_field(name, path, column, kind, meaning))
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": "One record per synthetic picture.",
        "field": fields,
    }


def _field(records: str, path: str, column: str, kind: str, meaning: str) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{records}/{column}",
        "name": f"{records}/{column}",
        "description": meaning,
        "dataType": kind,
        "source": {"fileObject": {"@id": path}, "extract": {"column": column}},
    }


def _responsible(content: Content) -> dict[str, Any]:
    """Return the responsible-AI part; what nobody declared is left out."""
    return {
        "rai:dataCollection": provenance(content),
        "rai:dataCollectionType": ["Software Collection"],
        "rai:dataPreprocessingProtocol": [
            "Originals were cut to one size without their metadata; patients were divided into groups once."
        ],
        "rai:dataUseCases": ["Method development, teaching and software tests."],
        "rai:dataLimitations": limits(content),
        "rai:dataBiases": [
            "The pictures repeat the biases of the originals (cameras, clinics, patients) and may invent or lose "
            "findings."
        ],
        "rai:personalSensitiveInformation": [claim(content)],
        "rai:dataSocialImpact": (
            "Data that cannot be shared become usable in part; what remains recognisable of a patient was attacked and "
            "measured, and is not nothing."
        ),
    }
