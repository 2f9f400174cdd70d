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
from site_keys import site

from avatarflow.config.loading import load
from avatarflow.core.errors import AvatarflowError
from avatarflow.quality.samples import Sample
from avatarflow.release.assemble import write_release
from avatarflow.release.exports import reads
from avatarflow.release.exports.health_dcat_ap import CATEGORIES, LABELS
from avatarflow.release.exports.names import CONTENTS, NEEDS, PICTURES_ONLY
from avatarflow.release.exports.registry import EXPORTS
from avatarflow.release.signing import read_signer

CANARY = "canary-4711"
CONDITIONS = {"sex": ["female", "male"], "eye_side": ["left", "right"]}
HEALTH = {
    "categories": ["EMRD", "RPDG"], "legislation": ["http://data.europa.eu/eli/reg/2025/327/oj"],
    "access_body": {"name": "Zugangsstelle", "contact": "https://hdab.example.org"},
    "custodian": {"name": "", "contact": ""}, "purpose": "Method development.", "legal_basis": "", "population": "",
    "min_age": 18, "max_age": None, "individuals": None, "retained_from": "2026-12-01", "retained_until": "",
}  # fmt: skip
UNSIGNED = [name for name in NEEDS if name != "c2pa"]  # test_c2pa.py tests that one
DECLARED = {
    "publisher": "Klinik Österberg", "date": "2026-12-01", "url": "https://data.example.org/eyes",
    "contact": "data@example.org", "workflow_url": "", "health": HEALTH,
}  # fmt: skip
SETTINGS = {
    "title": "", "licence": "cc-by-4.0", "sources": [], "limits": ["One camera."], "per_shard": 4, "sheet_pictures": 4,
    "sheet_columns": 2, "exports": UNSIGNED, "version": "1.2.0", **DECLARED,
}  # fmt: skip
CERTIFICATE = {
    "release": "demo", "decision": "pass", "claim": ["It is no proof of anonymity."], "asked": {"size_px": 5},
    "gates": [], "not_checked": [], "measured": {}, "consent": {"checked": False, "text": "consent: not checked here"},
    "unit": "person",
    "model_gate": {"result": "inconclusive", "meaning": "x", "high": None, "threshold": None, "n": 0},
}  # fmt: skip
SIZE = 5  # odd: 75 bytes of pixels, which DICOM fills up to 76
GUIDED = {"guidance": 2.0}


def release(
    folder, seed=0, settings=SETTINGS, certificate=CERTIFICATE, columns=GUIDED, signer=None
):
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
    write_release(
        outputs, certificate, Sample(pictures, table), CONDITIONS, settings, signer=signer
    )
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


def test_registry_schemas_needs_and_card_name_the_same_exports(root):
    shared = [name for name in NEEDS if name not in PICTURES_ONLY]
    assert shared == list(EXPORTS)
    assert list(NEEDS) == list(CONTENTS)
    enums = []
    for name, path in (
        ("release_files", ["$defs", "release"]),
        ("read_release", ["properties", "release"]),
    ):
        part = yaml.safe_load((root / f"workflow/schemas/{name}.schema.yaml").read_text())
        for key in path:
            part = part[key]
        enums.append(part["properties"]["exports"]["items"]["enum"])
    assert enums == [list(NEEDS), shared]
    folder = root / "workflow/scripts/avatarflow/release/exports"
    others = {"__init__", "interface", "names", "registry", "facts", "pictures", "reads"}
    assert {path.stem for path in folder.glob("*.py")} - others == set(NEEDS)


def test_categories_are_those_of_the_schema(root):
    schema = yaml.safe_load((root / "workflow/schemas/release_files.schema.yaml").read_text())
    health = schema["$defs"]["release"]["properties"]["health"]["properties"]
    assert sorted(health["categories"]["items"]["enum"]) == sorted(LABELS)
    assert len(LABELS) == 17  # of Article 51


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
    for name in UNSIGNED:
        one = contents(release(tmp_path / name, settings={**SETTINGS, "exports": [name]}))
        added = {path.partition("/")[0] for path in set(one) - plain}
        assert added == {re.match("`([^`/]+)", CONTENTS[name])[1]}
        assert CONTENTS[name] in one["README.md"].decode()


