"""Withdrawn patients: the run is that of a world in which they never came."""

import json
from datetime import date

import consents as consents_of
import dicom_files
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from inputs import outputs
from PIL import Image

from avatarflow.config.loading import load
from avatarflow.core.errors import AvatarflowError
from avatarflow.intake.consent.gate import ConsentFiles
from avatarflow.intake.fhir.people import read_people
from avatarflow.intake.sources.rows import Place
from avatarflow.intake.sources.withdrawn import (
    IntakeInputs,
    Links,
    read_withdrawn,
    withdrawn_rows,
)
from avatarflow.intake.step import take_in
from avatarflow.runs.context import Step


def entry(**changes):
    config = {
        "source": {"manifest": "m", "root": "."},
        "gates": {},
        "patient_id_columns": ["patient", "mrn"],
        "size_px": 16,
        "limits": {"max_refused_share": 0.5},
        **changes,
    }
    return load({"releases": {"x": config}})["releases"]["x"]


@pytest.fixture
def folder(tmp_path):
    for n in range(12):
        pixels = np.random.default_rng(n).integers(0, 255, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{n}.png")
    (tmp_path / "5.png").write_text("no picture")
    rows = [
        {"file": f"{n}.png", "patient": f"p{n // 2}", "mrn": "", "taken": date(2025, 1, 1 + n)}
        for n in range(12)
    ]
    return tmp_path, rows


def content(folder, rows, gone=None, kind="csv", files=None, **changes):
    """Every file that intake leaves, by name, for a manifest and a withdrawn list; `files` of FHIR."""
    root, out = folder, folder / f"out-{np.random.default_rng().integers(1 << 60)}"
    manifest = root / f"m.{kind}"
    if kind == "csv":
        pd.DataFrame(rows).to_csv(manifest, index=False)
    else:
        pq.write_table(pa.Table.from_pylist(rows), manifest)
    path = None
    if gone is not None:
        path = str(root / "withdrawn.csv")
        (root / "withdrawn.csv").write_text(gone)
    files = dict(files or {})
    place = Place(str(root), str(manifest), files.pop("labels", ()))
    inputs = IntakeInputs(place, withdrawn=path, **files)
    take_in(entry(**changes), inputs, 3, 1, outputs(out), Step.null())
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("filtered", ["", "taken >= '2025-01-03'"])
def test_the_pool_is_byte_equal_to_one_without_the_patient(folder, kind, filtered):
    root, rows = folder
    rows[11]["mrn"] = "m7"
    rows.append({"file": "10.png", "patient": "", "mrn": "m7", "taken": date(2025, 1, 20)})
    listed = "patient\nP1\np5\n"  # p5 is m7, too
    found = content(root, rows, listed, kind, row_filter=filtered)
    never = [row for n, row in enumerate(rows) if n not in (2, 3, 10, 11, 12)]
    assert found == content(root, never, None, kind, row_filter=filtered)
    assert found != content(root, rows, None, kind, row_filter=filtered)


def test_a_list_may_name_patients_by_several_columns_together(folder):
    root, rows = folder
    for n, row in enumerate(rows):
        row |= {"patient": f"{n // 2 % 3}", "mrn": f"site-{n // 6}"}
    columns = {"patient_id_columns": [["patient", "mrn"]]}
    found = content(root, rows, "mrn,patient\nsite-1,0\n", **columns)
    never = [row for n, row in enumerate(rows) if n not in (6, 7)]
    assert found == content(root, never, **columns)


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("site,number\n,12\nA,13\n", 1),
        ("site,number\nA,13\nA,unknown\n", 2),
        ("number\n12\n", 1),
        ("mrn,site,number\nm1,,\nm1,A,\n", 2),
    ],
)
def test_a_part_of_several_columns_that_count_together_stops_the_run(tmp_path, text, row):
    (tmp_path / "w.csv").write_text(text)
    columns = ["mrn", ["site", "number"]]
    with pytest.raises(
        AvatarflowError, match=f"^withdrawn list: row {row} has only a part"
    ) as error:
        read_withdrawn(tmp_path / "w.csv", columns)
    assert "12" not in str(error.value)


