"""The request: what it says, that it says nothing more, and what is refused."""

import base64
import copy
import json
import re
from pathlib import Path

import pytest
import yaml
from request_files import CANARY, REQUESTER, UNTIL, asking, requester

from avatarflow.core.errors import AvatarflowError
from avatarflow.release.dossier.texts import LANGUAGES, PIECE, placeholders, table
from avatarflow.release.gates.rules import RULES
from avatarflow.request.answer import read_request
from avatarflow.request.command import main, write_request
from avatarflow.request.content import digest_of
from avatarflow.request.document import DOCUMENT
from avatarflow.request.resources import checked, content_of, library, study
from dossier_check import Page, says, value_at

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "request"
FILES = {"request.json", "study.json", "library.json", "asked.yaml", "de.html", "en.html"}


@pytest.fixture
def written(tmp_path):
    folder = write_request(requester(), "eyes", tmp_path)
    return folder, json.loads((folder / "request.json").read_text())


def test_a_small_request_is_the_golden_one(written):
    folder, _ = written
    for name in ("request.json", "study.json", "asked.yaml"):
        assert (folder / name).read_text() == (GOLDEN / name).read_text(), name
    assert {path.name for path in folder.iterdir()} == FILES


def test_equal_settings_give_equal_bytes(written, tmp_path):
    folder, _ = written
    again = write_request(requester(), "eyes", tmp_path / "again")
    for name in FILES:
        assert (again / name).read_bytes() == (folder / name).read_bytes(), name


def test_no_path_of_the_requester_is_in_any_file(written):
    folder, _ = written
    for path in folder.iterdir():
        assert CANARY not in path.read_text(), path.name
    held = json.loads((folder / "library.json").read_text())["content"][0]["data"]
    assert CANARY.encode() not in base64.b64decode(held)


def test_the_digest_changes_with_what_is_asked(written):
    request = written[1]
    assert request["digest"] == digest_of(request)
    other = copy.deepcopy(request)
    other["asked"]["row_filter"] += " "
    assert digest_of(other) != request["digest"]
    assert digest_of(dict(reversed(request.items()))) == request["digest"]


def test_the_library_holds_the_request_and_names_the_data(written):
    folder, request = written
    resource = json.loads((folder / "library.json").read_text())
    assert json.loads(content_of(resource)) == request
    assert read_request(folder / "library.json") == read_request(folder / "request.json") == request
    needs = {need["type"]: need for need in resource["dataRequirement"]}
    assert set(needs) == {"ImagingStudy", "Patient", "Condition", "Consent"}
    codes = [one["code"] for one in needs["Consent"]["codeFilter"][0]["code"]]
    consent = request["asked"]["consent"]
    assert codes == [*consent["require"], consent["collected"]]
    assert resource["url"] == study(request)["relatedArtifact"][0]["resource"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("status",), "maybe"),
        (("type", "coding", 0, "code"), "wish-list"),
        (("type", "coding", 0, "system"), "http://example.org"),
        (("dataRequirement", 0, "type"), "Basket"),
    ],
)
def test_a_library_with_a_value_outside_its_set_is_refused(written, path, value):
    resource = library(written[1])
    place = resource
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    with pytest.raises(AvatarflowError, match="not in its value set; ask the sender") as error:
        checked(resource)
    assert str(value) not in str(error.value)


@pytest.mark.parametrize(
    "change",
    [
        {"status": "maybe"},
        {"relatedArtifact": [{"type": "hint", "resource": "urn:x"}]},
        {"contact": [{"telecom": [{"system": "pigeon", "value": "x"}]}]},
    ],
)
def test_a_study_with_a_value_outside_its_set_is_refused(written, change):
    with pytest.raises(AvatarflowError, match="not in its value set"):
        checked(study(written[1]) | change)


@pytest.mark.parametrize("change", [{"status": None}, {"colour": "red"}, {"title": 7}])
def test_a_study_that_does_not_fit_fhir_is_refused(written, change):
    with pytest.raises(AvatarflowError, match="does not fit FHIR R4"):
        checked(study(written[1]) | change)


# --- refusals


def refusal(config):
    with pytest.raises(AvatarflowError) as error:
        write_request(config, "eyes", "/dev/null")
    return str(error.value).splitlines()


