"""The decision rule: a table of consents and what they decide, and that nothing fails open."""

from datetime import date

import pytest
from consents import (
    COLLECT,
    HEADING,
    LONG,
    STORE,
    USE,
    concept,
    consent,
    deny,
    given,
    permit,
    provision,
    template,
    write,
)

from avatarflow.core.errors import AvatarflowError
from avatarflow.intake.consent import codes
from avatarflow.intake.consent.decisions import Days
from avatarflow.intake.consent.register import Asked, read_register

TODAY = "2026-06-01"


def register(paths, today=TODAY, until=None, system="", require=(USE,), purposes=()):
    first = date.fromisoformat(today).toordinal()
    last = date.fromisoformat(until).toordinal() if until else first
    asked = Asked(tuple(require), COLLECT, frozenset(purposes), Days(first, last))
    return read_register([str(path) for path in paths], system, asked)


def decided(tmp_path, *resources, patient="p1", **asked):
    return register([write(tmp_path / "c.ndjson", *resources)], **asked).decide(patient)


def scope(code):
    return {
        "coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": code}]
    }


ROOT_PERMIT = {"type": "permit"}
NO_PERIOD = {"period": {}}
EXTENDED = [{"url": "https://example.org/limits", "valueBoolean": True}]
EXTENSION = {"extension": [{"url": "u", "valueCode": "x"}]}
OTHER = "https://example.org/policies"
SCOPE = "http://terminology.hl7.org/CodeSystem/consentscope"