def test_an_empty_cell_beside_a_whole_identifier_hides_nobody(tmp_path):
    (tmp_path / "w.csv").write_text("mrn,site,number\n,A,12\nm3,,\n")
    columns = ["mrn", ["site", "number"], ["mrn", "site"]]
    rows = pd.DataFrame({"mrn": ["", "", "M3"], "site": list("ABB"), "number": ["12", "12", "1"]})
    listed = read_withdrawn(tmp_path / "w.csv", columns)
    gone, unmet = withdrawn_rows(rows, pd.Series(list("abc")), listed, columns)
    assert gone.tolist() == [True, False, True]
    assert unmet == 0


def test_each_identifier_of_a_line_is_enough(folder):
    root, rows = folder
    listed = "patient,mrn\np1,m77\np9,m7\n"  # nobody has both of a line
    rows[4] |= {"patient": "", "mrn": "m7"}
    never = [row for n, row in enumerate(rows) if n not in (2, 3, 4)]
    assert content(root, rows, listed) == content(root, never)


def fhir_patient(own, value, *links):
    linked = [
        {"other": {"reference": f"Patient/{other}"}, "type": kind}
        for other, kind in (link.split() for link in links)
    ]
    held = {"identifier": [{"system": "urn:h", "value": value}]}
    return {"resourceType": "Patient", "id": own, **held, **({"link": linked} if links else {})}


LINKED = {
    "replaced-by": [fhir_patient("a", "P1", "b replaced-by"), fhir_patient("b", "p3")],
    "replaces, from the other side": [
        fhir_patient("a", "p1"),
        fhir_patient("b", "p3", "a replaces"),
    ],
    "refer, over a third": [
        fhir_patient("a", "p1", "c refer"),
        fhir_patient("b", "p3"),
        fhir_patient("c", "p77", "b seealso"),
    ],
    "seealso, in another spelling": [
        fhir_patient("a", "p1", "b seealso"),
        fhir_patient("b", "P3 "),
    ],
}


def with_fhir(root, resources, use, **changes):
    """What intake needs to join labels, or check consents, of these patients."""
    path = root / "fhir.ndjson"
    consents = [consents_of.given(one["id"]) for one in resources if use == "consents"]
    path.write_text("\n".join(map(json.dumps, [*resources, *consents])))
    named = {"files": [str(path)], "identifier_system": "urn:h", "patient_column": "patient"}
    if use == "labels":
        return {"source": {"manifest": "m", "root": ".", "fhir": named}}, {"labels": [str(path)]}
    files = ConsentFiles([str(path)], "2026-01-01", str(root / "day.json"), "")
    return {"consent": named | {"collected": None}}, {"consents": files}


@pytest.mark.parametrize("use", ["labels", "consents"])
@pytest.mark.parametrize("resources", LINKED.values(), ids=LINKED)
@pytest.mark.parametrize("listed", ["p1", "p3"])
def test_whom_fhir_links_to_a_withdrawn_patient_is_withdrawn_too(folder, use, resources, listed):
    root, rows = folder
    known = [fhir_patient(f"id{n}", f"p{n}") for n in (0, 2, 4, 5)]
    changes, files = with_fhir(root, [*known, *resources], use)
    found = content(root, rows, f"patient\n{listed}\n", files=files, **changes)
    never = [row for n, row in enumerate(rows) if n not in (2, 3, 6, 7)]
    assert found == content(root, never, files=files, **changes)


@pytest.mark.parametrize("use", ["labels", "consents"])
def test_a_withdrawn_patient_is_found_whose_rows_only_have_the_linked_identifier(folder, use):
    root, rows = folder
    known = [fhir_patient(f"id{n}", f"p{n}") for n in (0, 1, 2, 4, 5)]
    linked = [fhir_patient("old", "p99", "new replaced-by"), fhir_patient("new", "p3")]
    changes, files = with_fhir(root, [*known, *linked], use)
    found = content(root, rows, "patient\np99\n", files=files, **changes)
    never = [row for n, row in enumerate(rows) if n not in (6, 7)]
    assert found == content(root, never, files=files, **changes)


