"""Index terms of profiles and protocols: each word of a row has its place in a profile, and bad profiles stop all."""

import copy
import csv
import json
import re

import pytest
import yaml
from fhir.resources.R4B.structuredefinition import StructureDefinition

from avatarflow.core.errors import AvatarflowError
from avatarflow.terms import command
from avatarflow.terms.base_types import element_of
from avatarflow.terms.search_parameters import CONSENTS, LABELS, NO, PARAMETERS, search_of

CORE = "http://hl7.org/fhir/StructureDefinition/"
OWN = "https://clinic.example/"
ICD, SNOMED, LOINC = (
    "http://fhir.de/CodeSystem/bfarm/icd-10-gm",
    "http://snomed.info/sct",
    "http://loinc.org",
)
UCUM = "http://unitsofmeasure.org"


def profile(of, /, *elements, name="profile", base=None, **more):
    return {
        "resourceType": "StructureDefinition",
        "url": f"{OWN}{name}",
        "name": name,
        "status": "active",
        "fhirVersion": "4.0.1",
        "kind": "resource",
        "abstract": False,
        "type": of,
        "baseDefinition": base or f"{CORE}{of}",
        "derivation": "constraint",
        "differential": {"element": [element(of), *elements]},
        **more,
    }  # fmt: skip


def element(identifier, **more):
    path = re.sub(r":[^.]*", "", identifier)
    last = identifier.rpartition(".")[2].partition(":")[2]
    return {"id": identifier, "path": path, **({"sliceName": last} if last else {}), **more}


def value_set(name, **more):
    return {"resourceType": "ValueSet", "url": f"{OWN}{name}", "status": "active", **more}


def include(system, *codes, **more):
    concepts = {"concept": [{"code": code} for code in codes]} if codes else {}
    return {"system": system, **concepts, **more}


def bound(name, strength="required"):
    return {"strength": strength, "valueSet": f"{OWN}{name}"}


def words(language, text):
    parts = [{"url": "lang", "valueCode": language}, {"url": "content", "valueString": text}]
    return {"url": f"{CORE}translation", "extension": parts}


def write(folder, *resources):
    folder.mkdir(exist_ok=True)
    for number, resource in enumerate(resources, start=1):
        (folder / f"{number:02d}.json").write_text(json.dumps(resource))
    return folder


def read(path):
    with path.open(encoding="utf-8") as file:
        return [
            {name: "" if cell == "NA" else cell for name, cell in row.items()}
            for row in csv.DictReader(file, delimiter="\t")
        ]


def rows(tmp_path, *resources, table="terms"):
    command.write_terms(write(tmp_path / "in", *resources), tmp_path / "out")
    return read(tmp_path / "out" / f"{table}.tsv")


def by_place(found):
    return {(row["element"], row["slice"]): row for row in found}


DIAGNOSIS = profile(
    "Condition",
    element("Condition.code", min=1, mustSupport=True, short="Code",
            _short={"extension": [words("de-DE", "Diagnose"), words("en-US", "Diagnosis")]}),
    element("Condition.code.coding:icd", max="1", patternCoding={"system": ICD}, binding=bound("icd")),
    element("Condition.code.coding:icd.code"),
    element("Condition.code.coding:sct"),
    element("Condition.code.coding:sct.system", fixedUri=SNOMED),
    element("Condition.code.coding:sct.code", fixedCode="267718000"),
    element("Condition.onset[x]"),
    element("Condition.onset[x]:onsetAge"),
    element("Condition.note", max="0"),
    element("Condition.subject"),
    element("Condition.severity", binding=bound("nowhere", "preferred")),
)  # fmt: skip
ICD_CODES = value_set("icd", compose={"include": [include(ICD, "H35.3", "H36.0")]})