CASES = {
    "permitted": ([given()], "permit"),
    "no consent of this patient": ([given("p2")], "no consent"),
    "every state but active": ([given(status="inactive")], "inactive"),
    "draft": ([given(status="draft")], "inactive"),
    "entered in error": ([given(status="entered-in-error")], "inactive"),
    "rejected": ([given(status="rejected")], "deny"),
    "status that does not exist": ([given(status="maybe")], "unknown"),
    "status in capitals": ([given(status="Active")], "unknown"),
    "an inactive one beside an active one": ([given(status="inactive"), given()], "permit"),
    "an unknown one beside an active one": ([given(status="maybe"), given()], "unknown"),
    "use is denied": ([consent(permit(COLLECT), deny())], "deny"),
    "permit and deny in one consent": ([consent(permit(), deny())], "deny"),
    "deny in an older consent": ([consent(deny(), dateTime="2020-01-01"), given()], "deny"),
    "deny of another policy": ([consent(permit(), deny(STORE))], "permit"),
    "deny of the heading": ([consent(permit(), deny(HEADING))], "deny"),
    "permit of the heading only": ([consent(permit(HEADING))], "deny"),
    "deny without a code": ([consent(permit(), deny(None))], "deny"),
    "deny without a period": ([consent(permit(), deny(period=None))], "deny"),
    "deny that ended": ([consent(permit(), deny(period=("2024-01-01", "2025-01-01")))], "permit"),
    "deny that begins later": ([consent(permit(), deny(period=("2030-01-01", None)))], "permit"),
    "deny with a year only": ([consent(permit(), deny(period=("2025", "2025")))], "deny"),
    "deny with an actor": (
        [consent(permit(), deny(purpose=[{"system": OTHER, "code": "X"}]))],
        "deny",
    ),
    "deny inside a permit": ([consent(permit(provision=[deny()]))], "deny"),
    "expired": ([consent(permit(period=("2024-01-01", "2026-05-31")))], "expired"),
    "last day": ([consent(permit(period=("2024-01-01", "2026-06-01")))], "permit"),
    "not yet": ([consent(permit(period=("2026-06-02", "2054-01-01")))], "not yet valid"),
    "the consent as a whole ended": (
        [consent(permit(), root={"period": {"start": "2024-01-01", "end": "2026-05-31"}})],
        "expired",
    ),
    "period of the whole counts": ([consent(permit(period=None))], "permit"),
    "no period at all": ([consent(permit(period=None), root=NO_PERIOD)], "unknown"),
    "period with a year only": ([consent(permit(period=("2024", "2054")))], "unknown"),
    "period backwards": ([consent(permit(period=("2054-01-01", "2024-01-01")))], "unknown"),
    "signed tomorrow": ([given(dateTime="2026-06-02T08:00:00+02:00")], "unknown"),
    "not signed": ([given(dateTime=None)], "unknown"),
    "code of another system": ([consent(permit(system=OTHER))], "deny"),
    "deny in a code that is not known": ([consent(permit(), deny("x", system=OTHER))], "unknown"),
    "known deny of another system": ([consent(permit(), deny(system=OTHER))], "deny"),
    "display says use, code says store": ([consent(permit(STORE))], "deny"),
    "codings that differ": ([consent({**permit(), "code": [concept(USE, STORE)]})], "deny"),
    "permit without a code": ([consent(permit(None))], "unknown"),
    "provision without a type": ([consent(provision("allow"))], "unknown"),
    "root permits": ([consent(deny(STORE), root=ROOT_PERMIT)], "unknown"),
    "root denies all": ([consent()], "deny"),
    "no provision": ([given(provision=None)], "unknown"),
    "for another purpose": (
        [consent(permit(purpose=[{"system": OTHER, "code": "TREAT"}]))],
        "deny",
    ),
    "permit for certain actors": (
        [consent(permit(actor=[{"role": concept("x"), "reference": {"display": "A"}}]))],
        "unknown",
    ),
    "scope treatment": (
        [given(scope={"coding": [{"system": SCOPE, "code": "treatment"}]})],
        "deny",
    ),
    "scope as text": ([given(scope={"text": "research"})], "unknown"),
    "withdrawal": ([given(), consent(root={}, **template("WITHDRAWAL"))], "deny"),
    "withdrawal without provisions": (
        [given(), consent(provision=None, **template("WITHDRAWAL"))],
        "deny",
    ),
    "withdrawal that permits": ([consent(permit(), **template("REFUSAL"))], "unknown"),
    "kind of document not known": ([given(**template("SURVEY"))], "unknown"),
    "meaning changed": ([given(modifierExtension=EXTENDED)], "unknown"),
    "implicit rules": ([given(implicitRules="https://example.org/r")], "unknown"),
    "not verified": ([given(verification=[{"verified": False}])], "unknown"),
    "type missing on purpose": (
        [consent({**permit(), "_type": {"extension": [{"url": "u", "valueCode": "x"}]}})],
        "unknown",
    ),
    "does not fit FHIR": ([given(colour="red")], "unknown"),
    "withdrawal of another scope": (
        [given(), consent(root={}, scope=scope("patient-privacy"), **template("WITHDRAWAL"))],
        "deny",
    ),
    "refusal of another scope in another code": (
        [
            given(),
            consent(deny("1.2.3"), scope=scope("treatment"), **template("REFUSAL")),
        ],
        "unknown",
    ),
    "opt-out in the code of HL7": (
        [consent(permit(), category=[concept("OPTOUT", system="urn:act")])],
        "unknown",
    ),
    "rejected, then another policy": (
        [given(status="rejected", dateTime="2023-01-01"), consent(permit(STORE))],
        "deny",
    ),
    "rejected, then a consent that has ended": (
        [
            given(status="rejected", dateTime="2023-01-01"),
            consent(permit(period=("2024-01-01", "2025-01-01"))),
        ],
        "deny",
    ),
    "rejected and then given": (
        [given(status="rejected", dateTime="2023-01-01"), given()],
        "permit",
    ),
    "given and then rejected": ([given(status="rejected", dateTime="2025-01-01"), given()], "deny"),
    "a newer version is inactive": (
        [
            given(id="a", meta={"lastUpdated": "2024-01-01T00:00:00Z"}),
            given(id="a", status="inactive", meta={"lastUpdated": "2025-01-01T00:00:00Z"}),
        ],
        "inactive",
    ),
    "versions without an order": ([given(id="a"), given(id="a", status="inactive")], "unknown"),
    "a newer version is of tomorrow": (
        [
            given(id="a", meta={"lastUpdated": "2099-01-01T00:00:00Z"}),
            consent(deny(STORE), id="a", meta={"lastUpdated": "2025-01-01T00:00:00Z"}),
        ],
        "unknown",
    ),
    "a version of another patient": (
        [
            given(id="a", meta={"lastUpdated": "2025-01-01T00:00:00Z"}),
            given("p2", id="a", meta={"lastUpdated": "2026-01-01T00:00:00Z"}),
        ],
        "unknown",
    ),
    "withdrawal of another version of the system": (
        [given(category=[concept("WITHDRAWAL", system="urn:x/TemplateType|1")])],
        "unknown",
    ),
    "patient on purpose not named": (
        [given() | {"patient": {"reference": "Patient/p1", "_reference": EXTENSION}}],
        "unknown",
    ),
    "a patient who is only linked denies": (
        [
            {
                "resourceType": "Patient",
                "id": "p1",
                "link": [{"other": {"reference": "Patient/p2"}, "type": "refer"}],
            },
            given(),
            consent(deny(), patient="p2"),
        ],
        "deny",
    ),
    "one consent twice": ([given(id="a"), given(id="a")], "permit"),
    "two halves make a whole": (
        [
            consent(permit(period=("2024-01-01", "2026-05-31"))),
            consent(permit(period=("2026-06-01", "2054-01-01"))),
        ],
        "permit",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_consent_decides(tmp_path, case):
    resources, outcome = CASES[case]
    assert decided(tmp_path, *resources).outcome == outcome


@pytest.mark.parametrize("end", ["2026-06-01T23:59:59+02:00", "2026-06-02T00:00:00+02:00"])
def test_only_whole_days_are_permitted(tmp_path, end):
    assert decided(tmp_path, consent(permit(period=(LONG[0], end)))).outcome == "permit"


@pytest.mark.parametrize(
    "period",
    [(LONG[0], "2026-06-01T23:00:00+02:00"), ("2026-06-01T00:00:01Z", LONG[1])],
)
def test_a_day_that_is_permitted_in_part_is_not_permitted(tmp_path, period):
    assert decided(tmp_path, consent(permit(period=period))).outcome != "permit"


def test_every_policy_that_is_asked_for_must_be_permitted(tmp_path):
    assert decided(tmp_path, given(), require=(USE, STORE)).outcome == "deny"
    both = consent(permit(), permit(STORE))
    assert decided(tmp_path, both, require=(USE, STORE)).outcome == "permit"


def test_a_permit_counts_for_the_purposes_that_it_names(tmp_path):
    research = [{"system": OTHER, "code": "HRESCH"}]
    resource = consent(permit(purpose=research))
    assert decided(tmp_path, resource, purposes=("HRESCH",)).outcome == "permit"
    assert decided(tmp_path, resource, purposes=("HRESCH", "HMARKT")).outcome == "deny"


def test_consent_must_cover_every_day_of_use(tmp_path):
    short = consent(permit(period=("2024-01-01", "2026-12-31")))
    assert decided(tmp_path, short, until="2026-12-31").outcome == "permit"
    assert decided(tmp_path, short, until="2027-01-01").outcome == "expired"
    gap = consent(permit(), deny(period=("2026-10-01", "2026-10-01")))
    assert decided(tmp_path, gap, until="2026-12-31").outcome == "deny"


def test_days_of_collection_are_those_permitted_less_those_denied(tmp_path):
    resource = consent(
        permit(),
        permit(COLLECT, ("2024-01-01", "2029-01-01")),
        deny(COLLECT, ("2025-03-01", "2025-03-31")),
    )
    spans = [
        tuple(date.fromordinal(day).isoformat() for day in span)
        for span in decided(tmp_path, resource).collected
    ]
    assert spans == [("2024-01-01", "2025-02-28"), ("2025-04-01", "2029-01-01")]


def test_the_next_change_is_the_first_day_on_which_another_decision_is_possible(tmp_path):
    path = write(
        tmp_path / "c.ndjson",
        consent(permit(period=("2024-01-01", "2027-01-31"))),
        consent(deny(period=("2026-09-01", None)), patient="p2"),
        consent(permit(STORE, ("2024-01-01", "2026-07-01")), patient="p3"),
    )
    assert date.fromordinal(register([path]).next_change()) == date(2026, 9, 1)
    assert date.fromordinal(register([path], today="2026-09-02").next_change()) == date(2027, 2, 1)
    assert register([path], today="2030-01-01").next_change() is None


def test_an_identifier_that_is_only_spelled_alike_denies_and_never_permits(tmp_path):
    found = register(
        [write(tmp_path / "c.ndjson", given("71"), consent(deny(), patient="0082"), given("82"))]
    )
    assert found.decide("71").outcome == "permit"
    assert found.decide("0071").outcome == "no consent"
    assert found.decide("82").outcome == "deny"


def test_a_word_for_no_identifier_permits_nobody(tmp_path):
    assert decided(tmp_path, given("unknown"), patient="unknown").outcome == "no consent"


def patient(own, *values, system="urn:mrn", **more):
    return {
        "resourceType": "Patient",
        "id": own,
        "identifier": [{"system": system, "value": value} for value in values],
        **more,
    }


def test_patients_are_known_by_an_identifier_of_the_named_system(tmp_path):
    path = write(
        tmp_path / "c.ndjson",
        patient("p1", "M1"),
        patient("p2", "M2", system="urn:other"),
        given("p1"),
    )
    found = register([path], system="urn:mrn")
    assert found.decide("M1").outcome == "permit"
    assert found.decide("p1").outcome == "no consent"
    assert found.decide("M2").outcome == "no consent"


@pytest.mark.parametrize(
    "other",
    [
        patient("p2", "M1"),
        patient("p2", "M2", link=[{"other": {"reference": "Patient/p1"}, "type": "replaced-by"}]),
    ],
    ids=["one identifier", "a link"],
)
def test_a_patient_with_two_records_is_one(tmp_path, other):
    path = write(
        tmp_path / "c.ndjson",
        patient("p1", "M1"),
        other,
        given("p1"),
        consent(deny(), patient="p2"),
    )
    assert register([path], system="urn:mrn").decide("M1").outcome == "deny"


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        ([given(patient="")], "consent file 1, Consent 1: a reference to a patient"),
        ([given(patient="p9"), patient("p1", "M1")], "Consent 1: a reference to a patient"),
        ([{**given(), "patient": None}], "it names no patient"),
        ([patient("p1", "M1")], "no Consent resource"),
        ([{"status": "active"}], "a resource of no kind"),
        ([patient("p1", "M1"), patient("p1", "M2"), given("p1")], "second, other resource"),
        (
            [
                {**given(), "patient": {"reference": "https://a.org/Patient/1"}},
                {**given(), "patient": {"reference": "https://b.org/Patient/1"}},
                patient("1", "M1"),
            ],
            "references to 2 servers",
        ),
    ],
    ids=["empty", "not there", "none", "no consent", "no kind", "two versions", "two servers"],
)
def test_a_consent_of_nobody_stops_the_run_without_an_identifier_in_the_message(
    tmp_path, resources, message
):
    resources = [
        {key: value for key, value in each.items() if value is not None} for each in resources
    ]
    with pytest.raises(AvatarflowError, match=message) as error:
        register([write(tmp_path / "c.ndjson", *resources)], system="urn:mrn")
    assert not any(name in str(error.value) for name in ("M1", "p1", "p9", "tmp", ".org"))


