"""Readers at the application over HTTP: what is asked, kept and refused, and that nothing but pixels tells anything."""

import re
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from urllib.parse import urlparse

import pandas as pd
import pytest
import yaml

from avatarflow.reader_study.app import written
from avatarflow.reader_study.browser import Browser
from avatarflow.reader_study.fields import parse
from avatarflow.release.templates import FOLDER

TELLING = re.compile(r"synthe|k[üu]nstlich|artificial|generat|erzeugt|\breal\b|\becht|fake", re.I)  # fmt: skip


def begin(site):
    browser = Browser(site.address)
    assert browser.post("/begin", consent="yes").status == 200
    return browser


def code_of(browser):
    return next(cookie.value for cookie in browser.cookies if cookie.name == "reader")


def first_choices(page):
    return {name: values[0] for name, values in page.choices.items()}


def answer(browser, page):
    return browser.post("/answer", **page.hidden, **first_choices(page))


def walk(browser, most=10_000):
    """Answer with the first choice of everything; yields each page before."""
    page = browser.get("/study")
    while "question" in page.hidden and most:
        yield page
        page, most = answer(browser, page), most - 1


def raw(site, path, cookie="", host=None):
    """A request whose path nobody tidies up."""
    connection = HTTPConnection(urlparse(site.address).netloc, timeout=20)
    connection.putrequest("GET", path, skip_host=host is not None)
    if host is not None:
        connection.putheader("Host", host)
    if cookie:
        connection.putheader("Cookie", f"reader={cookie}")
    connection.endheaders()
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, [*response.getheaders()], body


def test_a_reader_sees_every_question_once_in_the_order_of_the_parts(site):
    browser = begin(site)
    seen = [page.hidden["question"] for page in walk(browser)]
    parts = [question.partition("/")[0] for question in seen]
    assert sorted(seen) == sorted(
        [*(f"{part}/{name}" for part, name in zip(site.key["part"], site.key["question"], strict=True)),
         "clinical/introduction", "origin/introduction", "similarity/introduction"]
    )  # fmt: skip
    assert parts == sorted(parts)
    assert len(site.store.export()) == len(site.key)
    assert "Vielen Dank" in browser.get("/study").text


def test_two_readers_have_orders_of_their_own(site):
    orders = [[page.hidden["question"] for page in walk(begin(site))] for _ in range(2)]
    assert sorted(orders[0]) == sorted(orders[1])
    assert orders[0] != orders[1]


def test_nothing_is_said_of_synthetic_pictures_before_the_second_part(site):
    for language in ("de", "en"):
        browser = Browser(site.address)
        pages = [browser.get("/"), browser.post("/language", language=language)]
        pages += [browser.post("/begin", consent="yes"), browser.get("/leave"), browser.get("/style.css")]  # fmt: skip
        for page in walk(browser):
            if page.hidden["question"].startswith("origin/"):
                assert TELLING.search(page.text)
                break
            pages.append(page)
            pages.append(browser.post("/answer", **page.hidden))  # nothing chosen
            if page.pictures:
                assert pages[-1].status == 422
            else:
                break_of_part = browser.get("/study")
                assert break_of_part.pictures
        for page in pages:
            assert not TELLING.search(page.text), page.address


def test_served_bytes_tell_nothing_but_pixels(site):
    browser = begin(site)
    code, shapes, pages = code_of(browser), {}, {}
    origin = site.key.set_index("picture")["origin"]
    for page in walk(browser):
        blanked = page.text
        for picture in page.pictures:
            status, headers, body = raw(site, picture, code)
            assert status == 200
            shapes.setdefault((tuple(headers), len(body)), set()).add(
                origin.get(picture.rpartition("/")[2])
            )
            blanked = blanked.replace(picture, "PICTURE")
        if page.pictures:
            blanked = blanked.replace(page.hidden["question"], "QUESTION")
            part = page.hidden["question"].partition("/")[0]
            pages.setdefault(part, set()).add(re.sub(r"\d+", "N", blanked))
    assert len(shapes) == 1
    names = {name.lower() for name, _ in next(iter(shapes))[0]}
    assert not names & {"etag", "last-modified", "date", "server"}
    # all pages of a part are one page
    assert {part: len(texts) for part, texts in pages.items()} == {
        "clinical": 1,
        "origin": 1,
        "similarity": 1,
    }


