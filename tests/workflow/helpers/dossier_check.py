"""Take every number on a dossier's page back to its result file, with none of the code that wrote the page."""

import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import duckdb

TEXTS = Path(__file__).resolve().parents[3] / "workflow" / "report" / "templates" / "dossier"
MARKS = {"de": (",", "."), "en": (".", ",")}


class Page(HTMLParser):
    """A page's numbers, names, checksums, fixed words, and what text is left when these are taken out."""

    def __init__(self, text):
        super().__init__()
        self.language, self.open, self.rest = "", [], []
        self.numbers, self.names, self.digests, self.fixed = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.language = attributes.get("lang", self.language)
        if tag in ("data", "cite", "code", "style", "title", "blockquote"):
            self.open.append([tag, attributes, ""])

    def handle_data(self, data):
        if self.open:
            self.open[-1][2] += data
        else:
            self.rest.append(data)

    def handle_endtag(self, tag):
        if not self.open or self.open[-1][0] != tag:
            return
        _, attributes, text = self.open.pop()
        if tag == "data":
            self.numbers.append((attributes["data-source"], attributes["data-form"], text))
        elif tag == "cite":
            self.fixed.append(text)
        elif tag == "code" and "data-source" in attributes:
            self.digests.append((attributes["data-source"], text))
        elif tag == "code":
            self.names.append(text)


def problems(text, folder):
    """Return what is wrong on a page: a number that its file does not say, or that has no file; a foreign checksum."""
    page, folder = Page(text), Path(folder)
    found = []
    for source, form, shown in page.numbers:
        file, _, path = source.partition("#")
        value = value_at(folder / file, path)
        if not says(shown, value, form, page.language):
            found.append(f"{source}: {value} in the file, {shown!r} on the page")
    found += [f"without a file: {part!r}" for part in page.rest if re.search(r"\d", part)]
    texts = (TEXTS / f"{page.language}.yaml").read_text()
    found += [f"not fixed: {part!r}" for part in page.fixed if f"[[{part}]]" not in texts]
    written = "".join(path.read_text() for path in folder.rglob("certificate.json"))
    words = (word.strip(",") for name in page.names for word in name.split())
    names = [word for word in words if re.search(r"\d", word)]
    found += [f"in no file: {name!r}" for name in names if name not in written]
    for file, digest in page.digests:
        if hashlib.sha256((folder / file).read_bytes()).hexdigest() != digest:
            found.append(f"{file}: another checksum")
    return found


def value_at(file, path):
    """Return the value that a path leads to; a table counts its candidates and its accepted ones by stage."""
    if file.suffix == ".parquet":
        stage, what = path.strip("/").split("/")
        condition = "AND accepted" if what == "accepted" else ""
        query = f"SELECT count(*) FROM read_parquet(?) WHERE stage = ? {condition}"
        # a connection of its own: an unfinished result would block the shared one
        with duckdb.connect() as engine:
            return engine.execute(query, [str(file), stage]).fetchone()[0]
    found = json.loads(file.read_text())
    for part in path.strip("/").split("/"):
        if part == "#":
            return len(found)
        if part[0] == "?":
            wanted = dict(pair.split("=") for pair in part[1:].split(","))
            found = [one for one in found if {key: str(one[key]) for key in wanted} == wanted]
        else:
            found = found[int(part)] if isinstance(found, list) else (found or {}).get(part)
    return found


def says(shown, value, form, language):
    """Whether a text is a number's, to half a unit of its last digit."""
    if value is None:
        return not re.search(r"\d", shown)
    decimal, thousands = MARKS[language]
    text = shown.replace(thousands, "").replace(decimal, ".")
    if (form == "percent") != text.endswith("\u00a0%"):
        return False
    text = text.removesuffix("\u00a0%")
    if not re.fullmatch(r"-?\d+(\.\d+)?", text):
        return False
    last = 10.0 ** -len(text.partition(".")[2])
    exact = value * 100 if form == "percent" else value
    return abs(float(text) - exact) <= last / 2 * (1 + 1e-9)