def test_no_identifier_no_candidate_and_no_path_is_in_any_exported_byte(made, tmp_path):
    files = contents(made)
    assert len(files) == 17
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


def test_a_signed_release_differs_in_its_signature_card_and_crate_alone(made, tmp_path):
    signer = read_signer(site(tmp_path / "site"))
    folder = release(tmp_path / "signed", signer=signer)
    assert contents(release(tmp_path / "again", signer=signer)) == contents(folder)
    before, after = contents(made), contents(folder)
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {"README.md", "SHA256SUMS", "SHA256SUMS.sig", "ro-crate-metadata.json"}
    signer.key.public_key().verify(after["SHA256SUMS.sig"], after["SHA256SUMS"])
    assert signer.fingerprint in after["README.md"].decode()
    graph = json.loads(after["ro-crate-metadata.json"])["@graph"]
    parts = {part["@id"] for part in graph[1]["hasPart"]}
    assert parts == set(after) - {"ro-crate-metadata.json"}


def test_a_refused_release_is_not_signed(tmp_path):
    signer = read_signer(site(tmp_path / "site"))
    refused = {**CERTIFICATE, "decision": "refuse"}
    folder = release(tmp_path / "refused", certificate=refused, signer=signer)
    assert set(contents(folder)) == {"certificate.json", "README.md", "SHA256SUMS"}
    assert signer.fingerprint not in (folder / "README.md").read_text()


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
    assert data["dct:type"]["@id"].endswith("dataset-type/SYNTHETIC_DATA")
    assert not [key for key in data if key.startswith("healthdcatap:")]
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


def health_record(folder):
    graph = json.loads((folder / "health-dcat-ap.jsonld").read_text())["@graph"]
    nodes = {one["@id"]: one for one in graph}
    assert len(nodes) == len(graph)  # no node twice
    return nodes, nodes["https://data.example.org/eyes#dataset"]


def test_health_dcat_ap_holds_what_public_data_must_say(made):
    """The properties that release 8 of the profile asks of public data, and what they refer to."""
    graph, data = health_record(made)
    law = [{"@id": HEALTH["legislation"][0]}]
    parts = [one for one in graph.values() if one["@type"] == "dcat:Distribution"]
    assert len(parts) == 4  # two shards, the certificate, the contact sheet
    for node in (data, *parts):
        assert node["dcatap:applicableLegislation"] == law
    assert [one["@id"] for one in data["healthdcatap:healthCategory"]] == [
        f"{CATEGORIES}/EMRD",
        f"{CATEGORIES}/RPDG",
    ]
    for one in data["healthdcatap:healthCategory"]:
        table = graph[one["@id"]]["skos:inScheme"]["@id"]
        assert graph[table]["@type"] == "skos:ConceptScheme"
    body = graph[data["healthdcatap:hdab"]["@id"]]
    assert body["foaf:name"]["@value"] == "Zugangsstelle"
    assert body["cv:contactPoint"]["cv:contactPage"]["@id"] == "https://hdab.example.org"
    publisher = graph[data["dct:publisher"]["@id"]]
    assert publisher["cv:contactPoint"]["cv:email"] == "data@example.org"
    assert data["dct:accessRights"]["@id"].endswith("access-right/PUBLIC")
    assert data["healthdcatap:hasStructuredData"]["@value"] == "true"
    (table,) = [data["healthdcatap:hasVariables"]["csvw:table"]]
    columns = {one["csvw:name"]: one["csvw:datatype"] for one in table["csvw:column"]}
    assert list(columns) == list(pd.read_parquet(made / "data/00000.parquet").columns)
    assert columns["image"] == "binary"