def test_all_that_is_missing_is_named_at_once():
    config = requester(
        request__purpose="", consent__until=None, row_filter="patient_id = 'M1' AND age_years > 3"
    )
    lines = refusal(config)
    keys = [line.split(": ")[0].removeprefix("config releases.eyes.") for line in lines]
    assert keys == ["request.purpose", "consent.until", "row_filter"]
    assert all(re.fullmatch(r"config \S+: .+; .+", line) for line in lines)
    assert "M1" not in "\n".join(lines)


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"row_filter": "\"issuer\" = 'x'"}, "row_filter: it names 'issuer'"),
        ({"row_filter": "FILE LIKE 'a%'"}, "row_filter: it names 'file'"),
        ({"row_filter": "COLUMNS('patient.*') = 'x'"}, "row_filter: it names columns without"),
        ({"row_filter": "hash(*) = 3"}, "row_filter: it names columns without"),
        ({"conditions": {"patient_id": ["a", "b"]}}, "conditions: 'patient_id' says who"),
        ({"constant_per_person": ["issuer"]}, "constant_per_person: 'issuer' says who"),
        ({"request__purpose": "two\nlines"}, "request.purpose: line breaks or marks"),
        ({"request__title": "<b>"}, "request.title: line breaks or marks"),
        (
            {"request__retention": f"deleted from /home/{CANARY}/archive"},
            "request.retention: it holds a path of this machine",
        ),
        ({"consent__require": ["1.2.3"], "consent__files": []}, "1.2.3 is no policy code"),
        ({"consent__until": "2027-13-01", "consent__files": []}, "consent.until: found"),
        (
            {"source": {"generate": {}}, "consent": {"until": UNTIL}, "withdrawn": None},
            "generated eyes have no patients",
        ),
    ],
)
def test_what_a_request_may_not_say_is_refused(changes, part):
    lines = refusal(requester(**changes))
    assert any(part in line for line in lines), lines
    assert CANARY not in "\n".join(lines)


def test_a_product_in_a_filter_is_no_star(tmp_path):
    write_request(requester(row_filter="age_years * 2 > 3 AND age_years*sex > 1"), "eyes", tmp_path)


def test_a_name_that_is_none_is_refused_with_those_there_are(tmp_path):
    with pytest.raises(AvatarflowError, match="there are eyes; name one"):
        write_request(requester(), "ears", tmp_path)


def test_a_manifest_asks_for_media_and_columns_of_the_site(tmp_path):
    folder = write_request(asking(), "eyes", tmp_path)
    request = json.loads((folder / "request.json").read_text())
    assert [(one["column"], one["origin"]) for one in request["elements"]] == [
        ("sex", ""),
        ("side", ""),
        ("age", ""),
    ]
    assert library(request)["dataRequirement"][0] == {"type": "Media"}


# --- the document


def test_both_languages_have_the_same_keys_and_placeholders():
    german, english = (table(language, DOCUMENT) for language in LANGUAGES)
    assert set(german) == set(english)
    for key, words in german.items():
        assert placeholders(words) == placeholders(english[key]), key


def test_texts_hold_no_number_that_is_not_fixed():
    for language in LANGUAGES:
        for key, words in table(language, DOCUMENT).items():
            assert not re.search(r"\d", PIECE.sub("", words)), f"{language} {key}"


def test_every_text_of_the_request_is_used(written, tmp_path):
    seen = set()
    folders = [
        written[0],
        write_request(requester(release={}, request__retention="at once"), "eyes", tmp_path / "a"),
        write_request(
            asking(verifier={"matcher": "none"}, gates={"attack_auc": 1.0}), "eyes", tmp_path / "b"
        ),
        write_request(
            requester(row_filter="", consent__collected=None, cone={"mode": "conformal"}),
            "eyes",
            tmp_path / "c",
        ),
    ]
    texts = table("en", DOCUMENT)
    own = {key for key in texts if key not in table("en")}
    pages = [re.sub(r"\s+", " ", (folder / "en.html").read_text()) for folder in folders]
    for key in own:
        pattern = PIECE.sub("\0", texts[key]).split("\0")
        longest = max(pattern, key=len).strip().replace("'", "&#39;")
        seen |= {key} if len(longest) < 3 or any(longest in page for page in pages) else set()
    assert own == seen, sorted(own - seen)


def test_every_number_of_the_document_is_in_the_request(written):
    folder, _ = written
    for language in LANGUAGES:
        page = Page((folder / f"{language}.html").read_text())
        # every gate but those of canaries and anatomy; the size
        assert len(page.numbers) == len(RULES) - 2 + 1
        for source, form, shown in page.numbers:
            file, _, path = source.partition("#")
            assert says(shown, value_at(folder / file, path), form, language), source
        assert not [part for part in page.rest if re.search(r"\d", part)]


def test_what_the_config_does_not_say_is_a_line_to_fill_in(written, tmp_path):
    bare = write_request(requester(release={}), "eyes", tmp_path / "bare")
    line = '<p class="field">Organisation that applies</p>'
    assert line in (bare / "en.html").read_text()
    page = (written[0] / "en.html").read_text()
    assert line not in page
    assert "University of Nowhere" in page
    assert '<p class="field">Ethics committee</p>' in page


def test_the_command_writes_or_says_why_not(tmp_path, caplog):
    caplog.set_level("INFO")
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(yaml.safe_dump(REQUESTER))
    bad.write_text(yaml.safe_dump(requester(request__purpose="")))
    out = ["--name", "eyes", "--out", str(tmp_path / "out")]
    assert main(["write", "--config", str(good), *out]) == 0
    assert main(["write", "--config", str(bad), *out]) == 2
    assert main(["write", "--config", str(tmp_path / "none.yaml"), *out]) == 2
    assert "request.purpose: empty; say" in caplog.text
