"""docs/sources.md: written from the entries, with a mark at each value that is not verified."""

import re

from source_files import write

from avatarflow.catalogue.entries import read_catalogue
from avatarflow.catalogue.page import BEGIN, END, FILE, updated, write_page


def test_the_page_is_up_to_date():
    text = FILE.read_text(encoding="utf-8")
    assert updated(text, read_catalogue()) == text, "run make docs"


def test_each_link_of_an_overview_leads_to_a_heading():
    text = FILE.read_text(encoding="utf-8")
    headings = re.findall(r"^### (.*)$", text, re.MULTILINE)
    anchors = {
        re.sub(r"[^\w-]", "", heading.lower().replace(" ", "-"), flags=re.ASCII)
        for heading in headings
    }
    links = re.findall(r"\]\(#([^)]+)\)", text)
    assert len(links) == len(headings) == len(read_catalogue())
    assert set(links) == anchors


def test_marks_what_is_not_verified_and_keeps_the_rest_of_the_page(tmp_path):
    write(tmp_path, "iris/one", name="Set one", unverified=["size_gb", "anonymity", "patients"])
    page = updated(f"before\n{BEGIN}\nold\n{END}\nafter\n", read_catalogue(tmp_path))
    assert page.startswith(f"before\n{BEGIN}\n\n| area |")
    assert page.endswith(f"\n\n{END}\nafter\n")
    assert "old" not in page
    assert "| Iris | 1 | 16 | 3 |" in page
    assert "| Human genomes | 0 | 0 | 0 |" in page
    assert "| All | 1 | 16 | 3 |" in page
    assert "## Human genomes" not in page
    row = (
        "| [Set one](#set-one) | iris | 20 ? | recorded | recorded | CC-BY-4.0 | permitted | open |"
    )
    assert row in page
    assert "- Data: iris; patients: 20 (not verified); 40 pictures\n" in page
    assert "- Anonymity as published: not verified\n" in page
    assert "- Sex: recorded\n" in page
    assert "- `iris_avatars`: **good**: enough\n" in page
    assert "- Read: <https://one.example/readme>\n" in page


def test_writing_the_page_again_changes_nothing(tmp_path):
    copy = tmp_path / "sources.md"
    copy.write_text(FILE.read_text(encoding="utf-8"), encoding="utf-8")
    write_page(copy)
    assert copy.read_text(encoding="utf-8") == FILE.read_text(encoding="utf-8")