def test_health_dcat_ap_counts_nobody_in_pictures_and_leaves_out_what_nobody_said(made):
    _, data = health_record(made)
    assert data["healthdcatap:numberOfRecords"]["@value"] == "7"
    assert data["healthdcatap:numberOfUniqueIndividuals"]["@value"] == "0"
    assert "no picture shows a person" in data["healthdcatap:populationCoverage"]["@value"]
    assert data["healthdcatap:minTypicalAge"]["@value"] == "18"
    assert data["dpv:hasPurpose"]["dct:description"]["@value"] == "Method development."
    assert set(data["healthdcatap:retentionPeriod"]) == {"@id", "@type", "dcat:startDate"}
    certificate = data["dqv:hasQualityAnnotation"]["oa:hasBody"]["@id"]
    assert certificate == "https://data.example.org/eyes/certificate.json"
    silent = {"maxTypicalAge", "hasLegalBasis", "custodian", "hasPersonalData"}
    assert not silent & {key.partition(":")[2] for key in data}


def test_the_originals_are_counted_where_the_pool_was_measured(tmp_path):
    certificate = {**CERTIFICATE, "measured": {"pool": {"persons": 44}}}
    _, data = health_record(release(tmp_path / "release", certificate=certificate))
    assert "of 44 patients" in data["healthdcatap:populationCoverage"]["@value"]


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
    # what anybody can compute again: `asked` with sorted keys and without spaces
    assert found["#settings"]["value"] == hashlib.sha256(b'{"size_px":5}').hexdigest()
    assert run["object"] == {"@id": "#settings"}


def test_the_software_is_named_by_its_address_where_there_is_one(tmp_path):
    address = "https://code.example.org/avatarflow/tree/1.0.0"
    folder = release(tmp_path / "release", settings={**SETTINGS, "workflow_url": address})
    graph = json.loads((folder / "ro-crate-metadata.json").read_text())["@graph"]
    found = {one["@id"]: one for one in graph}
    assert found["#run"]["instrument"] == {"@id": address}
    assert found[address]["url"] == address


# --- reads


READS = {
    "release": "stool", "decision": "pass", "claim": ["Microbes alone can identify people."],
    "gates": [], "not_checked": [],
    "asked": {
        "remove": [{"tool": "bwa", "setting": "mem"}],
        "detection_tools": [{"tool": "minimap2", "setting": "sr"}],
    },
}  # fmt: skip


def read_release(folder, **changes):
    """Write the exports of two files of reads and return their contents."""
    folder.mkdir()
    for name in ("reads_1.fastq.gz", "reads_2.fastq.gz", "certificate.json", "README.md"):
        (folder / name).write_bytes(name.encode())
    settings = {**SETTINGS, "exports": list(EXPORTS), **changes}
    versions = {"bwa": "/opt/canary-4711/bwa version 0.7.17-r1188", "minimap2": ""}
    reads.write_exports(folder, READS, settings, 1987, versions)
    return contents(folder)


def test_reads_have_every_record_and_no_tables(tmp_path):
    health = {**HEALTH, "individuals": 1}
    files = read_release(tmp_path / "release", health=health)
    names = {"croissant.json", "dcat-ap.jsonld", "health-dcat-ap.jsonld", "ro-crate-metadata.json"}
    assert names < set(files)
    assert all(CANARY.encode() not in data for data in files.values())
    croissant = json.loads(files["croissant.json"])
    paths = ["reads_1.fastq.gz", "reads_2.fastq.gz"]
    assert [file["contentUrl"] for file in croissant["distribution"]] == paths
    for file in croissant["distribution"]:
        assert file["sha256"] == hashlib.sha256(file["name"].encode()).hexdigest()
    assert "recordSet" not in croissant
    _, data = health_record(tmp_path / "release")
    assert data["healthdcatap:numberOfRecords"]["@value"] == "1987"
    assert data["healthdcatap:numberOfUniqueIndividuals"]["@value"] == "1"
    assert data["healthdcatap:hasStructuredData"]["@value"] == "false"
    assert not {"healthdcatap:hasVariables", "adms:sample", "dct:type"} & set(data)


