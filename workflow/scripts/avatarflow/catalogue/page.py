"""The lists of docs/sources.md, written from the entries: by `make docs`."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from avatarflow.config.loading import SCHEMAS
from avatarflow.core.paths import write_text

from .checks import AREAS, FACTS, NOT_VERIFIED
from .entries import Source, read_catalogue

FILE = SCHEMAS.parents[1] / "docs" / "sources.md"
BEGIN, END = "<!-- sources: begin (written by `make docs`) -->", "<!-- sources: end -->"
OVERVIEW = "| source | modality | patients | side | sex | licence | derivatives | access |"
WORDS = {
    "indication": "Indication",
    "size_gb": "Size in GB",
    "identity": "Identifiers tell apart",
    "laterality": "Side",
    "sex": "Sex",
    "licence": "Licence",
    "conditions": "Conditions",
    "derivatives": "Release of derivatives",
    "access": "Access",
    "anonymity": "Anonymity as published",
    "format": "Format",
    "metadata_standard": "Labels",
}


def updated(page: str, sources: Sequence[Source]) -> str:
    """Return the page with the part between its two markers written anew."""
    before, _, rest = page.partition(BEGIN)
    lists = "\n".join(_lines(sources))
    return f"{before}{BEGIN}\n\n{lists}\n\n{END}{rest.partition(END)[2]}"


def _lines(sources: Sequence[Source]) -> Iterator[str]:
    """Yield the counts, then per area its overview and its entries."""
    yield from _counts(sources)
    for area, heading in AREAS.items():
        members = [source for source in sources if source.area == area]
        if not members:
            continue
        yield from ("", f"## {heading}", "", OVERVIEW, "|" + " --- |" * 8)
        yield from map(_overview, members)
        for source in members:
            yield from _details(source)


def _counts(sources: Sequence[Source]) -> Iterator[str]:
    yield "| area | entries | values | of these not verified |"
    yield "| --- | --- | --- | --- |"
    for area, heading in [*AREAS.items(), ("", "All")]:
        members = [source for source in sources if area in ("", source.area)]
        n_open = sum(len(source.entry["unverified"]) for source in members)
        yield f"| {heading} | {len(members)} | {len(members) * len(FACTS)} | {n_open} |"


def _overview(source: Source) -> str:
    """Return the row of a source; `?` marks a value that is not verified."""
    keys = ("modality", "patients", "laterality", "sex", "licence", "derivatives", "access")
    cells = [_short(source, key) for key in keys]
    anchor = source.entry["name"].lower().replace(" ", "-")
    anchor = "".join(letter for letter in anchor if letter.isalnum() or letter in "-_")
    return f"| [{source.entry['name']}](#{anchor}) | " + " | ".join(cells) + " |"


def _short(source: Source, key: str) -> str:
    text = _value(source, key)
    if source.is_verified(key):
        return text
    return "?" if source.entry[key] is None else f"{text} ?"


def _details(source: Source) -> Iterator[str]:
    entry = source.entry
    yield from ("", f"### {entry['name']}", "")
    address = f"<{entry['address']}>{_mark(source, 'address')}"
    yield f"`{source.identifier}`, {address}, looked at on {entry['looked_at']}."
    yield ""
    patients = f"{_value(source, 'patients')}{_mark(source, 'patients')}"
    items = f"{_value(source, 'items')} {entry['items_of']}{_mark(source, 'items')}"
    kinds = f"{_value(source, 'modality')}{_mark(source, 'modality')}"
    yield f"- Data: {kinds}; patients: {patients}; {items}"
    for key, word in WORDS.items():
        yield f"- {word}: {_value(source, key)}{_mark(source, key)}"
    for use_case, grade in entry["fitness"].items():
        yield f"- `{use_case}`: **{grade['grade']}**: {grade['why']}"
    pages = ", ".join(f"<{address}>" for address in entry["verified_by"])
    yield f"- Read: {pages or 'nothing'}"


def _value(source: Source, key: str) -> str:
    value = source.entry[key]
    if value is None:
        return NOT_VERIFIED
    if isinstance(value, list):
        return ", ".join(value)
    text = f"{value:,}" if isinstance(value, int | float) else str(value)
    return text.replace("_", " ").replace("|", "\\|") if key != "licence" else text


def _mark(source: Source, key: str) -> str:
    """Return the mark behind a value that is given but not verified."""
    is_open = not source.is_verified(key) and source.entry[key] is not None
    return f" ({NOT_VERIFIED})" if is_open else ""


def write_page(file: Path = FILE) -> None:
    """Write the lists of the page anew."""
    text = updated(file.read_text(encoding="utf-8"), read_catalogue())
    write_text(file, text)


if __name__ == "__main__":
    write_page()