@pytest.mark.parametrize("use", ["labels", "consents"])
@pytest.mark.parametrize(
    ("link", "message"),
    [
        ("a parent", "Patient 2: a link of a type that FHIR R4 does not have; correct it"),
        ("nobody seealso", "Patient 2: a link to a patient who is not there; give the file"),
    ],
)
def test_links_that_cannot_be_followed_stop_the_run(folder, use, link, message):
    root, rows = folder
    patients = [fhir_patient("a", "p1"), fhir_patient("b", "p3", link)]
    changes, files = with_fhir(root, patients, use)
    with pytest.raises(AvatarflowError, match=f"file 1, {message}") as error:
        content(root, rows, "patient\np1\n", files=files, **changes)
    assert "p3" not in str(error.value)


def test_the_same_number_of_another_hospital_is_not_withdrawn_without_a_link(tmp_path):
    rows = pd.DataFrame({"site": ["1", "2", "1"], "number": ["7", "7", "9"]})
    key = pd.Series(["a", "b", "c"])
    listed = pd.DataFrame({"site": ["1"], "number": ["7"]})
    path = tmp_path / "p.ndjson"
    path.write_text(json.dumps(fhir_patient("x", "7")))
    links = [Links("number", read_people([str(path)], "urn:h", "FHIR file"))]
    gone, unmet = withdrawn_rows(rows, key, listed, [["site", "number"]], links)
    assert gone.tolist() == [True, False, False]
    assert unmet == 0


def test_an_empty_list_changes_nothing(folder):
    root, rows = folder
    assert content(root, rows, "patient\n") == content(root, rows)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it is empty"),
        ("name\nx\n", "column 1 is none of patient_id_columns"),
        ("patient,patient\na,b\n", "one column twice"),
        ("patient,mrn\np1\n", "fewer cells than the header"),
        ("patient,mrn\np1,\n,\n", "row 2 names nobody"),
        ("patient\nunknown\n", "row 1 names nobody"),
    ],
)
def test_a_list_that_does_not_say_whom_it_means_stops_the_run(tmp_path, text, message):
    (tmp_path / "w.csv").write_text(text)
    with pytest.raises(AvatarflowError, match=message) as error:
        read_withdrawn(tmp_path / "w.csv", ["patient", "mrn"])
    assert str(error.value).startswith("withdrawn list: ")
    assert "p1" not in str(error.value)
    with pytest.raises(AvatarflowError, match="cannot be read"):
        read_withdrawn(tmp_path, ["patient"])


def test_everybody_withdrawn_stops_the_run(folder):
    root, rows = folder
    with pytest.raises(AvatarflowError, match="every patient has withdrawn"):
        content(root, rows[:2], "patient\np0\n")


def test_an_empty_path_is_no_list():
    with pytest.raises(AvatarflowError, match="withdrawn: an empty text"):
        entry(withdrawn="")


def test_withdrawn_patients_of_dicom_files_are_left_out(tmp_path):
    outs = []
    for withdrawn in (True, False):
        root = tmp_path / f"dicom-{withdrawn}"
        for n in range(8):
            if withdrawn or n // 2 != 1:
                sex = "?" if n == 4 else "F"
                dicom_files.write(root / f"{n}.dcm", seed=n, PatientID=f"p{n // 2}", PatientSex=sex)
        (tmp_path / "w.csv").write_text("patient_id\np1\n" if withdrawn else "patient_id\n")
        asked = entry(source={"dicom": str(root)}, patient_id_columns=["patient_id"])
        out = tmp_path / f"out-{withdrawn}"
        inputs = IntakeInputs(Place(str(root)), withdrawn=str(tmp_path / "w.csv"))
        take_in(asked, inputs, 3, 1, outputs(out), Step.null())
        outs.append({path.name: path.read_bytes() for path in out.rglob("*") if path.is_file()})
    assert outs[0] == outs[1]
    assert (
        outs[0]["refused.csv"] == b'manifest,row,reason\ndicom,3,"PatientSex is none of M, F, O"\n'
    )
