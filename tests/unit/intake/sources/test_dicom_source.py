"""DICOM files as a source: what their headers say becomes typed rows, and what contradicts itself is refused."""

import os
import shutil
from pathlib import Path

import pytest
from dicom_files import write
from pydicom.data import get_testdata_file

from avatarflow.config.loading import load
from avatarflow.core.errors import AvatarflowError
from avatarflow.intake.pool import pool_from_manifest
from avatarflow.intake.sources.dicom import digest_of_folder
from avatarflow.intake.sources.registry import source_of
from avatarflow.intake.sources.rows import REFUSED, Place
from avatarflow.intake.sources.withdrawn import IntakeInputs
from avatarflow.intake.tables.manifest import ODDITIES
from avatarflow.runs.context import Step


def rows(folder, columns=(), row_filter=""):
    place = Place(str(folder))
    return source_of(place)(place, list(columns), [], row_filter)


def one(tmp_path, **elements):
    """The cells and the refusal of one file."""
    write(tmp_path / "a.dcm", **elements)
    table = rows(tmp_path)
    return table.iloc[0].to_dict(), table.attrs[REFUSED].get(1, "")


def test_a_header_becomes_a_row(tmp_path):
    cells, refused = one(tmp_path, IssuerOfPatientID="hospital")
    assert cells == {
        "row": 1,
        "file": "a.dcm",
        "patient_id": "p1",
        "issuer": "hospital",
        "laterality": "right",
        "sex": "female",
        "age_years": "64",
        "acquired": "2025-06-14",
        "device": "Maker Cam 1",
        "modality": "OP",
    }
    assert refused == ""


