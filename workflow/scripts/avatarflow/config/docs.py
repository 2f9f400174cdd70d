"""The key tables of config/README.md, written from the schemas: by `make docs`."""

import json
from collections.abc import Iterator

from avatarflow.core.paths import replacing

from . import loading
from .loading import MAPS, SCHEMAS, Schema

PAGE = SCHEMAS.parents[1] / "config" / "README.md"
BEGIN, END = "<!-- keys: begin (written by `make docs`) -->", "<!-- keys: end -->"
HEAD = "| key | type | default | allowed | meaning |\n| --- | --- | --- | --- | --- |"


def updated(page: str) -> str:
    """The page with the part between its two markers written anew."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{tables()}\n\n{END}{rest.partition(END)[2]}"


def tables() -> str:
    """One table for the whole configuration and one per map, for one entry of it."""
    document = loading._schema("config.schema.yaml")
    whole = {**document, "properties": {key: part for key, part in document["properties"].items() if key not in MAPS}}
    parts = ["## The whole run", "", HEAD, *_rows("", whole, document)]
    for name in MAPS:
        entries = document["properties"][name]
        parts += ["", f"## One entry of `{name}`", "", str(entries["description"]), "", HEAD]
        parts += _rows("", *loading._resolve(entries["additionalProperties"], document))
    return "\n".join(parts)


def _rows(prefix: str, schema: Schema, document: Schema) -> Iterator[str]:
    """A row per key, the keys of an object below it."""
    for name, part in _keys(schema):
        part, home = loading._resolve(part, document)
        needed = name in schema.get("required", [])
        key = f"{prefix}{name}"
        cells = [f"`{key}`", _kind(part, home), "required" if needed else _default(part), _allowed(part, home)]
        yield "| " + " | ".join([*cells, str(part.get("description", "")).replace("|", "\\|")]) + " |"
        yield from _rows(f"{key}.", part, home)
        if isinstance(part.get("items"), dict):
            yield from _rows(f"{key}[].", *loading._resolve(part["items"], home))


def _keys(schema: Schema) -> Iterator[tuple[str, Schema]]:
    yield from schema.get("properties", {}).items()
    if isinstance(schema.get("additionalProperties"), dict):
        yield "<name>", schema["additionalProperties"]


def _kind(schema: Schema, document: Schema) -> str:
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " or ".join(_kind(*loading._resolve(part, document)) for part in schema[several])
    kinds = schema.get("type", [])
    words = {"object": "keys", "array": "list", "integer": "whole number", "string": "text", "boolean": "true or false"}
    text = " or ".join(words.get(kind, kind) for kind in ([kinds] if isinstance(kinds, str) else kinds))
    if isinstance(schema.get("items"), dict):
        items, _ = loading._resolve(schema["items"], document)
        text = text.replace("list", f"list of {_kind(items, document)}")
    return text


def _default(schema: Schema) -> str:
    default = schema.get("default")
    return f"`{json.dumps(default)}`" if "default" in schema and default != {} else ""


def _allowed(schema: Schema, document: Schema) -> str:
    items, _ = loading._resolve(schema.get("items", {}), document)
    values = schema.get("enum") or items.get("enum")
    if values:
        return ", ".join(f"`{value}`" for value in values if value is not None)
    above, over = schema.get("minimum"), schema.get("exclusiveMinimum")
    below, under = schema.get("maximum"), schema.get("exclusiveMaximum")
    bounds = [(">=", above), (">", over), ("<=", below), ("<", under), ("multiple of", schema.get("multipleOf"))]
    return ", ".join(f"{sign} {bound:,}" for sign, bound in bounds if bound is not None)


if __name__ == "__main__":
    text = updated(PAGE.read_text(encoding="utf-8"))
    with replacing(PAGE) as path:
        path.write_text(text, encoding="utf-8")
