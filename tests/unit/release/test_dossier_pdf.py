"""The dossier as PDF: what the page says and nothing else, archivable, the same again, and no text read as markup."""

import re

import pypdf
import pytest
import typst
from dossier_files import FIGURES, FOUND, pages_of, read_pages_of

from avatarflow.core.errors import AvatarflowError
from avatarflow.core.statistics import Estimate
from avatarflow.release.dossier import pdf as typesetting
from avatarflow.release.dossier.document import Declared, Name, Section, Sheet, Table, text
from avatarflow.release.dossier.pdf import DRAWN, Sheets, drawable, pdf, widths
from avatarflow.release.dossier.texts import LANGUAGES, shown
from pdf_check import differences, flaws, sheets_of, squeezed

MARKUP = (
    '#panic("out")', "*bold* _thin_ `raw` $x^2$", '"]); #read("/etc/passwd")', "<label> @reference #{1 + 1}",
    "// a comment /* another */", "= no heading", "- no item", "\\u{41} \\ #emoji.face", '{"json": [1, null]}',
    "~--- ...",
)  # fmt: skip
REFUSED = {**FIGURES, "missed_patients.test": Estimate(0.1, 0.05, 0.3, 60)}


def pdf_of(folder, language):
    return folder / "dossier" / f"{language}.pdf"


def some_pdf(name, language="en", blocks=()):
    return pdf(text("title.reads", name=Name(name)), [Section("section.sign", blocks)], language)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("wing", "changes"),
    [
        (pages_of, {}), (pages_of, {"figures": REFUSED, "rows": []}),
        (read_pages_of, {"consent": "Broad consent,\nversion 1.6d"}),
        (read_pages_of, {"found": {**FOUND, "bits": {"value": None, "low": None, "high": None, "n": 0}}}),
    ],
    ids=["pictures", "pictures refused", "reads", "reads refused"],
)  # fmt: skip
def test_a_pdf_says_what_the_page_says_and_can_be_archived(tmp_path, wing, changes, language):
    page = wing(tmp_path, pdfs=[language], **changes)[language]
    path = pdf_of(tmp_path, language)
    sheets = sheets_of(path)
    assert differences(sheets, page) == []
    assert flaws(path) == []
    assert str(tmp_path).encode() not in path.read_bytes()


def test_every_planted_wrong_number_and_word_is_seen(tmp_path):
    page = read_pages_of(tmp_path, pdfs=["de"])["de"]
    sheets = sheets_of(pdf_of(tmp_path, "de"))
    number = re.compile(r'(<data [^>]*data-source="[^"]*">)([^<]*\d[^<]*)(</data>)')
    places = list(number.finditer(page))
    assert len(places) > 20
    for place in places[::4]:
        wrong = re.sub(r"\d", lambda digit: str((int(digit[0]) + 1) % 10), place[2], count=1)
        planted = page[: place.start(2)] + wrong + page[place.end(2) :]
        assert len(differences(sheets, planted)) == 1, place[0]
    assert differences(sheets, page.replace("</main>", "<p>more</p></main>"))
    assert differences(sheets[:-1], page)
    assert differences([sheets[0] + "7", *sheets[1:]], page)


def test_a_wrong_number_in_the_pdf_is_seen(tmp_path, monkeypatch):
    def wrong(number, language):
        told = shown(number, language)
        return "21.000" if told == "20.000" else told

    monkeypatch.setattr(typesetting, "shown", wrong)
    page = read_pages_of(tmp_path, pdfs=["de"])["de"]
    (found,) = differences(sheets_of(pdf_of(tmp_path, "de")), page)
    assert "20.000" in found
    assert "21.000" in found


def test_texts_of_users_are_no_markup(tmp_path):
    settings = {"consent": "\n".join(MARKUP), "limits": [*MARKUP]}
    page = pages_of(tmp_path, settings, pdfs=["de"])["de"]
    assert differences(sheets_of(pdf_of(tmp_path, "de")), page) == []
    for words in MARKUP:
        path = tmp_path / "title.pdf"
        path.write_bytes(some_pdf(words))
        assert words in pypdf.PdfReader(path).metadata.title
        assert words in " ".join("".join(sheets_of(path)).split())
        assert flaws(path) == []