def test_only_the_pictures_of_the_present_question_are_served(site):
    browser = begin(site)
    pages = list(walk(browser, most=3))
    for page in pages[1:]:
        assert browser.get(page.pictures[0]).status == 404
    now = browser.get("/study")
    assert browser.get(now.pictures[0]).status == 200
    assert Browser(site.address).get(now.pictures[0]).status == 404
    assert begin(site).get(now.pictures[0]).status == 404


@pytest.mark.parametrize(
    "path",
    [
        "/picture/../key.parquet", "/picture/..%2fkey.parquet", "/picture/%2e%2e%2fkey.parquet", "/../key.parquet",
        "/picture/....//key.parquet", "/picture//etc/passwd", "/picture/study.json", "/key.parquet", "/picture/%00",
        "/docs", "/openapi.json", "/static/../../key.parquet",
    ],
)  # fmt: skip
def test_no_other_file_is_served(site, path):
    browser = begin(site)
    next(walk(browser))
    answer(browser, browser.get("/study"))
    status, _, body = raw(site, path, code_of(browser))
    assert status == 404
    assert b"PAR1" not in body
    assert b"root:" not in body
    assert b'"digest"' not in body


def test_pages_under_another_name_are_refused(site):
    assert raw(site, "/", host="evil.example")[0] == 400


def test_a_second_answer_is_refused_and_the_first_stays(site):
    browser = begin(site)
    answer(browser, browser.get("/study"))
    page = browser.get("/study")
    answer(browser, page)
    other = {name: values[-1] for name, values in page.choices.items()}
    again = browser.post("/answer", **page.hidden, **other)
    assert again.status == 409
    kept = site.store.export()
    assert len(kept) == 1
    assert kept["confidence"].tolist() == ["1"]


def test_of_many_equal_answers_at_once_one_is_kept(site):
    browser = begin(site)
    answer(browser, browser.get("/study"))
    page, code = browser.get("/study"), code_of(browser)

    def send(_):
        window = Browser(site.address)
        assert window.post("/resume", code=code).status == 200
        return answer(window, page).status

    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(send, range(6)))
    assert sorted(statuses) == [200, 409, 409, 409, 409, 409]
    assert len(site.store.export()) == 1


def test_the_store_itself_keeps_one_answer(site):
    reader = site.store.new_reader()
    question = site.study.order(reader.order_seed)[1]
    assert not site.store.add(reader, question, 1, {"confidence": "1"}, 5.0)  # never shown
    site.store.note_shown(reader, question, 1.0)
    site.store.note_shown(reader, question, 3.0)
    assert site.store.add(reader, question, 1, {"confidence": "1"}, 5.5)
    assert not site.store.add(reader, question, 1, {"confidence": "2"}, 6.0)
    row = site.store.export().iloc[0]
    assert (row["seconds"], row["times_shown"], row["confidence"]) == (2.5, 2, "1")


def test_questions_cannot_be_answered_out_of_turn(site):
    browser = begin(site)
    pages = list(walk(begin(site)))
    late = pages[-1]
    assert answer(browser, late).status == 409
    assert not len(site.store.export()[lambda table: table["reader"] == "R002"])


def test_an_incomplete_or_invented_answer_is_not_kept_and_what_was_chosen_stays(site):
    browser = begin(site)
    answer(browser, browser.get("/study"))
    page = browser.get("/study")
    for wrong in ({"disc": "yes"}, {**first_choices(page), "confidence": "6"}):
        again = browser.post("/answer", **page.hidden, **wrong)
        assert again.status == 422
        assert 'role="alert"' in again.text
        assert re.search(r'id="disc-1"[^>]* checked', again.text)
    assert not len(site.store.export())


def test_an_interrupted_reader_goes_on_where_they_were(site):
    first = begin(site)
    seen = [page.hidden["question"] for page in walk(first, most=7)]
    code = code_of(first)
    elsewhere = Browser(site.address)
    page = elsewhere.post("/resume", code=f" {written(code).lower()} ")
    assert page.status == 200
    rest = [page.hidden["question"] for page in walk(elsewhere)]
    order = site.study.order(site.store.reader(code).order_seed)
    assert [*seen, *rest] == [question.identity for question in order]
    assert site.store.export()["reader"].nunique() == 1


def test_two_readers_at_once_do_not_mix(site):
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: list(walk(begin(site))), range(2)))
    table = site.store.export()
    assert table.groupby("reader").size().tolist() == [len(site.key)] * 2
    assert not table.duplicated(["reader", "question"]).any()
    assert (table.groupby("reader")["position"].apply(lambda x: x.is_unique)).all()


