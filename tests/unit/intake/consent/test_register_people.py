"""Whose consent it is: links, shared identifiers and servers; nobody is let in by the consent of another one."""

import json
from datetime import date

import pytest
from consents import COLLECT, USE, consent, deny, given, permit

from avatarflow.core.errors import AvatarflowError
from avatarflow.intake.consent.decisions import Days
from avatarflow.intake.consent.register import Asked, read_register

MRN = "urn:mrn"
HERE, OTHER = "https://here.example/fhir", "https://other.example/fhir"
TODAY = date(2026, 6, 1).toordinal()


def patient(own, *values, links=(), **more):
    """A patient; a value is a text or a whole identifier."""
    identifiers = [{"value": each} if isinstance(each, str) else each for each in values]
    linked = {"link": [{"other": other, "type": "replaced-by"} for other in links]}
    return {
        "resourceType": "Patient",
        "id": own,
        "identifier": [{"system": MRN, **each} for each in identifiers],
        **(linked if links else {}),
        **more,
    }


def to(reference):
    return {"reference": reference}


def logical(value, system=MRN):
    return {"identifier": {"system": system, "value": value}}


def of(reference, *provisions):
    who = reference if isinstance(reference, dict) else to(reference)
    return (consent(*provisions) if provisions else given()) | {"patient": who}


def bundle(entries):
    listed = [{"fullUrl": url, "resource": resource} for url, resource in entries]
    return {"resourceType": "Bundle", "type": "collection", "entry": listed}


def register(tmp_path, *documents, system=MRN):
    path = tmp_path / "c.ndjson"
    path.write_text("".join(json.dumps(each) + "\n" for each in documents), encoding="utf-8")
    asked = Asked((USE,), COLLECT, frozenset(), Days(TODAY, TODAY))
    return read_register([str(path)], system, asked)


def outcomes(found, *values):
    return [found.decide(value).outcome for value in values]


def refused(tmp_path, *documents, system=MRN):
    with pytest.raises(AvatarflowError) as error:
        register(tmp_path, *documents, system=system)
    text = str(error.value)
    assert not any(name in text for name in ("M1", "M2", "M5", "p1", "p2", "example", "urn:"))
    return text


@pytest.mark.parametrize("is_later", [True, False])
def test_a_link_to_any_entry_of_a_bundle_joins(tmp_path, is_later):
    patients = [
        ("urn:uuid:a", patient("p1", "M1", links=[to("urn:uuid:b")])),
        ("urn:uuid:b", patient("p2", "M2")),
    ]
    consents = [
        ("urn:uuid:c", of("urn:uuid:a")),
        ("urn:uuid:d", of("urn:uuid:b", deny())),
    ]
    found = register(tmp_path, bundle([*patients[:: 1 if is_later else -1], *consents]))
    assert outcomes(found, "M1", "M2") == ["deny", "deny"]


@pytest.mark.parametrize(
    "link",
    [to("Patient/p2"), logical("M2"), logical("K2", "urn:k"), {**to("#x"), **logical("M2")}],
    ids=["relative", "identifier", "identifier of another system", "identifier beside"],
)
def test_linked_records_are_one_patient(tmp_path, link):
    second = patient("p2", "M2", {"system": "urn:k", "value": "K2"})
    found = register(tmp_path, patient("p1", "M1", links=[link]), second, given("p1"))
    assert outcomes(found, "M1", "M2") == ["permit", "permit"]
    found = register(
        tmp_path, patient("p1", "M1", links=[link]), second, given("p1"), of("Patient/p2", deny())
    )
    assert outcomes(found, "M1", "M2") == ["deny", "deny"]


def test_a_link_by_identifier_joins_where_patients_are_known_by_their_ids(tmp_path):
    linked = patient("p1", "M1", links=[logical("M2")])
    both = [linked, patient("p2", "M2"), given("p1"), of("Patient/p2", deny())]
    assert outcomes(register(tmp_path, *both, system=""), "p1", "p2") == ["deny", "deny"]