def test_nobody_counts_the_donors_of_reads_but_the_steward(tmp_path):
    read_release(tmp_path / "release")
    _, data = health_record(tmp_path / "release")
    assert "healthdcatap:numberOfUniqueIndividuals" not in data
    assert "healthdcatap:populationCoverage" not in data


def test_the_crate_names_the_tools_with_the_number_of_their_version_alone(tmp_path):
    files = read_release(tmp_path / "release")
    found = {one["@id"]: one for one in json.loads(files["ro-crate-metadata.json"])["@graph"]}
    assert found["#tool-bwa"]["softwareVersion"] == "0.7.17-r1188"
    assert "softwareVersion" not in found["#tool-minimap2"]
    needed = found["#avatarflow"]["softwareRequirements"]
    assert needed == [{"@id": "#tool-bwa"}, {"@id": "#tool-minimap2"}]
    assert found["./"]["hasPart"][-1] == {"@id": "SHA256SUMS"}


def test_equal_reads_have_equal_records(tmp_path):
    assert read_release(tmp_path / "a") == read_release(tmp_path / "b")


# --- configuration


def config(**release):
    entry = {"source": {"generate": {}}, "gates": {}, "release": release}
    return load({"releases": {"eyes": entry}})["releases"]["eyes"]["release"]


def read_config(**release):
    own = {"fastq1": "a.fq", "fastq2": "b.fq"}
    entry = {"own_reads": own, "reference": {"fasta": "host.fa"}, "release": release}
    return load({"read_releases": {"stool": entry}})["read_releases"]["stool"]["release"]


def test_exports_are_off_and_can_all_be_on():
    assert config()["exports"] == read_config()["exports"] == []
    assert config(exports=UNSIGNED, **DECLARED)["exports"] == UNSIGNED
    assert read_config(exports=list(EXPORTS), **DECLARED)["exports"] == list(EXPORTS)
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


def test_a_health_record_asks_for_what_only_the_steward_knows():
    with pytest.raises(AvatarflowError) as error:
        read_config(
            exports=["health_dcat_ap"], **{**DECLARED, "health": {"custodian": {"name": "x"}}}
        )
    where = "config read_releases.stool.release.health"
    needed = ("categories", "legislation", "access_body.name", "access_body.contact")
    assert str(error.value).splitlines() == [
        *(f"{where}.{key}: empty, and needed by health_dcat_ap; set it" for key in needed),
        f"{where}.custodian.contact: empty beside name; set it, or empty both",
    ]


@pytest.mark.parametrize(
    ("health", "line"),
    [
        ({"min_age": 60, "max_age": 40}, ".max_age: 40, and min_age is 60; set it to min_age or more"),
        ({"retained_from": "2027-01-01", "retained_until": "2026-01-01"}, ".retained_until: 2026-01-01, and"),
        ({"retained_until": "2026-02-30"}, ".retained_until: 2026-02-30 is no day"),
        ({"individuals": 3}, ".individuals: given for pictures, which show nobody"),
        ({"categories": ["EYES"]}, ".categories"),
        ({"access_body": {"contact": "Ms X"}}, ".access_body.contact"),
        ({"theme": "x"}, ": unknown key 'theme'"),
    ],
)  # fmt: skip
def test_a_health_record_that_contradicts_itself_is_refused(health, line):
    with pytest.raises(AvatarflowError, match=re.escape(f"eyes.release.health{line}")):
        config(health=health)


def test_reads_have_no_dicom():
    with pytest.raises(AvatarflowError, match=r"stool.release.exports"):
        read_config(exports=["dicom"])


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