def test_without_consent_nobody_begins(site):
    browser = Browser(site.address)
    assert browser.post("/begin").status == 422
    assert browser.get("/study").address.endswith("/")
    assert browser.post("/resume", code="NOSUCHCD").status == 422


def test_who_withdraws_is_gone(site):
    browser = begin(site)
    list(walk(browser, most=4))
    stays = begin(site)
    list(walk(stays, most=2))
    code = code_of(browser)
    assert browser.post("/withdraw").status == 200  # not confirmed
    assert len(site.store.export()) == 4
    assert browser.post("/withdraw", sure="yes").status == 200
    assert len(site.store.export()) == 1
    assert site.store.reader(code) is None


def test_every_page_says_its_language_and_both_say_the_same(site):
    browser = begin(site)
    assert browser.get("/study").language == "de"
    assert browser.post("/language", language="en").language == "en"
    assert browser.post("/language", language="<script>").language == "de"
    texts = {
        language: yaml.safe_load((FOLDER / "reader_study" / f"{language}.yaml").read_text())
        for language in ("de", "en")
    }
    flat = {language: set(pd.json_normalize(content).columns) for language, content in texts.items()}  # fmt: skip
    assert flat["de"] == flat["en"]
    assert all(
        "ß" in text or not re.search(r"\b(the|your|and)\b", text)
        for text in pd.json_normalize(texts["de"]).iloc[0]
    )


def test_every_choice_has_a_label_and_every_group_a_legend(site):
    browser = begin(site)
    for page in [browser.get("/"), browser.get("/leave"), *walk(browser)]:
        ids = re.findall(r'<input type="(?:radio|checkbox)" id="([^"]+)"', page.text)
        assert len(ids) == len(set(ids))
        assert set(ids) <= set(re.findall(r'<label for="([^"]+)"', page.text))
        assert page.text.count("<fieldset") == page.text.count("<legend>") == len(page.choices)
        assert page.text.count("<h1>") == 1
        assert all('alt="' in image for image in re.findall(r"<img [^>]+>", page.text))
        assert "<script" not in page.text
        assert not re.search(r'(?:src|href|action)="(?!/|#)', page.text)


def luminance(colour):
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]  # fmt: skip
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(
    ("front", "back", "least"),
    [
        ("#1a1a1a", "#ffffff", 4.5), ("#0b4f8a", "#ffffff", 4.5), ("#1a1a1a", "#ffe27a", 4.5),
        ("#767676", "#ffffff", 3), ("#b00020", "#ffffff", 3), ("#595959", "#ffffff", 3),
    ],
)  # fmt: skip
def test_colours_have_the_contrast_of_wcag_aa(front, back, least):
    style = (FOLDER / "reader_study" / "style.css").read_text()
    assert all(colour in style or colour == "#ffffff" for colour in (front, back))
    light, dark = sorted((luminance(front), luminance(back)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= least


def test_the_style_has_no_other_colours():
    style = (FOLDER / "reader_study" / "style.css").read_text()
    colours = set(re.findall(r"#[0-9a-f]{3,6}\b", style))
    assert colours == {"#fff", "#1a1a1a", "#0b4f8a", "#ffe27a", "#767676", "#b00020", "#595959"}
    assert "outline: 3px" in style


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"&".join(b"a=1" for _ in range(60)), b"%"])
def test_a_form_that_is_none_is_empty(body):
    assert parse(body) in ({}, {"%": ""})


def test_a_long_form_is_not_read(site):
    browser = begin(site)
    assert browser.post("/answer", question="x" * 200_000).status in (409, 422)
    assert not len(site.store.export())


def test_the_export_names_no_code_and_opens_in_pandas(site, tmp_path):
    codes = []
    for _ in range(2):
        browser = begin(site)
        list(walk(browser))
        codes.append(code_of(browser))
    site.store.export().to_csv(tmp_path / "answers.csv", index=False)
    table = pd.read_csv(tmp_path / "answers.csv")
    assert len(table) == 2 * len(site.key)
    assert set(table["reader"]) == {"R001", "R002"}
    assert set(table["made_by"]) == {"people"}
    assert set(table.columns) == {
        "made_by", "reader", "part", "question", "position", "seconds", "times_shown", "confidence", "disc",
        "label_eye_side", "origin", "similarity",
    }  # fmt: skip
    assert (table["seconds"] >= 0).all()
    text = (tmp_path / "answers.csv").read_text()
    assert not any(code in text for code in codes)
