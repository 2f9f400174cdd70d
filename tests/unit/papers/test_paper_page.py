"""The page of a paper: all of it in HTML and in PDF, nothing read as markup, and the same again."""

import json
import re
from html import unescape

import paper_files
import pytest
from pypdf import PdfReader

from avatarflow.core.digest import file_sha256
from avatarflow.papers.page import NOT_STATED, cell_text, write_pages
from avatarflow.papers.step import by_entry, make_item
from avatarflow.runs.context import Step

MARKUP = "<b>bold</b> #strong[x] $1$ & \N{GRINNING FACE}"


class Logged(Step):
    """A step whose warnings are kept."""

    def __init__(self):
        null = Step.null()
        super().__init__(null.log, null.run)
        self.warnings = []
        self.warning = lambda text, *parts: self.warnings.append(text % parts)


@pytest.fixture(scope="module")
def made(files, tmp_path_factory):
    """A paper of two items, a third of which is left out: its folder, and what was warned of."""
    folder = tmp_path_factory.mktemp("paper")
    inputs, step = {}, Logged()
    for name, kind in (("figure_3", "ratings"), ("reads", "read_removal")):
        outputs = {
            "data": folder / f"items/{name}.json",
            "picture": folder / f"items/{name}.png",
        }
        item = {
            "name": name,
            "kind": kind,
            "entries": ["eyes"],
            "facts": [{}],
            "settings": {},
            "digest": "d" * 16,
        }
        make_item({f"{what}_0": path for what, path in files[kind].items()}, item, outputs, step)
        inputs |= {f"{name}.json": str(outputs["data"]), f"{name}.png": str(outputs["picture"])}
    paper = {
        "name": "avatar", "title": f"A paper {MARKUP}", "about": None, "digest": "c" * 16, "command": "snakemake all",
        "items": {
            "figure_3": {"title": "Figure 3", "reported": "just under 50 %", "remark": MARKUP,
                         "command": "snakemake one"},
            "reads": {"title": "Reads", "reported": None, "remark": None, "command": "snakemake two"},
        },
        "left_out": {"papilla": {"title": "Papilla", "why": "data are not there"}},
    }  # fmt: skip
    outputs = {
        "page": folder / "index.html",
        "pdf": folder / "avatar.pdf",
        "index": folder / "index.json",
    }
    write_pages(inputs, paper, outputs, step)
    first = {name: path.read_bytes() for name, path in outputs.items()}
    write_pages(inputs, paper, outputs, step)
    assert {name: path.read_bytes() for name, path in outputs.items()} == first
    return folder, step.warnings


def words(text):
    """What is left of a text without white space, which lines and cells break at."""
    return re.sub(r"[\s\u200b]+", "", text)


@pytest.fixture(scope="module")
def texts(made):
    """The words of both forms."""
    folder, _ = made
    html = unescape(
        re.sub(r"<style>.*?</style>|<[^>]+>", " ", (folder / "index.html").read_text(), flags=re.S)
    )
    pdf = "".join(page.extract_text() for page in PdfReader(folder / "avatar.pdf").pages)
    return {"html": words(html), "pdf": words(pdf)}


@pytest.mark.parametrize("form", ["html", "pdf"])
def test_each_item_stands_beside_what_the_source_reports_with_command_and_digests(
    made, texts, form
):
    folder, _ = made
    text = texts[form]
    data = folder / "items/figure_3.json"
    # nothing is made up where the source is not known
    for part in ("just under 50 %", NOT_STATED, "snakemake one", "snakemake two", "c" * 16, "d" * 16,
                 file_sha256(data), "machine readers, no people", "0.4 (0.3 to 0.5; n 10)", "not installed",
                 "Papilla: data are not there"):  # fmt: skip
        assert words(part) in text, part
    for path, digest in json.loads(data.read_text())["sources"].items():
        assert words(path) in text
        assert digest in text
    assert text.count(words(NOT_STATED)) == 1


def test_no_text_becomes_markup(made, texts):
    assert words("<b>bold</b> #strong[x] $1$ &") in texts["html"]
    assert words("<b>bold</b> #strong[x] $1$ & [U+1F600]") in texts["pdf"]
    assert "<b>" not in (made[0] / "index.html").read_text()


def test_the_pdf_is_archivable_and_describes_its_figures(made):
    reader = PdfReader(made[0] / "avatar.pdf")
    metadata = reader.trailer["/Root"]["/Metadata"].get_object().get_data().decode()
    assert "pdfaid:part>2" in metadata
    assert "pdfuaid:part>1" in metadata
    assert sum(len(page.images) for page in reader.pages) == 2


def test_the_page_needs_nothing_beside_it(made):
    page = (made[0] / "index.html").read_text()
    assert page.count('src="data:image/png;base64,') == page.count("<img") == 2
    assert not re.search(r"https?://|<script", page)
    assert all(re.findall(r"alt=\"([^\"]*)\"", page))


def test_what_is_left_out_is_warned_of_and_in_the_index(made):
    folder, warnings = made
    index = json.loads((folder / "index.json").read_text())
    assert warnings[0] == "papilla: left out; data are not there"
    assert list(index["items"]) == ["figure_3", "reads"]
    assert index["left_out"] == {"papilla": "data are not there"}
    for item in index["items"].values():
        assert file_sha256(folder / item["file"]) == item["sha256"]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, "-"), ("ok", "ok"), (1200, "1200"), (0.123456, "0.1235"),
        (paper_files.figure(0.5, None, None, 3), "0.5 (n 3)"),
        (paper_files.figure(0.5, 0.25, 0.75, 3), "0.5 (0.25 to 0.75; n 3)"),
    ],
)  # fmt: skip
def test_a_cell_as_a_reader_sees_it(cell, text):
    assert cell_text(cell) == text


def test_files_are_handed_to_their_entries():
    files = {"metrics_0": "a", "attacks_0": "b", "metrics_1": "c"}
    assert by_entry(files, 2) == [{"metrics": "a", "attacks": "b"}, {"metrics": "c"}]
