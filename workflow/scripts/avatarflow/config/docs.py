"""The key tables of config/README.md, written from the schemas: by `make docs`."""

import json
from collections import Counter
from collections.abc import Container, Iterator

from avatarflow.core.paths import write_text

from . import loading
from .loading import MAPS, SCHEMAS, Schema

PAGE = SCHEMAS.parents[1] / "config" / "README.md"
BEGIN, END = "<!-- keys: begin (written by `make docs`) -->", "<!-- keys: end -->"
HEAD = "| key | type | default | allowed | meaning |\n| --- | --- | --- | --- | --- |"
SHARED = """\
Several keys have the same block of keys below them. Each block stands here once. The names are those below the key that
links here: `width` in the block `fingerprint` is `fingerprint.width` in an entry. A default in the row of the key
itself applies where the entry does not have the key at all."""


def updated(page: str) -> str:
    """The page with the part between its two markers written anew."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{tables()}\n\n{END}{rest.partition(END)[2]}"


def tables() -> str:
    """One table for the whole configuration, one per map for an entry of it, and one per block that keys share."""
    document = loading._schema("config.schema.yaml")
    whole = {
        **document,
        "properties": {
            key: part for key, part in document["properties"].items() if key not in MAPS
        },
    }
    blocks = _shared_blocks(document)
    parts = ["## The whole run", "", HEAD, *_rows("", whole, document, blocks)]
    for name in MAPS:
        entries = document["properties"][name]
        parts += ["", f"## One entry of `{name}`", "", str(entries["description"]), "", HEAD]
        parts += _rows("", *loading._resolve(entries["additionalProperties"], document), blocks)
    parts += ["", "## Shared blocks", "", SHARED]
    for name, (block, home) in sorted(blocks.items()):
        parts += [
            "",
            f"### Block `{name}`",
            "",
            str(block["description"]),
            "",
            HEAD,
            *_rows("", block, home, blocks),
        ]
    return "\n".join(parts)


def _shared_blocks(document: Schema) -> dict[str, tuple[Schema, Schema]]:
    """Objects in `$defs` that more than one key refers to, each with the document it lies in, by their names."""
    references = list(_references(document, document))
    uses = Counter(ref.rpartition("/")[2] for ref, _ in references)
    resolved = {
        ref.rpartition("/")[2]: loading._resolve({"$ref": ref}, home) for ref, home in references
    }
    return {
        name: block
        for name, block in resolved.items()
        if uses[name] > 1 and "properties" in block[0]
    }


def _references(schema: Schema, document: Schema) -> Iterator[tuple[str, Schema]]:
    """Every `$ref` of a key to an entry of `$defs`, at any depth, with the document in which it stands."""
    for _, part in _keys(schema):
        if "/$defs/" in str(part.get("$ref")):
            yield str(part["$ref"]), document
        yield from _references(*loading._resolve(part, document))


def _rows(prefix: str, schema: Schema, document: Schema, blocks: Container[str]) -> Iterator[str]:
    """A row per key, the keys of an object below it; a shared block is linked to instead."""
    for name, reference in _keys(schema):
        part, home = loading._resolve(reference, document)
        needed = name in schema.get("required", [])
        key = f"{prefix}{name}"
        block = str(reference.get("$ref", "")).rpartition("/")[2]
        meaning = str(part.get("description", "")).replace("|", "\\|")
        if block in blocks:
            meaning += f" Keys: [block `{block}`](#block-{block})."
        cells = [
            f"`{key}`",
            _kind(part, home),
            "required" if needed else _default(part),
            _allowed(part, home),
        ]
        yield "| " + " | ".join([*cells, meaning]) + " |"
        if block in blocks:
            continue
        yield from _rows(f"{key}.", part, home, blocks)
        if isinstance(part.get("items"), dict):
            yield from _rows(f"{key}[].", *loading._resolve(part["items"], home), blocks)


def _keys(schema: Schema) -> Iterator[tuple[str, Schema]]:
    yield from schema.get("properties", {}).items()
    if isinstance(schema.get("additionalProperties"), dict):
        yield "<name>", schema["additionalProperties"]


def _kind(schema: Schema, document: Schema) -> str:
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " or ".join(_kind(*loading._resolve(part, document)) for part in schema[several])
    kinds = schema.get("type", [])
    words = {
        "object": "keys",
        "array": "list",
        "integer": "whole number",
        "string": "text",
        "boolean": "true or false",
    }
    text = " or ".join(
        words.get(kind, kind) for kind in ([kinds] if isinstance(kinds, str) else kinds)
    )
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
    bounds = [
        (">=", above),
        (">", over),
        ("<=", below),
        ("<", under),
        ("multiple of", schema.get("multipleOf")),
    ]
    return ", ".join(f"{sign} {bound:,}" for sign, bound in bounds if bound is not None)


if __name__ == "__main__":
    text = updated(PAGE.read_text(encoding="utf-8"))
    write_text(PAGE, text)