def test_a_row_says_what_the_profile_and_fhir_say(tmp_path):
    found = by_place(rows(tmp_path, DIAGNOSIS, ICD_CODES))
    code = found["Condition.code", ""]
    assert code["cardinality"] == "1..1"  # the most comes from FHIR
    assert (code["types"], code["must_support"]) == ("CodeableConcept", "yes")
    assert (code["text"], code["german"], code["english"]) == ("Code", "Diagnose", "Diagnosis")
    assert (code["selected_by"], code["used_as"]) == ("Condition?code=", "diagnosis_<name>")
    icd = found["Condition.code.coding", "icd"]
    assert (icd["cardinality"], icd["types"], icd["must_support"]) == ("0..1", "Coding", "no")
    assert (icd["strength"], icd["value_set"]) == ("required", f"{OWN}icd")
    assert (icd["n_codes"], icd["codes"]) == ("2", f"{ICD}|H35.3, {ICD}|H36.0")
    assert (icd["fixed"], icd["selected_by"]) == (f"{ICD}|", f"Condition?code={ICD}|")
    assert found["Condition.code.coding.code", "icd"]["selected_by"] == f"Condition?code={ICD}|"
    for place in (("Condition.code.coding", "sct"), ("Condition.code.coding.system", "sct")):
        assert found[place]["selected_by"] == f"Condition?code={SNOMED}|267718000"
    assert found["Condition.severity", ""]["more_codes"] == "not in the folder"
    subject = found["Condition.subject", ""]
    assert (subject["cardinality"], subject["types"]) == ("1..1", "Reference(Patient, Group)")


def test_a_choice_is_selected_by_the_parameters_of_its_types(tmp_path):
    found = by_place(rows(tmp_path, DIAGNOSIS, ICD_CODES))
    searches = found["Condition.onset[x]", ""]["selected_by"].split(" or ")
    assert sorted(searches) == [f"Condition?onset-{one}=" for one in ("age", "date", "info")]
    assert found["Condition.onset[x]", "onsetAge"]["selected_by"] == "Condition?onset-age="
    assert found["Condition.onset[x]", "onsetAge"]["cardinality"] == "0..1"


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (profile("Condition", element("Condition.note", max="0")), "the profile does not allow it"),
        (profile("Condition", element("Condition.note")), "no search parameter"),
        (profile("Observation", element("Observation.code")), "searches take Condition, Consent, Patient"),
        (profile("Extension", element("Extension.url"), kind="complex-type"), "a part of resources"),
        (profile("Own", element("Own.part"), kind="logical", base=f"{CORE}Element"), "a logical model"),
    ],
)  # fmt: skip
def test_what_cannot_be_selected_by_says_why(tmp_path, one, expected):
    last = rows(tmp_path, one)[-1]
    assert last["selected_by"].startswith(f"{NO}{expected}")
    assert last["used_as"] == ""


@pytest.mark.parametrize("by_pattern", [True, False])
def test_the_unit_of_a_quantity_comes_from_its_pattern_or_its_parts(tmp_path, by_pattern):
    if by_pattern:
        said = [
            element(
                "Observation.value[x]:valueQuantity",
                patternQuantity={"system": UCUM, "code": "mm[Hg]"},
            )
        ]
    else:
        parts = {
            "system": {"fixedUri": UCUM},
            "code": {"fixedCode": "mm[Hg]"},
            "unit": {"fixedString": "mmHg"},
        }
        said = [element("Observation.value[x]:valueQuantity")]
        said += [
            element(f"Observation.value[x]:valueQuantity.{name}", **fixed)
            for name, fixed in parts.items()
        ]
    found = by_place(rows(tmp_path, profile("Observation", *said)))
    row = found["Observation.value[x]", "valueQuantity"]
    assert (row["types"], row["unit"]) == ("Quantity", "mm[Hg]")


@pytest.mark.parametrize("snapshot", [True, False])
def test_a_profile_has_the_elements_of_its_base(tmp_path, snapshot):
    base = profile(
        "Patient",
        element("Patient.gender", min=1, mustSupport=True),
        element("Patient.active"),
        name="base",
    )
    if snapshot:
        base["snapshot"] = base.pop("differential")
    own = profile("Patient", element("Patient.gender", short="sex"), name="own", base=f"{OWN}base")
    found = [row for row in rows(tmp_path, base, own) if row["profile"] == f"{OWN}own"]
    stated = {row["element"]: row["stated"] for row in found}
    assert stated == {"Patient": "yes", "Patient.gender": "yes", "Patient.active": "base"}
    gender = next(row for row in found if row["element"] == "Patient.gender")
    assert (gender["cardinality"], gender["must_support"], gender["text"]) == ("1..1", "yes", "sex")


