"""The lines that a run ends with."""

import json

import pytest

from avatarflow.runs.closing_lines import closing_lines

CONFIG = {
    "releases": {"eyes": {}},
    "read_releases": {"stool": {}},
    "audits": {"vendor": {}},
    "read_benchmarks": {"b": {}},
}


def write(path, document):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))


@pytest.fixture
def folder(tmp_path):
    results = tmp_path / "results"
    write(results / "releases/eyes/release/certificate.json", {"decision": "pass", "reasons": []})
    write(
        results / "read_releases/stool/certificate.json",
        {"decision": "refuse", "reasons": ["bits_left: fail"]},
    )
    answers = [{"name": "too near", "answer": "fail"}, {"name": "holds", "answer": "pass"}]
    write(results / "audits/vendor/audit.json", {"overall": "fail", "answers": answers})
    return tmp_path


def test_says_what_was_decided_and_why_and_where_the_page_is(folder):
    lines, refused = closing_lines(CONFIG, folder)
    assert lines == [
        "releases eyes: released; see results/releases/eyes/report.html",
        "read_releases stool: refused (bits_left: fail); see results/read_releases/stool/report.html",
        "audits vendor: fail (too near: fail); see results/audits/vendor/report.html",
        "read_benchmarks b: made; see results/read_benchmarks/b/scores.html",
    ]
    assert refused == 2


def test_an_entry_that_was_not_made_has_no_page_to_look_at(tmp_path):
    lines, refused = closing_lines({"releases": {"eyes": {}}}, tmp_path)
    assert lines == ["releases eyes: not asked for in this run"]
    assert refused == 0


def test_a_paper_is_made_where_its_page_is_there(folder):
    config = {"papers": {"avatar": {}}}
    assert closing_lines(config, folder) == (["papers avatar: not asked for in this run"], 0)
    write(folder / "results/papers/avatar/index.html", "")
    line = "papers avatar: made; see results/papers/avatar/index.html"
    assert closing_lines(config, folder) == ([line], 0)


@pytest.mark.parametrize("text", ["", "[", '{"decision": "perhaps"}', "{}"])
def test_a_decision_that_cannot_be_read_counts_as_refused(folder, text):
    (folder / "results/releases/eyes/release/certificate.json").write_text(text)
    lines, refused = closing_lines({"releases": {"eyes": {}}}, folder)
    assert refused == 1
    assert "released" not in lines[0]