def test_a_link_to_an_identifier_of_several_records_unites_denials_only(tmp_path):
    linked = patient("p1", "M1", links=[logical("X17")])
    others = [patient("p2", "M2", "X17"), patient("p3", "M3", "X17")]
    found = register(tmp_path, linked, *others, given("p1"))
    assert outcomes(found, "M1", "M2", "M3") == ["permit", "no consent", "no consent"]
    found = register(tmp_path, linked, *others, given("p1"), of("Patient/p3", deny()))
    assert outcomes(found, "M1", "M2", "M3") == ["deny", "deny", "deny"]


def test_a_link_by_an_identifier_of_the_system_needs_no_record(tmp_path):
    linked = patient("p1", "M1", links=[logical("M2")])
    found = register(tmp_path, linked, given("p1"), of(logical("M2"), deny()))
    assert outcomes(found, "M1", "M2") == ["deny", "deny"]


@pytest.mark.parametrize(
    "link",
    [
        to("Patient/p2"),
        to("urn:uuid:p2"),
        logical("M2", "urn:k"),
        logical("unknown"),
        {"display": "M2"},
    ],
    ids=["not there", "no entry", "another system", "a word for none", "text"],
)
def test_a_link_to_nobody_stops_the_run(tmp_path, link):
    text = refused(tmp_path, patient("p0", "M0"), patient("p1", "M1", links=[link]), given("p1"))
    assert text == (
        "consent file 1, Patient 2: a link to a patient who is not there; "
        "give the file with this Patient resource"
    )


def test_a_link_to_a_relative_of_the_patient_is_none_to_a_patient(tmp_path):
    linked = patient("p1", "M1", links=[to("RelatedPerson/r1")])
    assert outcomes(register(tmp_path, linked, given("p1")), "M1") == ["permit"]


@pytest.mark.parametrize("word", ["unknown", "-", "NA", "0000", "X17"])
def test_an_identifier_that_two_records_hold_lets_nobody_in_by_the_other(tmp_path, word):
    first, second = patient("p1", "M1", word), patient("p2", "M2", word)
    found = register(tmp_path, first, second, given("p1"))
    assert outcomes(found, "M1", "M2", word) == ["permit", "no consent", "no consent"]


@pytest.mark.parametrize("word", ["unknown", "-", "NA"])
def test_a_word_for_none_joins_nobody(tmp_path, word):
    first, second = patient("p1", "M1", word), patient("p2", "M2", word)
    found = register(tmp_path, first, second, given("p1"), of("Patient/p2", deny()))
    assert outcomes(found, "M1", "M2") == ["permit", "deny"]


def test_a_denial_counts_for_all_who_share_an_identifier(tmp_path):
    first, second = patient("p1", "M1", "X17"), patient("p2", "M2", "X17")
    one = register(tmp_path, first, second, given("p1"), of("Patient/p2", deny()))
    assert outcomes(one, "M1", "M2", "X17") == ["deny"] * 3
    by_identifier = register(tmp_path, first, second, given("p1"), of(logical("M2"), deny()))
    assert outcomes(by_identifier, "M1", "M2", "X17") == ["deny"] * 3
    unclear = register(tmp_path, first, second, given("p1"), given("p2", status="maybe"))
    assert outcomes(unclear, "M1", "M2", "X17") == ["unknown"] * 3


def test_a_permit_by_another_record_does_not_lift_a_rejection(tmp_path):
    first, second = patient("p1", "M1", "X17"), patient("p2", "M2", "X17")
    rejected = given("p2", status="rejected", dateTime="2020-01-01")
    assert outcomes(register(tmp_path, first, second, given("p1"), rejected), "M2") == ["deny"]


def test_all_who_share_an_identifier_must_permit_on_the_same_days(tmp_path):
    first, second = patient("p1", "M1", "X17"), patient("p2", "M2", "X17")
    early = consent(permit(), permit(COLLECT, ("2024-01-01", "2025-12-31")), patient="p1")
    late = consent(permit(), permit(COLLECT, ("2025-01-01", "2029-01-01")), patient="p2")
    decision = register(tmp_path, first, second, early, late).decide("X17")
    assert decision.outcome == "permit"
    days = (date(2025, 1, 1).toordinal(), date(2025, 12, 31).toordinal())
    assert decision.collected == (days,)
    barred = of("Patient/p2", permit(), deny(COLLECT))
    assert register(tmp_path, first, second, early, barred).decide("M1").collected == ()


