"""The exports of a release: what stands in them agrees with the files, nothing of a patient is in them, equal bytes."""

import hashlib
import io
import json
import re

import numpy as np
import pandas as pd
import pydicom
import pytest
import yaml
from PIL import Image

from avatarflow.config.loading import load
from avatarflow.core.errors import AvatarflowError
from avatarflow.quality.samples import Sample
from avatarflow.release.assemble import write_release
from avatarflow.release.exports.names import CONTENTS, NEEDS
from avatarflow.release.exports.registry import EXPORTS

CANARY = "canary-4711"
CONDITIONS = {"sex": ["female", "male"], "eye_side": ["left", "right"]}
DECLARED = {
    "publisher": "Klinik Österberg", "date": "2026-12-01", "url": "https://data.example.org/eyes",
    "contact": "data@example.org",
}  # fmt: skip
SETTINGS = {
    "title": "", "licence": "cc-by-4.0", "sources": [], "limits": ["One camera."], "per_shard": 4, "sheet_pictures": 4,
    "sheet_columns": 2, "exports": list(EXPORTS), "version": "1.2.0", **DECLARED,
}  # fmt: skip
CERTIFICATE = {
    "release": "demo", "decision": "pass", "claim": ["It is no proof of anonymity."], "asked": {"size_px": 5},
    "gates": [], "measured": {}, "consent": {"checked": False, "text": "consent: not checked here"},
    "model_gate": {"result": "inconclusive", "meaning": "x", "high": None, "threshold": None, "n": 0},
}  # fmt: skip
SIZE = 5  # odd: 75 bytes of pixels, which DICOM fills up to 76
GUIDED = {"guidance": 2.0}


def release(folder, seed=0, settings=SETTINGS, certificate=CERTIFICATE, columns=GUIDED):
    """Write a release of seven pictures, of which one has no label, and return its folder."""
    table = pd.DataFrame(
        {
            "candidate": [f"student-{number:06d}" for number in range(7)],
            "sex": ["female", "male", None, "male", "female", "male", "female"],
            "eye_side": np.resize(["left", "right"], 7),
            "person": CANARY,
            **columns,
        }
    )
    pictures = np.random.default_rng(seed).integers(0, 255, (7, SIZE, SIZE, 3)).astype(np.uint8)
    names = {"certificate": "certificate.json", "card": "README.md", "checksums": "SHA256SUMS"}
    outputs = {key: str(folder / name) for key, name in names.items()}
    write_release(outputs, certificate, Sample(pictures, table), CONDITIONS, settings)
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return release(tmp_path_factory.mktemp("release") / "release")


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


# --- what all have in common


def test_registry_schema_needs_and_card_name_the_same_exports(root):
    schema = yaml.safe_load((root / "workflow/schemas/quality.schema.yaml").read_text())
    exports = schema["$defs"]["release"]["properties"]["exports"]
    assert exports["items"]["enum"] == list(EXPORTS) == list(NEEDS) == list(CONTENTS)
    folder = root / "workflow/scripts/avatarflow/release/exports"
    shared = {"__init__", "interface", "names", "registry", "facts"}
    assert {path.stem for path in folder.glob("*.py")} - shared == set(EXPORTS)


def test_equal_releases_have_equal_bytes_and_other_pictures_other_uids(made, tmp_path):
    assert contents(release(tmp_path / "again")) == contents(made)
    other = release(tmp_path / "other", seed=1)
    uids = [
        {pydicom.dcmread(path).SOPInstanceUID for path in (folder / "dicom").iterdir()}
        for folder in (made, other)
    ]
    assert len(uids[0]) == 7
    assert not uids[0] & uids[1]


def test_a_refused_release_exports_nothing(tmp_path):
    folder = release(tmp_path / "release")
    release(folder, certificate={**CERTIFICATE, "decision": "refuse"})
    assert set(contents(folder)) == {"certificate.json", "README.md", "SHA256SUMS"}