def test_the_code_table_is_that_of_the_consent_module(root):
    table = root.parent / "shared" / "data" / "consent" / "mii_policy_codes.tsv"
    if not table.is_file():
        pytest.skip("../shared/data/consent is not there")
    rows = [line.split("\t") for line in table.read_text().splitlines()[1:]]
    parents = {
        f"{codes.PREFIX}{row[0]}": f"{codes.PREFIX}{row[4]}" for row in rows if row[4].strip()
    }
    assert parents == codes.HEADING_OF
    assert {f"{codes.PREFIX}{row[0]}" for row in rows} == codes.KNOWN


def test_the_examples_of_the_mii_decide_as_their_readme_says(root):
    folder = root.parent / "shared" / "data" / "consent"
    files = sorted(path for path in folder.glob("*Consent*") if path.suffix in (".json", ".xml"))
    if not files:
        pytest.skip("../shared/data/consent is not there")
    found = register(files, today="2026-11-29")
    expected = {
        "mii-exa-test-data-patient-1": "permit",
        "mii-exa-test-data-patient-8": "expired",
        "9b4a702d-162c-428a-8c5d-8b98af21b693": "permit",
        "531cef77-2a30-4283-944d-affaf9ae234e": "deny",
    }
    assert {value: found.decide(value).outcome for value in expected} == expected
    within = register(files, today="2023-11-10")
    assert within.decide("mii-exa-test-data-patient-8").outcome == "permit"