def test_xml_says_the_same_as_json(tmp_path):
    said = rows(tmp_path, DIAGNOSIS, ICD_CODES)
    xml = StructureDefinition.model_validate(DIAGNOSIS).model_dump_xml()
    text = xml if isinstance(xml, str) else xml.decode()
    text = re.sub(
        r'<element><id value="([^"]*)"/>', r'<element id="\1">', text
    )  # as the standard has it
    assert text.count("<element id=") == len(DIAGNOSIS["differential"]["element"])
    (tmp_path / "in" / "01.json").unlink()
    (tmp_path / "in" / "01.xml").write_text(text)
    command.write_terms(tmp_path / "in", tmp_path / "xml")
    assert read(tmp_path / "xml" / "terms.tsv") == said


CODES = {
    "listed": (include(SNOMED, "1", "2"), "2", ""),
    "a system of the folder": (include(f"{OWN}codes"), "3", ""),
    "a system from elsewhere": (include(LOINC), "0", f"all of {LOINC}"),
    "a rule": (include(SNOMED, filter=[{"property": "concept", "op": "is-a", "value": "9"}]), "0",
               f"{SNOMED} where concept is-a 9"),
    "another value set": ({"valueSet": [f"{OWN}icd"]}, "2", ""),
    "one that is not there": ({"valueSet": [f"{OWN}nowhere"]}, "0", "not in the folder"),
    "an intersection": ({"system": ICD, "valueSet": [f"{OWN}icd"]}, "0", "an intersection of value sets"),
}  # fmt: skip
CODE_SYSTEM = {
    "resourceType": "CodeSystem", "url": f"{OWN}codes", "status": "active", "content": "complete",
    "concept": [{"code": "a", "concept": [{"code": "b"}]}, {"code": "c"}],
}  # fmt: skip


@pytest.mark.parametrize(("part", "n_codes", "more"), CODES.values(), ids=list(CODES))
def test_the_codes_of_a_value_set(tmp_path, part, n_codes, more):
    one = profile("Condition", element("Condition.code", binding=bound("asked")))
    last = rows(
        tmp_path, one, value_set("asked", compose={"include": [part]}), ICD_CODES, CODE_SYSTEM
    )[-1]
    assert (last["n_codes"], last["more_codes"]) == (n_codes, more)


def test_what_a_value_set_leaves_out_is_left_out_and_an_expansion_counts_first(tmp_path):
    compose = {"include": [include(SNOMED, "1", "2")], "exclude": [include(SNOMED, "2")]}
    one = profile("Condition", element("Condition.code", binding=bound("asked")))
    last = rows(tmp_path, one, value_set("asked", compose=compose))[-1]
    assert last["codes"] == f"{SNOMED}|1"
    expansion = {"timestamp": "2026-01-01", "contains": [{"system": LOINC, "code": "9"}]}
    last = rows(tmp_path, one, value_set("asked", compose=compose, expansion=expansion))[-1]
    assert last["codes"] == f"{LOINC}|9"


def test_nothing_is_said_for_certain_of_codes_that_are_left_out_by_a_rule(tmp_path):
    rule = include(LOINC, filter=[{"property": "STATUS", "op": "=", "value": "DEPRECATED"}])
    one = profile("Condition", element("Condition.code", binding=bound("asked")))
    asked = value_set("asked", compose={"include": [include(LOINC)], "exclude": [rule]})
    assert (
        rows(tmp_path, one, asked)[-1]["more_codes"]
        == "leaves out codes that the folder does not list"
    )


def changed(**more):
    found = copy.deepcopy(DIAGNOSIS)
    for name, value in more.items():
        if value is None:
            found.pop(name)
        else:
            found[name] = value
    return found


