"""Hold a dossier's PDF against its page and against PDF/A-2a, with none of the code that wrote either."""

import re
from html.parser import HTMLParser

import pypdf
import yaml
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject, StreamObject

from dossier_check import TEXTS

FONT_FILES = {"/FontFile", "/FontFile2", "/FontFile3"}
ACTIVE = {"/JavaScript", "/JS", "/AA", "/OpenAction", "/Launch", "/EmbeddedFile", "/AcroForm"}


class Shown(HTMLParser):
    """What a reader of a page sees, in order: texts with the numbers of headings and lists; heads of tables."""

    def __init__(self, text):
        super().__init__()
        self.language, self.title, self.texts, self.heads = "", "", [], []
        self.hidden, self.lists, self.sections, self.seen = False, [], 0, text
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.language = attributes.get("lang", self.language)
        self.hidden = tag in ("title", "style")
        if tag in ("ul", "ol"):
            self.lists.append([tag, attributes.get("class"), 0])
        if tag == "li":
            self.lists[-1][2] += 1
            kind, boxes, number = self.lists[-1]
            self.texts.append("" if boxes else "\u2022" if kind == "ul" else f"{number}.")
        if tag == "h2":
            self.sections += 1
            self.texts.append(f"{self.sections}.")
        if tag == "thead":
            self.heads.append("")

    def handle_data(self, data):
        if self.hidden:
            self.title += data if self.lasttag == "title" else ""
            return
        self.texts.append(data)
        if self.lasttag == "th":
            self.heads[-1] += data

    def handle_endtag(self, tag):
        self.hidden = False
        if tag in ("ul", "ol"):
            self.lists.pop()


def squeezed(text):
    """Return a text without white space and without hyphens between letters, which line breaks add and take away."""
    joined = re.sub("[\u2010\u00ad]", "-", re.sub(r"[\s\u200b]", "", text))
    return re.sub(r"(?<=[^\W\d_])-(?=[^\W\d_])", "", joined)


def sheets_of(path):
    """Return the text of every sheet of a PDF."""
    return [sheet.extract_text() for sheet in pypdf.PdfReader(path).pages]


def differences(sheets, text):
    """Return where the sheets of a PDF say another thing than the page, or what its foot lacks."""
    page = Shown(text)
    foot = yaml.safe_load((TEXTS / f"{page.language}.yaml").read_text())["sheet"]
    wanted, read, found = squeezed("".join(page.texts)), "", []
    for number, sheet in enumerate(map(squeezed, sheets), 1):
        end = f"{page.title}{foot['internal']}{foot['page']}{number}{foot['of']}{len(sheets)}"
        if not sheet.endswith(squeezed(end)):
            found.append(f"sheet {number}: another foot")
        sheet = sheet.removesuffix(squeezed(end))
        for head in map(squeezed, page.heads):  # a table that goes on repeats its head
            if sheet.startswith(head) and not wanted.startswith(head, len(read)):
                sheet = sheet.removeprefix(head)
        read += sheet
    if read != wanted:
        at = next(
            (at for at, pair in enumerate(zip(read, wanted, strict=False)) if len({*pair}) > 1),
            min(len(read), len(wanted)),
        )
        found.append(f"{wanted[at - 20 : at + 20]!r} on the page, {read[at - 20 : at + 20]!r}")
    return found


def flaws(path):
    """Return what keeps a file from being an archivable one that says nothing of who made it.

    This reads a part of ISO 19005-2: identification, colour, fonts, tags, encryption, actions. veraPDF reads all of it.
    """
    file = pypdf.PdfReader(path)
    root, found = file.trailer["/Root"], []
    metadata = root["/Metadata"].get_data().decode()
    wanted = {
        "part": ("<pdfaid:part>2<", metadata), "level": ("<pdfaid:conformance>A<", metadata),
        "accessible": ("<pdfuaid:part>1<", metadata), "marked": ("'/Marked': True", str(root.get("/MarkInfo"))),
        "title shown": ("'/DisplayDocTitle': True", str(root.get("/ViewerPreferences"))),
        "colours": ("GTS_PDFA1", str([each["/S"] for each in root.get("/OutputIntents", [])])),
        "tags": ("/StructTreeRoot", str(list(root))), "language": (root["/Lang"], "de en"),
    }  # fmt: skip
    found += [name for name, (part, whole) in wanted.items() if part not in whole]
    if file.metadata.title != file.xmp_metadata.dc_title["x-default"] or file.metadata.author:
        found.append("title or author")
    if len(file.trailer.get("/ID", [])) != 2 or file.is_encrypted:
        found.append("identifiers or encryption")
    for each in objects_of(root, set()):
        found += [f"active: {key}" for key in ACTIVE & set(each)]
        if each.get("/Type") == "/FontDescriptor" and not FONT_FILES & set(each):
            found.append(f"font not embedded: {each['/FontName']}")
        if (
            each.get("/Type") == "/Font"
            and each["/Subtype"] == "/Type0"
            and "/ToUnicode" not in each
        ):
            found.append("font without characters")
        if each.get("/Subtype") in ("/Type1", "/TrueType"):
            found.append("font of the reader's machine")
    return found


def objects_of(node, seen):
    """Every dictionary that a file's root leads to."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, IndirectObject):
            if node.idnum in seen:
                continue
            seen.add(node.idnum)
            node = node.get_object()
        if isinstance(node, ArrayObject):
            waiting += list(node)
        elif isinstance(node, DictionaryObject | StreamObject):
            yield node
            waiting += [node.raw_get(key) for key in node]