def test_nothing_is_exported_that_was_not_asked_for(tmp_path):
    plain = set(contents(release(tmp_path / "none", settings={**SETTINGS, "exports": []})))
    for name in EXPORTS:
        one = contents(release(tmp_path / name, settings={**SETTINGS, "exports": [name]}))
        added = {path.partition("/")[0] for path in set(one) - plain}
        assert added == {re.match("`([^`/]+)", CONTENTS[name])[1]}
        assert CONTENTS[name] in one["README.md"].decode()


def test_no_identifier_no_candidate_and_no_path_is_in_any_exported_byte(made, tmp_path):
    files = contents(made)
    assert len(files) == 16
    for name, data in files.items():
        for word in (CANARY, "student-0000", str(made.parent), "/tmp/"):
            assert word.encode() not in data, name
    # the search can find what stands in a DICOM
    assert b"SYNTHETIC-000003" in files["dicom/000003.dcm"]


def test_the_checksums_cover_every_export(made):
    lines = (made / "SHA256SUMS").read_text().splitlines()
    sums = dict(reversed(line.split("  ")) for line in lines)
    assert set(sums) == set(contents(made)) - {"SHA256SUMS"}
    assert all(digest(made / name) == value for name, value in sums.items())


# --- DICOM


def test_dicom_holds_the_picture_and_says_that_it_is_synthetic(made):
    table = pd.concat([pd.read_parquet(path) for path in sorted((made / "data").iterdir())])
    for number, cell in enumerate(table["image"]):
        dataset = pydicom.dcmread(made / "dicom" / f"{number:06d}.dcm")
        assert np.array_equal(
            dataset.pixel_array, np.asarray(Image.open(io.BytesIO(cell["bytes"])))
        )
        assert (dataset.SyntheticData, dataset.ConversionType) == ("YES", "SYN")
        assert "SYNTHETIC" in dataset.ImageType
        assert dataset.SOPClassUID.name == "Secondary Capture Image Storage"
        assert dataset.PatientID == f"SYNTHETIC-{number:06d}"
        assert not dataset.PatientSex
        assert dataset.PatientIdentityRemoved == "YES"
        assert len(dataset.PixelData) == 76
    assert (
        "sex=female, eye_side=left"
        in pydicom.dcmread(made / "dicom/000000.dcm").DerivationDescription
    )
    assert (
        "Asked for: eye_side=left."
        in pydicom.dcmread(made / "dicom/000002.dcm").DerivationDescription
    )


def test_dicom_has_no_date_and_no_uid_twice(made):
    uids = []
    for path in (made / "dicom").iterdir():
        dataset = pydicom.dcmread(path)
        for element in dataset:
            assert element.VR not in ("DA", "TM", "DT") or not element.value, element
        uids += [dataset.SOPInstanceUID, dataset.SeriesInstanceUID, dataset.StudyInstanceUID]
    assert len(set(uids)) == len(uids) == 21


# --- records


def test_croissant_describes_every_shard_and_column(made):
    record = json.loads((made / "croissant.json").read_text())
    assert record["conformsTo"][0] == "http://mlcommons.org/croissant/1.1"
    assert record["license"] == "https://creativecommons.org/licenses/by/4.0/"
    shards = sorted(path.relative_to(made).as_posix() for path in (made / "data").iterdir())
    assert [file["contentUrl"] for file in record["distribution"]] == shards
    for file, records in zip(record["distribution"], record["recordSet"], strict=True):
        assert file["sha256"] == digest(made / file["contentUrl"])
        columns = {field["source"]["extract"]["column"] for field in records["field"]}
        assert columns == set(pd.read_parquet(made / file["contentUrl"]).columns)
        assert {field["source"]["fileObject"]["@id"] for field in records["field"]} == {file["@id"]}
    assert "It is no proof of anonymity." in record["rai:personalSensitiveInformation"]
    assert "One camera." in record["rai:dataLimitations"]


def test_croissant_names_no_column_that_is_not_there(tmp_path):
    folder = release(tmp_path / "release", columns={})
    records = json.loads((folder / "croissant.json").read_text())["recordSet"][0]
    columns = {field["source"]["extract"]["column"] for field in records["field"]}
    assert columns == {"image", "picture", "sex", "eye_side"}


