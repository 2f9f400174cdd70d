"""FHIR files: JSON, XML, NDJSON and Bundles say the same, and what cannot be read to its end is refused."""

import json

import pytest
from consents import USE, given

from avatarflow.core.errors import AvatarflowError
from avatarflow.intake.fhir.days import covers, touched_days, united, whole_days, without
from avatarflow.intake.fhir.resources import read_resources

XML = f"""<?xml version="1.0"?>
<Consent xmlns="http://hl7.org/fhir"><!-- a comment --><id value="c1"/>
<text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml">read me</div></text>
<status value="active"/>
<scope><coding><code value="research"/></coding></scope>
<category><text value="consent"/></category><patient><reference value="Patient/p1"/></patient>
<dateTime value="2024-01-01T00:00:00+02:00"/>
<provision><type value="deny"/><provision><type value="permit"/>
<code><coding><code value="{USE}"/></coding></code></provision></provision></Consent>"""


def read(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return [
        (each.where, each.content.get("status"), each.problem)
        for each in read_resources([str(path)], ("Consent",), "consent file")
    ]


def bundle(*resources, **more):
    entries = [{"resource": resource} for resource in resources]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries, **more}


def xml_bundle(inside):
    start = '<Bundle xmlns="http://hl7.org/fhir"><type value="collection"/>'
    body = "".join(f"<entry><resource>{each}</resource></entry>" for each in inside)
    return f"{start}{body}</Bundle>"


PLAIN = XML.partition("?>\n")[2]
OTHER = '<Organization xmlns="http://hl7.org/fhir"><name value="A"/></Organization>'


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(given(), indent=1),
        "\ufeff" + json.dumps(given(), indent=1),
        "\n" + json.dumps(given()) + "\n\n" + json.dumps({"resourceType": "Patient"}) + "\n",
        json.dumps(bundle({"resourceType": "Organization"}, given())),
        XML,
        xml_bundle([OTHER, PLAIN]),
    ],
    ids=["json", "mark", "ndjson", "bundle", "xml", "xml bundle"],
)
def test_every_form_holds_the_consent(tmp_path, content):
    assert read(tmp_path / "c", content) == [("consent file 1, Consent 1", "active", "")]