def test_a_consent_by_an_identifier_that_two_hold_permits_nobody(tmp_path):
    first, second = patient("p1", "X17"), patient("p2", "X17")
    assert outcomes(register(tmp_path, first, second, of(logical("X17"))), "X17") == ["no consent"]


def test_a_reference_and_an_identifier_of_two_who_share_one_stop_the_run(tmp_path):
    first, second = patient("p1", "M1", "X17"), patient("p2", "M2", "X17")
    text = refused(tmp_path, first, second, of(to("Patient/p1") | logical("M2")))
    assert "a reference and an identifier of two patients" in text


@pytest.mark.parametrize(
    "more",
    [{"use": "old"}, {"period": {"end": "2026-05-31"}}, {"period": {"end": "2026"}}],
    ids=["old", "ended", "no full date"],
)
def test_an_identifier_that_ended_denies_and_never_permits(tmp_path, more):
    held = patient("p1", "M1", {"value": "M0", **more})
    assert outcomes(register(tmp_path, held, given("p1")), "M1", "M0") == ["permit", "unknown"]
    found = register(tmp_path, held, of("Patient/p1", deny()))
    assert outcomes(found, "M1", "M0") == ["deny", "deny"]
    now = patient("p2", "M0")
    found = register(tmp_path, held, now, given("p1"))
    assert outcomes(found, "M1", "M0") == ["permit", "no consent"]
    found = register(tmp_path, held, now, of("Patient/p1", deny()), given("p2"))
    assert outcomes(found, "M1", "M0") == ["deny", "deny"]


def test_the_end_of_an_identifier_may_change_a_decision(tmp_path):
    held = patient("p1", "M1", {"value": "M0", "period": {"end": "2026-06-01"}})
    found = register(tmp_path, held, given("p1"))
    assert outcomes(found, "M0") == ["permit"]
    assert found.next_change() == TODAY + 1


def test_names_and_references_of_one_server_are_read(tmp_path):
    found = register(
        tmp_path,
        bundle(
            [
                (f"{HERE}/Patient/p5", patient("p5", "M5")),
                (f"{HERE}/Consent/1", of(f"{HERE}/Patient/p5")),
                (f"{HERE}/Consent/2", of("Patient/p5")),
            ]
        ),
    )
    assert outcomes(found, "M5") == ["permit"]


LOCAL = (f"{HERE}/Patient/p5", patient("p5", "M5"))
LINKED = patient("p9", "M9", links=[to(f"{OTHER}/Patient/p5")])
TWO = "references to 2 servers"
BESIDE = "references to a server beside ids of which no server is told"


@pytest.mark.parametrize(
    ("documents", "message"),
    [
        ([bundle([LOCAL, (f"{HERE}/Consent/1", of(f"{OTHER}/Patient/p5"))])], TWO),
        ([bundle([LOCAL]), bundle([(f"{OTHER}/Consent/1", of("Patient/p5"))])], TWO),
        ([bundle([LOCAL]), of(f"{OTHER}/Patient/p5")], TWO),
        ([patient("p5", "M5"), of(f"{OTHER}/Patient/p5")], BESIDE),
        ([patient("p5", "M5"), of("Patient/p5"), LINKED], BESIDE),
    ],
    ids=["reference", "two bundles", "bundle and line", "no server told", "link"],
)
def test_ids_of_several_servers_stop_the_run(tmp_path, documents, message):
    assert message in refused(tmp_path, *documents)


def test_references_of_both_forms_stop_the_run_without_records_too(tmp_path):
    both = of("Patient/p5"), of(f"{OTHER}/Patient/p5")
    assert BESIDE in refused(tmp_path, *both, system="")
    assert outcomes(register(tmp_path, both[1], system=""), "p5") == ["permit"]