def test_a_long_name_breaks_instead_of_leaving_the_sheet(tmp_path):
    name = "column_" * 40
    table = Table(["head.question", "head.n"], [[Name(name), Name("7")]])
    path = tmp_path / "long.pdf"
    path.write_bytes(some_pdf(name, blocks=[table, Declared(name)]))
    sheets = sheets_of(path)
    assert squeezed("".join(sheets)).count(name) >= 4
    assert max(len(line) for sheet in sheets for line in sheet.splitlines()) < len(name)
    assert flaws(path) == []


@pytest.mark.parametrize(
    ("given", "drawn"),
    [
        ("Größe ﬁ", "Größe [U+FB01]"), ("a\u0308", "ä"), ("a\n\t b", "a b"), ("\u202e\x00", "[U+202E][U+0000]"),
        ("\U0001f600\u58f0", "[U+1F600][U+58F0]"), ("\ue000\ufffe\u00ad", "[U+E000][U+FFFE][U+00AD]"),
        ("1 %, § 6", "1\u00a0%, §\u00a06"),
    ],
)  # fmt: skip
def test_a_character_that_no_font_draws_is_named_by_its_number(tmp_path, given, drawn):
    assert drawable(given) == drawn
    path = tmp_path / "one.pdf"
    path.write_bytes(some_pdf(given, blocks=[Declared(given)]))
    assert squeezed("".join(sheets_of(path))).count(squeezed(drawn)) >= 2
    assert flaws(path) == []


def test_the_fonts_draw_every_character_that_is_let_through(tmp_path):
    through = [chr(code) for code in range(0x110000) if DRAWN.match(chr(code))]
    assert len(through) > 490
    path = tmp_path / "all.pdf"
    path.write_bytes(some_pdf("all", blocks=[Declared("x".join(through))]))
    read = "".join(sheets_of(path))
    assert [each for each in through if each.strip() and each not in read] == []
    assert flaws(path) == []


def test_the_page_to_sign_has_a_sheet_of_its_own(tmp_path):
    read_pages_of(tmp_path, pdfs=["en"])
    *before, last = sheets_of(pdf_of(tmp_path, "en"))
    assert last.startswith("12. Decision")
    assert "Decision of the controller: place, date, name, signature" in last
    assert all("12. Decision" not in sheet for sheet in before)


def test_a_pdf_is_the_same_again_whatever_the_clock_and_has_title_and_language(monkeypatch):
    made = some_pdf("stool", "de")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert some_pdf("stool", "de") == made
    assert some_pdf("other", "de") != made
    assert some_pdf("stool", "en") != made
    assert b"/Lang(de)" in made


def test_a_long_cell_widens_its_column_within_limits():
    cells = [[[{"text": "x" * length}] for length in (3, 30, 500)]]
    assert widths(["a", "b" * 40, "c"], cells) == [19, 47, 67]


def test_a_file_without_the_standards_has_flaws(tmp_path):
    path = tmp_path / "bare.pdf"
    path.write_bytes(
        typst.compile(
            b'#set document(title: "x")\nWords',
            pdf_standards=["a-2b"],
            timestamp=0,
        )
    )
    assert {*flaws(path)} >= {"level", "accessible", "title shown"}


def test_what_the_typesetter_refuses_is_refused_without_a_path(monkeypatch):
    monkeypatch.setattr(typesetting, "drawable", lambda text: text)
    with pytest.raises(AvatarflowError, match=r"^dossier as PDF: .*; report this"):
        some_pdf("\u58f0")


def test_a_block_of_no_known_kind_is_a_mistake_of_the_program():
    with pytest.raises(ValueError, match="a text cannot hold a sheet"):
        Sheets("de").runs(Sheet((), (), ()))
    assert Sheets("de").block(Table(["head.what"], [[Name("a")]]))["classes"] == [""]