def test_dcat_ap_says_where_each_file_is_and_what_it_is(made):
    graph = {one["@id"]: one for one in json.loads((made / "dcat-ap.jsonld").read_text())["@graph"]}
    data = graph["https://data.example.org/eyes#dataset"]
    assert data["healthdcatap:numberOfRecords"]["@value"] == "7"
    assert data["dct:issued"]["@value"] == "2026-12-01"
    parts = [graph[part["@id"]] for part in data["dcat:distribution"]]
    assert len(parts) == 2
    for part in parts:
        path = made / part["dcat:downloadURL"]["@id"].removeprefix("https://data.example.org/eyes/")
        assert part["spdx:checksum"]["spdx:checksumValue"]["@value"] == digest(path)
        assert part["dcat:byteSize"]["@value"] == str(path.stat().st_size)
    for key in ("dct:publisher", "dcat:contactPoint", "dcat:theme", "dct:accessRights"):
        assert data[key]["@id"] in graph, key
    assert (
        graph[data["dcat:contactPoint"]["@id"]]["vcard:hasEmail"]["@id"]
        == "mailto:data@example.org"
    )


def test_a_web_address_and_an_unknown_licence_are_written_as_such(tmp_path):
    settings = {**SETTINGS, "contact": "https://example.org/ask", "licence": "in-house-7"}
    folder = release(tmp_path / "release", settings=settings)
    graph = json.loads((folder / "dcat-ap.jsonld").read_text())["@graph"]
    contact = next(one for one in graph if one["@id"].endswith("#contact"))
    assert contact["vcard:hasURL"]["@id"] == "https://example.org/ask"
    licence = next(one["dct:license"] for one in graph if "dct:license" in one)
    assert licence["rdfs:label"]["@value"] == "in-house-7"
    root = json.loads((folder / "ro-crate-metadata.json").read_text())["@graph"][1]
    assert root["license"] == "in-house-7"


def test_the_crate_describes_every_file_and_the_run(made):
    graph = json.loads((made / "ro-crate-metadata.json").read_text())["@graph"]
    found = {one["@id"]: one for one in graph}
    parts = [part["@id"] for part in found["./"]["hasPart"]]
    assert set(parts) == set(contents(made)) - {"ro-crate-metadata.json"}
    for part in set(parts) - {"SHA256SUMS"}:
        assert found[part]["sha256"] == digest(made / part)
    assert found["./"]["datePublished"] == "2026-12-01"
    run = found["#run"]
    assert run["@type"] == "CreateAction"
    assert run["instrument"]["@id"] in found
    assert {"@id": "data/00000.parquet"} in run["result"]


# --- configuration


def config(**release):
    entry = {"source": {"generate": {}}, "gates": {}, "release": release}
    return load({"releases": {"eyes": entry}})["releases"]["eyes"]["release"]


def test_exports_are_off_and_can_all_be_on():
    assert config()["exports"] == []
    assert config(exports=list(EXPORTS), **DECLARED)["exports"] == list(EXPORTS)
    assert config(exports=["dicom"])["exports"] == ["dicom"]


def test_what_an_export_needs_is_asked_for_before_anything_runs():
    with pytest.raises(AvatarflowError) as error:
        config(exports=["croissant", "dcat_ap", "ro_crate"], publisher=" ")
    where = "config releases.eyes.release"
    assert str(error.value).splitlines() == [
        f"{where}.publisher: empty, and needed by croissant, dcat_ap, ro_crate; set it",
        f"{where}.date: empty, and needed by croissant, dcat_ap, ro_crate; set it",
        f"{where}.url: empty, and needed by croissant, dcat_ap; set it",
        f"{where}.contact: empty, and needed by dcat_ap; set it",
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"exports": ["zip"]}, {"exports": ["dicom", "dicom"]}, {"date": "2026-02-30"}, {"date": "01.12.2026"},
        {"url": "data.example.org"}, {"contact": "Ms X"}, {"version": "one"},
    ],
)  # fmt: skip
def test_values_that_have_another_form_are_refused(wrong):
    with pytest.raises(AvatarflowError, match=f"eyes.release.{next(iter(wrong))}"):
        config(**wrong)