BAD = {
    "no base": ([changed(baseDefinition=f"{OWN}nowhere")], "01 a differential whose base is not there"),
    "another version": ([changed(baseDefinition=f"{OWN}base|2"), profile("Condition", name="base", version="1")],
                        "01 a differential whose base has another version"),
    "circle": ([profile("Patient", name="a", base=f"{OWN}b"), profile("Patient", name="b", base=f"{OWN}a")],
               "01 a base that leads back to itself; 02 a base that leads back to itself"),
    "own base": ([changed(baseDefinition=DIAGNOSIS["url"])], "01 a base that leads back to itself"),
    "R5": ([changed(fhirVersion="5.0.0")], "01 a version of FHIR that is not R4 or R4B"),
    "no version": ([changed(fhirVersion=None)], "01 no version of FHIR"),
    "no url": ([changed(url=None)], "01 it does not fit FHIR R4"),
    "no kind": ([changed(kind=None)], "01 it does not fit FHIR R4"),
    "no elements": ([changed(differential=None)], "01 neither a snapshot nor a differential with elements"),
    "unknown type": ([profile("Consultation")],
                     "01 a type that FHIR R4 does not have; 01 a differential whose base is not there"),
    "other path": ([profile("Patient", element("Condition.code"))],
                   "01 an element whose path does not begin with the type"),
    "two of one": ([profile("Patient", element("Patient.name"), element("Patient.name"))], "01 two elements of one id"),
    "one url": ([DIAGNOSIS, changed(name="other")], "02 another definition of the same url"),
    "several": ([changed(fhirVersion="3.0.2"), profile("Patient", name="x", base=f"{OWN}y")],
                "01 a version of FHIR that is not R4 or R4B; 02 a differential whose base is not there"),
    "circular value sets": (
        [DIAGNOSIS, value_set("icd", compose={"include": [{"valueSet": [f"{OWN}two"]}]}),
         value_set("two", compose={"include": [{"valueSet": [f"{OWN}icd"]}]})],
        "ValueSet 02 a value set that includes itself"),
    "none": ([ICD_CODES], "PROFILES no StructureDefinition in it"),
}  # fmt: skip


@pytest.mark.parametrize(("resources", "expected"), BAD.values(), ids=list(BAD))
def test_bad_profiles_are_told_all_at_once_by_file_and_kind(tmp_path, caplog, resources, expected):
    folder = write(tmp_path / "in", *resources)
    assert command.main(["--profiles", str(folder), "--out", str(tmp_path / "out")]) == 2
    assert not (tmp_path / "out").exists()
    shown = []
    for line in caplog.text.splitlines():
        if match := re.search(r"profile file (\d+), (\w+) 1: ([^;]*); \w", line):
            kind = "" if match[2] == "StructureDefinition" else f"{match[2]} "
            shown.append(f"{kind}{int(match[1]):02d} {match[3]}")
        elif match := re.search(r"PROFILES: ([^;]*); \w", line):
            shown.append(f"PROFILES {match[1]}")
    assert "; ".join(shown) == expected


def test_what_a_package_holds_beside_is_passed_over_and_no_resource_stops(tmp_path):
    folder = write(tmp_path / "in", DIAGNOSIS)
    (folder / "package.json").write_text('{"name": "x"}')
    command.write_terms(folder, tmp_path / "out")
    (folder / "other.json").write_text('{"name": "x"}')
    with pytest.raises(AvatarflowError, match="profile file 2, line 1: a resource of no kind"):
        command.write_terms(folder, tmp_path / "out")


def test_every_parameter_is_of_an_element_that_fhir_has():
    for kind, parameters in PARAMETERS.items():
        for path, (_, below) in parameters.items():
            assert element_of(f"{kind}.{path}"), f"{kind}.{path}"
            for one in below:
                assert element_of(f"{kind}.{path}.{one}"), f"{kind}.{path}.{one}"


