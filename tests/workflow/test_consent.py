"""Pictures sent over DICOM, labels and consents of a FHIR server make a release; nobody is named.

Sender and FHIR server are the tests' own.
"""

import json
import os
from contextlib import contextmanager

import dicom_files
import pandas as pd
import pytest
import yaml
from consents import COLLECT, USE, consent, given, permit
from fhir_server import serving
from pynetdicom import AE

import project
from avatarflow.imaging.phantom.eyes import draw_eyes
from avatarflow.imaging.shards import read_table
from avatarflow.receive.inbox import Bounds, Inbox
from avatarflow.receive.service import Address, Service

PERSONS = 44
POOL = "results/releases/tiny/pool"
TARGET = f"{POOL}/summary.json"
RELEASE = "results/releases/tiny/release"
RECORD = "results/releases/tiny/consent_day.json"
SIDES = {"right": "R", "left": "L"}
SYSTEM = "urn:hospital"
LAST_YEAR = ("2024-01-01", "2025-12-31")
BURNED_IN, EXPIRED, WITHDRAWN = 0, 1, 2
TOKEN = f"{project.CANARY}.token"


def patient_id(person):
    return f"{project.CANARY}-{person:03d}"


def receive(folder, camera):
    """Send every file of a camera to the receiving service, which keeps them in a folder."""
    box = Inbox(folder, Bounds(min_free_bytes=1))
    service = Service(box, Address(port=0))
    try:
        entity = AE(ae_title=project.CANARY)
        entity.add_requested_context(dicom_files.OPHTHALMIC_8_BIT)
        sender = entity.associate("127.0.0.1", service.port, ae_title="AVATARFLOW")
        statuses = {sender.send_c_store(path).Status for path in sorted(camera.iterdir())}
        sender.release()
    finally:
        service.stop()
        service.wait()
        box.close()
    assert statuses == {0x0000}


def prepare(folder):
    """Pictures as received DICOM, and the resources of a FHIR server; every identifier holds a canary."""
    identities = list(range(2 * PERSONS))
    pictures, table = draw_eyes("fundus", identities, [0] * len(identities), 48, 11)
    camera = folder.with_name("camera")
    for number, (picture, eye) in enumerate(zip(pictures, table.itertuples(), strict=True)):
        dicom_files.write(
            camera / f"{project.CANARY}-{number}.dcm",
            picture,
            PatientID=patient_id(eye.person),
            PatientName=f"{project.CANARY}^Name",
            PatientSex="",
            ImageLaterality=SIDES[eye.eye_side],
            StudyDescription=project.CANARY,
            BurnedInAnnotation="YES" if number == BURNED_IN else "NO",
        )
    (folder / "data").mkdir(parents=True)
    receive(folder / "data/dicom", camera)
    people = table.drop_duplicates("person")
    labels = [
        {
            "resourceType": "Patient",
            "id": f"{project.CANARY}-id-{eye.person}",
            "identifier": [{"system": SYSTEM, "value": patient_id(eye.person)}],
            "gender": eye.sex,
        }
        for eye in people.itertuples()
    ]
    ids = [f"{project.CANARY}-id-{person}" for person in people["person"]]
    consents = [given(own, id=f"consent-of-{own}") for own in ids]
    expired = permit(COLLECT, LAST_YEAR), permit(USE, LAST_YEAR)
    consents[EXPIRED] = consent(*expired, patient=ids[EXPIRED], id=consents[EXPIRED]["id"])
    return [*labels, *consents]


def write_config(folder, url):
    token = folder.with_name("token")
    token.write_text(TOKEN)
    token.chmod(0o600)
    (folder / "data/withdrawn.csv").write_text(f"patient_id\n{patient_id(WITHDRAWN)}\n")
    server = {"server": "hospital", "identifier_system": SYSTEM}
    config = project.release_config(
        releases__tiny__source={
            "dicom": "data/dicom",
            "fhir": server | {"searches": ["Patient"]},
        },
        releases__tiny__patient_id_columns=["patient_id"],
        releases__tiny__row_filter="laterality <> 'both'",
        releases__tiny__conditions={
            "fhir_sex": ["female", "male"],
            "laterality": ["left", "right"],
        },
        releases__tiny__constant_per_person=["fhir_sex"],
        releases__tiny__augment={"copies": 1},
        releases__tiny__generator={"family": "pca_gaussian"},
        releases__tiny__base={},
        # a crude baseline, so that few patients tell it from real pictures
        releases__tiny__evaluate__pca_variance=0.5,
        releases__tiny__evaluate__encoders=["wavelets_and_layout"],
        releases__tiny__consent=server | {"acquired_column": "acquired"},
        releases__tiny__withdrawn="data/withdrawn.csv",
    )
    config["network_access"] = True
    config["fhir_servers"] = {
        "hospital": {"url": url, "token_file": str(token), "page_size": 20, "retries": 1}
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))


def inactive(consent):
    return consent | {"status": "inactive"}