GOOD = json.dumps(given())
BAD = {
    "empty": ("", "it is empty"),
    "blank": ("\n \n", "it is empty"),
    "cut off": (GOOD[:-20], "neither JSON"),
    "line cut off": (f"{GOOD}\n{GOOD[:-20]}", "line 2: no JSON object"),
    "a list": (f"[{GOOD}]", "neither JSON"),
    "not UTF-8": (GOOD.encode("utf-16"), "neither JSON"),
    "gzip": (b"\x1f\x8b\x08\x00", "neither JSON"),
    "a key twice": (GOOD.replace('"status"', '"status": "inactive", "status"'), "neither JSON"),
    "a date as a number": (GOOD.replace('"2054-01-01"', "2054"), "neither JSON"),
    "NaN": (f"{GOOD}\n" + '{"resourceType": "Patient", "x": NaN}', "line 2"),
    "deep": ('{"a":' * 100_000, "neither JSON"),
    "a next page": (
        json.dumps(bundle(given(), link=[{"relation": "next", "url": "u"}])),
        "a further page",
    ),
    "the last page": (
        json.dumps(bundle(given(), link=[{"relation": "previous", "url": "u"}])),
        "a further page",
    ),
    "a page that is not the last": (
        json.dumps(
            bundle(
                given(), link=[{"relation": "self", "url": "u"}, {"relation": "last", "url": "v"}]
            )
        ),
        "a further page",
    ),
    "contained in a patient": (
        json.dumps({"resourceType": "Patient", "id": "p1", "contained": [given()]}),
        "a resource inside another one",
    ),
    "nested deeply": (
        '{"resourceType": "Observation", "a": ' + '{"a":' * 600 + GOOD + "}" * 601,
        "a resource inside another one",
    ),
    "xml in Parameters": (
        '<Parameters xmlns="http://hl7.org/fhir"><parameter><resource>'
        f"{PLAIN}</resource></parameter></Parameters>",
        "a resource inside another one",
    ),
    "xml straight under a Bundle": (
        xml_bundle([PLAIN]).replace("</Bundle>", f"{PLAIN}</Bundle>"),
        "elements that a Bundle",
    ),
    "fewer than its total": (json.dumps(bundle(given(), total=2)), "less than its total"),
    "history": (json.dumps(bundle(given()) | {"type": "history"}), "a type that is not read"),
    "an entry deletes": (
        json.dumps(bundle() | {"entry": [{"request": {"method": "DELETE"}, "resource": given()}]}),
        "adds nothing",
    ),
    "an entry without resource": (json.dumps(bundle() | {"entry": [{}]}), "without a resource"),
    "a failure": (json.dumps(bundle({"resourceType": "OperationOutcome"})), "OperationOutcome"),
    "a next page in capitals": (
        json.dumps(bundle(given(), link=[{"relation": "NEXT", "url": "u"}])),
        "a further page",
    ),
    "a total that is none": (json.dumps(bundle(given(), total=True)), "less than its total"),
    "inside another kind": (
        json.dumps({"resourceType": "Parameters", "parameter": [{"resource": given()}]}),
        "a resource inside another one",
    ),
    "kind in small letters": (json.dumps({**given(), "resourceType": "consent"}), "of no kind"),
    "kind that is none": (json.dumps({**given(), "resourceType": "Consents"}), "of no kind"),
    "no kind": ('{"status": "active"}', "of no kind"),
    "xml cut off": (XML[:-20], "damaged XML"),
    "xml with a document type": (
        XML.replace("<Consent", '<!DOCTYPE Consent [<!ENTITY a "active">]><Consent', 1),
        "document type",
    ),
    "xml says it twice": (
        XML.replace('<type value="permit"/>', '<type value="permit"/><type value="deny"/>'),
        "says one thing twice",
    ),
    "xml of another namespace": (
        XML.replace("http://hl7.org/fhir", "http://example.org"),
        "not of FHIR",
    ),
    "xml with a foreign status": (
        XML.replace("<scope>", '<status xmlns="http://example.org" value="inactive"/><scope>'),
        "not of FHIR",
    ),
    "xml with unknown elements": (XML.replace("<scope>", "<hue/><scope>"), "does not fit"),
    "xml with text": (XML.replace('"permit"/>', '"permit">deny</type>'), "says one thing twice"),
    "xml bundle with two": (xml_bundle([PLAIN + PLAIN]), "more than one resource"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_read_to_its_end_is_refused(tmp_path, case):
    content, message = BAD[case]
    with pytest.raises(AvatarflowError, match=message) as error:
        read(tmp_path / "secret-name", content)
    assert str(error.value).startswith("consent file 1")
    assert "secret-name" not in str(error.value)
    assert "; " in str(error.value)


def test_what_does_not_fit_is_told_and_kept(tmp_path):
    found = read(tmp_path / "c", json.dumps(given(colour="red")))
    assert found == [("consent file 1, Consent 1", "active", "it does not fit FHIR R4")]


def test_days_of_periods():
    assert whole_days("2024-02-28", "2024-03-01") == (738944, 738946)
    assert whole_days("2024-02-30", "2024-03-01") is None
    assert whole_days("2024", "2024-03-01") is None
    assert touched_days("2024-02-28", "2024-03-01") == (738944, 738946)
    assert touched_days("2024-02-28T10:00:00Z", None) == (738943, 3652059)
    assert touched_days("2024-03-01", "2024-02-28") == (1, 3652059)


def test_spans():
    assert united([(5, 9), (1, 3), (4, 4), (9, 2)]) == [(1, 9)]
    assert without([(1, 9)], [(3, 4), (9, 12)]) == [(1, 2), (5, 8)]
    assert covers([(1, 3), (4, 9)], 2, 8)
    assert not covers([(1, 3), (5, 9)], 2, 8)
