"""Croissant 1.1 metadata with its responsible-AI part: `croissant.json`, which data set loaders read.

References
----------
https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html and croissant-rai-spec.html.
"""

from typing import Any

from avatarflow.core.paths import write_json

from .facts import Column, Facts, licence, released_files
from .interface import Content

NAME = "croissant.json"
CONFORMS_TO = "http://mlcommons.org/croissant/1.1"
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
    settings, facts = content.settings, content.facts
    files = released_files(content.folder, facts.data.start)
    publisher = {"@type": "sc:Organization", "name": settings["publisher"]}
    records = [_records(facts, file.path, len(files) > 1) for file in files if facts.columns]
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "name": facts.title,
        "description": facts.description,
        "conformsTo": [CONFORMS_TO, RAI],
        "license": licence(settings),
        "url": settings["url"],
        "version": settings["version"],
        "datePublished": settings["date"],
        "creator": publisher,
        "publisher": publisher,
        "keywords": list(facts.keywords),
        "isLiveDataset": False,
        "citeAs": f"{settings['publisher']} ({settings['date'][:4]}): {facts.title}. {settings['url']}",
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": file.path,
                "name": file.path,
                "description": facts.data.description,
                "contentUrl": file.path,
                "contentSize": f"{file.size} B",
                "encodingFormat": facts.data.croissant,
                "sha256": file.sha256,
            }
            for file in files
        ],
        **({"recordSet": records} if records else {}),
        **facts.responsible,
    }


def _records(facts: Facts, path: str, many: bool) -> dict[str, Any]:
    """Return the record set of one table."""
    stem = path.removeprefix(facts.data.start).partition(".")[0]
    name = f"pictures_{stem}" if many else "pictures"
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": "One record per synthetic picture.",
        "field": [_field(name, path, column) for column in facts.columns],
    }


def _field(records: str, path: str, column: Column) -> dict[str, Any]:
    source: dict[str, Any] = {"fileObject": {"@id": path}, "extract": {"column": column.name}}
    if column.croissant == "sc:ImageObject":
        source["transform"] = {"jsonPath": "bytes"}
    return {
        "@type": "cr:Field",
        "@id": f"{records}/{column.name}",
        "name": f"{records}/{column.name}",
        "description": column.meaning,
        "dataType": column.croissant,
        "source": source,
    }