def test_every_search_is_one_that_the_configuration_takes(root):
    schema = yaml.safe_load((root / "workflow/schemas/release.schema.yaml").read_text())
    patterns = re.findall(r"'pattern': '(\^\([A-Z][^']*)'", str(schema))
    assert len(patterns) == 2
    for kinds, pattern in zip((LABELS, CONSENTS), sorted(patterns, reverse=True), strict=True):
        for kind in kinds:
            assert re.search(pattern, kind)
            for path in PARAMETERS[kind]:
                search = search_of(f"{kind}.{path}", ("http://é.example", "ä"), "ö")
                assert re.search(pattern, search), search
    assert set(PARAMETERS) == {*LABELS, *CONSENTS}


@pytest.mark.parametrize(
    ("path", "coding", "fixed", "expected"),
    [
        ("Patient.address.country", ("", ""), "DE", "Patient?address-country=DE"),
        ("Patient.active", ("", ""), True, "Patient?active=true"),
        ("Patient.telecom", ("phone", ""), None, "Patient?telecom="),  # the bar would ask for its use
        ("Patient.identifier.system", ("https://a.example", ""), "x", "Patient?identifier=https://a.example|"),
        ("Condition.onsetPeriod.start", ("", ""), None, "Condition?onset-date="),
        ("Condition.code", ("", "9"), None, "Condition?code=9"),
    ],
)  # fmt: skip
def test_a_search_holds_what_the_profile_fixes(path, coding, fixed, expected):
    assert search_of(path, coding, fixed) == expected


def test_marks_of_a_search_inside_a_code_are_escaped():
    assert (
        search_of("Condition.code", ("s", "a|b,c$d\\"), None)
        == "Condition?code=s|a\\|b\\,c\\$d\\\\"
    )


def group(*characteristics, **more):
    asked = [{"exclude": False, **one} for one in characteristics]
    found = {"resourceType": "Group", "id": "g", "type": "person", "actual": False}
    return {**found, "characteristic": asked, **more}


def coded(system, code):
    return {"coding": [{"system": system, "code": code}]}


STUDY = {
    "resourceType": "ResearchStudy",
    "status": "active",
    "enrollment": [{"reference": "Group/g"}],
}
HAS = {"code": coded(SNOMED, "404684003")}


def test_what_a_protocol_asks_for_becomes_terms_and_searches(tmp_path):
    asked = group(
        HAS | {"valueCodeableConcept": coded(ICD, "H35.3")},
        HAS | {"valueCodeableConcept": coded(SNOMED, "267718000"), "exclude": True},
        HAS | {"valueCodeableConcept": coded(SNOMED, "38341003")},
        {"code": coded(LOINC, "30525-0"), "valueRange": {"low": {"value": 50, "code": "a"}}},
    )
    found = rows(tmp_path, DIAGNOSIS, ICD_CODES, STUDY, asked, table="study")
    assert [row["item"] for row in found] == ["1", "2", "3", "4"]
    assert [row["excluded"] for row in found] == ["no", "yes", "no", "no"]
    assert found[0]["selected_by"] == f"Condition?code={ICD}|H35.3"
    assert found[0]["terms"].startswith(f"{OWN}profile#Condition.code.coding")
    assert found[1]["selected_by"] == f"Condition?code={SNOMED}|267718000"
    assert found[2]["selected_by"] == found[3]["selected_by"] == f"{NO}no term has this code"
    assert found[3]["value"].startswith("50")


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ([STUDY], "a Group that is not there"),
        ([{**STUDY, "enrollment": []}], "it enrols no Group|does not fit"),
        ([STUDY, group(HAS | {"valueBoolean": True}, actual=True)], "a Group of actual persons"),
        ([STUDY, group(HAS | {"valueBoolean": True}, member=[{"entity": {"reference": "Patient/1"}}])],
         "a Group of actual persons"),
        ([STUDY, group()], "no characteristics|does not fit"),
    ],
)  # fmt: skip
def test_a_protocol_without_criteria_or_with_persons_stops(tmp_path, resources, expected):
    with pytest.raises(AvatarflowError, match=expected):
        rows(tmp_path, DIAGNOSIS, *resources)
    assert not (tmp_path / "out").exists()