@contextmanager
def another_run(folder):
    """A run on another machine, of files that this one does not touch."""
    lock = folder / ".snakemake/locks/0.output.lock"
    lock.parent.mkdir(exist_ok=True)
    owner = folder / ".snakemake/avatarflow-owners/elsewhere.json"
    lock.write_text("results/elsewhere\n")
    owner.write_text(json.dumps({"host": "elsewhere", "pid": 1, "started": "once"}))
    yield
    lock.unlink()
    owner.unlink()


def nothing_is_named(folder, done):
    """No file of the run holds an identifier, and the downloads are gone."""
    assert project.CANARY not in done.stdout + done.stderr
    state = folder / "results/state"
    assert not [path for path in state.rglob("*") if path.is_file()]
    for made in [*(folder / "results").rglob("*"), *(folder / "logs").rglob("*")]:
        if made.is_file():
            assert project.CANARY.encode() not in made.read_bytes(), made
    for made in (folder / ".snakemake").rglob("*"):
        if made.is_file():
            assert project.CANARY.encode() not in made.read_bytes(), made


@pytest.mark.slow
def test_pictures_labels_and_consents_of_a_clinic_make_a_release(tmp_path):
    folder = tmp_path / "run"
    resources = prepare(folder)
    resources[-1] = inactive(resources[-1])
    with serving(*resources) as host:
        write_config(folder, host.url)
        done = project.run(folder, TARGET)
        # twice the version; 44 patients twice, and 44 consents, on three pages each
        assert len(host.asked) == 2 + 9
        assert {headers["Authorization"] for _, headers in host.asked} == {f"Bearer {TOKEN}"}
        summary = json.loads((folder / TARGET).read_text())
        whose = {"inactive": 1, "expired": 1, "permit": PERSONS - 3}  # and one withdrew
        assert summary["consent"]["patients"] == whose
        pool = read_table(folder / POOL / "pictures")
        assert len(pool) == 2 * (PERSONS - 3) - 1
        assert pool["person"].nunique() == PERSONS - 3
        assert set(pool["fhir_sex"]) == {"female", "male"}
        refused = pd.read_csv(folder / "results/releases/tiny/refused.csv")
        assert sorted(refused["reason"]) == [
            "annotation burned into the picture",
            *["consent: expired"] * 2,
            *["consent: inactive"] * 2,
        ]
        assert set(refused["manifest"]) == {"dicom"}
        nothing_is_named(folder, done)

        record = json.loads((folder / RECORD).read_text())
        assert record["day"] == summary["consent"]["day"]
        # as if consents had been judged for another day, from which on nothing changes
        other = {**record, "day": "2024-06-01", "unchanged_before": None}
        (folder / RECORD).write_text(json.dumps(other))
        assert project.planned(folder, TARGET) == {"intake"}
        assert len(host.asked) == 2 + 9  # a dry run asks nothing
        (folder / RECORD).write_text(json.dumps(record))

        # the server gives its resources in another order: nothing is to be done, and nothing is kept
        host.resources.reverse()
        done = project.run(folder, TARGET)
        assert "Nothing to be done" in done.stderr
        nothing_is_named(folder, done)
        host.resources.reverse()

        host.resources[-2] = inactive(host.resources[-2])
        # beside a run of other files nobody is asked, and what was held last is not taken for the truth
        with another_run(folder):
            done = project.run(folder, TARGET, check=False)
            assert done.returncode != 0
            assert "FHIR server hospital: another run in this folder" in done.stderr + done.stdout
        # the pool that is there is deleted at once, and the server is asked for that, too
        done = project.withdraw(folder)
        assert "releases/tiny: 1 consent: inactive; 2 outputs go back to that" in done.stderr
        assert not (folder / POOL).exists()
        nothing_is_named(folder, done)
        nothing_is_named(folder, project.run(folder))
        summary = json.loads((folder / TARGET).read_text())
        assert summary["consent"]["patients"] == whose | {"inactive": 2, "permit": PERSONS - 4}
        assert read_table(folder / POOL / "pictures")["person"].nunique() == PERSONS - 4
        certificate = json.loads((folder / RELEASE / "certificate.json").read_text())
        assert certificate["decision"] == "pass"
        # no attack can ask this family, so it stays in
        assert certificate["model_gate"]["result"] == "inconclusive"
        assert not (folder / RELEASE / "model").exists()
        released = read_table(folder / RELEASE / "data")
        assert set(released["fhir_sex"]) == {"female", "male"}

    done = project.run(folder, TARGET, check=False)
    assert done.returncode != 0
    assert "FHIR server hospital, metadata: nobody listens there" in done.stderr + done.stdout

    path = folder / "data/withdrawn.csv"
    times = path.stat()
    path.write_text("patient_id\nnobody-2\n")
    os.utime(path, (times.st_atime, times.st_mtime - 1000))  # restored with an older date
    assert project.planned(folder, TARGET) == {"intake"}