CASES = {
    "birthday": ({"AcquisitionDateTime": "20250615"}, "age_years", "65"),
    "date beside time": ({"AcquisitionDate": "20250614"}, "acquired", "2025-06-14"),
    "no day": ({"AcquisitionDateTime": None}, "acquired", None),
    "no day, no age": ({"AcquisitionDateTime": None}, "age_years", None),
    "age alone": ({"AcquisitionDateTime": None, "PatientAge": "047Y"}, "age_years", "47"),
    "age in months": ({"PatientBirthDate": None, "PatientAge": "018M"}, "age_years", "1"),
    "a year is no day": ({"AcquisitionDateTime": "2025"}, "acquired", None),
    "a month is no day": ({"PatientBirthDate": "196006"}, "age_years", None),
    "other element": ({"ImageLaterality": None, "Laterality": "L"}, "laterality", "left"),
    "both eyes": ({"ImageLaterality": "B"}, "laterality", None),
    "other sex": ({"PatientSex": "O"}, "sex", "other"),
    "no sex": ({"PatientSex": ""}, "sex", None),
    "no patient": ({"PatientID": None}, "patient_id", None),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_missing_is_not_guessed(tmp_path, case):
    elements, column, value = CASES[case]
    cells, refused = one(tmp_path, **elements)
    assert (cells[column], refused) == (value, "")


BAD = {
    "sides": ({"Laterality": "L"}, "ImageLaterality and Laterality contradict each other"),
    "side": ({"ImageLaterality": "OD"}, "ImageLaterality is none of R, L, B, U"),
    "days": (
        {"AcquisitionDate": "20250613"},
        "AcquisitionDateTime and AcquisitionDate contradict each other",
    ),
    "no such day": ({"AcquisitionDateTime": "20250230"}, "AcquisitionDateTime is no date"),
    "dots": ({"PatientBirthDate": "1960.06.15"}, "PatientBirthDate is no date"),
    "sex": ({"PatientSex": "W"}, "PatientSex is none of M, F, O"),
    "no unit": ({"PatientAge": "064"}, "PatientAge has no unit, or is no age"),
    "age": ({"PatientAge": "030Y"}, "PatientAge and PatientBirthDate contradict each other"),
    "unborn": ({"PatientBirthDate": "20260101"}, "the picture is older than the patient"),
    "mask": ({"PatientBirthDate": "18400101"}, "an age of more than 130 years"),
    "old": ({"PatientBirthDate": None, "PatientAge": "999Y"}, "an age of more than 130 years"),
    "two ids": ({"PatientID": "p1\\p2"}, "PatientID holds several values"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_contradicts_itself_is_refused(tmp_path, case):
    elements, reason = BAD[case]
    assert one(tmp_path, **elements)[1] == reason


def test_a_refused_row_still_says_whose_it_is(tmp_path):
    cells, refused = one(tmp_path, PatientSex="W", ImageLaterality="OD")
    assert refused == "ImageLaterality is none of R, L, B, U"
    assert [cells[name] for name in ("patient_id", "sex", "laterality")] == ["p1", None, None]


def test_pipes_circles_and_folders_are_no_files(tmp_path):
    write(tmp_path / "a.dcm")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "to_pipe").symlink_to(tmp_path / "pipe")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    (tmp_path / "folder.dcm").mkdir()
    found = rows(tmp_path)
    assert list(found["file"]) == ["a.dcm", "circle"]
    assert found.attrs[REFUSED] == {2: "symbolic links in a circle"}
    assert digest_of_folder(tmp_path)


def test_one_uid_under_two_patients_refuses_both(tmp_path):
    for n, patient in enumerate(["p1", "p2", "p3", "p3"]):
        uid = "1.2.3" if n < 2 else "1.2.4"
        write(tmp_path / f"{n}.dcm", seed=n, PatientID=patient, SOPInstanceUID=uid)
    refused = rows(tmp_path).attrs[REFUSED]
    assert refused == dict.fromkeys([1, 2], "one SOPInstanceUID under two patients")


@pytest.mark.parametrize(
    ("other", "issuers", "is_refused"),
    [
        ("0071", ("", ""), False),
        ("71 ", ("Clinic", ""), False),
        ("71", ("Clinic", "Practice"), True),
        ("72", ("", ""), True),
    ],
)
def test_one_patient_written_in_two_ways_may_have_one_uid(tmp_path, other, issuers, is_refused):
    for n, patient in enumerate(["71", other]):
        said = {"PatientID": patient, "IssuerOfPatientID": issuers[n]}
        write(tmp_path / f"{n}.dcm", seed=n, SOPInstanceUID="1.2.3", **said)
    refused = rows(tmp_path).attrs[REFUSED]
    assert set(refused) == ({1, 2} if is_refused else set())


def test_a_file_without_its_preamble_is_a_row_that_says_so(tmp_path):
    write(tmp_path / "a.dcm")
    (tmp_path / "b.dcm").write_bytes((tmp_path / "a.dcm").read_bytes()[132:])
    found = rows(tmp_path)
    assert list(found["file"]) == ["a.dcm", "b.dcm"]
    assert set(found.attrs[REFUSED]) == {2}
    assert found.attrs[REFUSED][2].startswith("DICOM without its preamble")


def test_files_of_other_kinds_are_left_out_with_a_word(tmp_path):
    write(tmp_path / "b/c.dcm")
    write(tmp_path / "a")
    (tmp_path / "b/notes.txt").write_text("DICM")
    found = rows(tmp_path)
    assert list(found["file"]) == ["a", "b/c.dcm"]
    assert found.attrs[ODDITIES] == [
        "1 files of the folder hold no DICOM picture, and are left out"
    ]


def test_no_dicom_file_and_no_such_column_stop_the_run(tmp_path):
    with pytest.raises(AvatarflowError, match="no DICOM file among 0 files"):
        rows(tmp_path)
    write(tmp_path / "a.dcm")
    with pytest.raises(
        AvatarflowError, match="no column 'site'; correct the config: there are file, pat"
    ):
        rows(tmp_path, ["site"])
    with pytest.raises(AvatarflowError, match="no column 'ward'"):
        rows(tmp_path, row_filter="ward = 'x'")


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    write(tmp_path / "outside.dcm")
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.dcm").symlink_to(tmp_path / "outside.dcm")
    assert rows(tmp_path / "in").attrs[REFUSED] == {1: "path leads outside the root"}


@pytest.mark.parametrize("end", [133, 150, 200, 400])
def test_a_header_that_is_cut_off_is_refused_or_names_nobody(tmp_path, end):
    path = write(tmp_path / "a.dcm")
    path.write_bytes(path.read_bytes()[:end])
    found = rows(tmp_path)
    assert found.attrs[REFUSED] or found["patient_id"].isna().all()


NAMES = (
    "CT_small.dcm",
    "JPEG2000.dcm",
    "SC_rgb_jpeg_dcmtk.dcm",
    "image_dfl.dcm",
    "MR_small_bigendian.dcm",
    "reportsi.dcm",
    "nested_priv_SQ.dcm",
)


def test_files_of_other_makers_are_read_or_refused(tmp_path):
    for name in NAMES:
        shutil.copy(get_testdata_file(name, download=False), tmp_path / name)
    found = rows(tmp_path)
    assert sorted(found["file"]) == sorted(NAMES)
    by_file = found.set_index("file")
    assert by_file.loc["CT_small.dcm", ["patient_id", "sex"]].tolist() == ["1CT1", "other"]
    assert by_file.loc["image_dfl.dcm", "modality"] == "OT"
    assert set(found.attrs[REFUSED].values()) <= {"PatientAge has no unit, or is no age"}


def test_the_pool_reads_them_by_patient_and_keeps_nothing_of_the_header(tmp_path):
    for n in range(8):
        elements = {"PatientID": f"p{n // 2}", "ImageLaterality": "RL"[n % 2]}
        write(tmp_path / f"{n}.dcm", seed=n, **elements)
    write(tmp_path / "8.dcm", seed=8, PatientID="p4", PixelData=None)
    write(tmp_path / "9.dcm", seed=9, PatientID="p5", BurnedInAnnotation="YES")
    write(tmp_path / "a.dcm", seed=9, PatientID="p6", PatientSex="?")
    config = {
        "source": {"dicom": str(tmp_path)},
        "gates": {},
        "patient_id_columns": [["issuer", "patient_id"], "patient_id"],
        "conditions": {"laterality": ["left", "right"], "sex": ["female", "male"]},
        "size_px": 16,
        "row_filter": "age_years > 60 OR sex IS NULL",
    }
    entry = load({"releases": {"x": config}})["releases"]["x"]
    pool = pool_from_manifest(entry, IntakeInputs(Place(str(tmp_path))), 1, 1, Step.null())
    assert pool.table["person"].nunique() == 4
    assert list(pool.table["laterality"]) == ["right", "left"] * 4
    assert set(pool.refused.values()) == {
        "no pixel data",
        "annotation burned into the picture",
        "PatientSex is none of M, F, O",
    }
    assert "p1" not in pool.table.to_csv()


def test_the_digest_sees_every_file(tmp_path):
    write(tmp_path / "a.dcm")
    before = digest_of_folder(tmp_path)
    assert digest_of_folder(tmp_path) == before
    write(tmp_path / "b/b.dcm")
    after = digest_of_folder(tmp_path)
    assert after != before
    Path(tmp_path / "b/b.dcm").rename(tmp_path / "b/c.dcm")
    assert digest_of_folder(tmp_path) not in (before, after)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({}, "found none; give exactly one of manifest, dicom, generate"),
        ({"dicom": "d", "manifest": "m", "root": "r"}, "found manifest and dicom"),
        ({"dicom": "d", "root": "r"}, "found beside dicom"),
        ({"dicom": ""}, "found none; give exactly one"),
        ({"generate": {}, "fhir": {"files": ["a"]}}, "generated eyes have no patients"),
        ({"dicom": "d", "fhir": {}}, "found neither files nor a server"),
    ],
)
def test_sources_that_contradict_each_other_are_refused(source, message):
    with pytest.raises(AvatarflowError, match=message):
        load({"releases": {"x": {"source": source, "gates": {}}}})
