"""Write a clinic to practise with: generated eyes as DICOM files, patients, diagnoses and consents as FHIR.

    PYTHONPATH=workflow/scripts .venv/bin/python experiments/clinic/practice_data.py practice --patients 60

Nobody is shown. Of the consents the first is inactive, the second ended, the third patient gave
none.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from avatarflow.imaging.phantom.eyes import draw_eyes
from avatarflow.intake.consent.codes import COLLECT, SYSTEM, USE

OPHTHALMIC_8_BIT = "1.2.840.10008.5.1.4.1.1.77.1.5.1"
MRN = "https://hospital.example/mrn"
ICD = "http://fhir.de/CodeSystem/bfarm/icd-10-gm"
SNOMED = "http://snomed.info/sct"
SCOPES = "http://terminology.hl7.org/CodeSystem/consentscope"
EYES = {"right": ("R", "18944008"), "left": ("L", "8966001")}
SIZE_PX = 48


def write_picture(path: Path, pixels: np.ndarray, patient: str, side: str) -> None:
    """Write one Ophthalmic Photography 8 Bit image."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = OPHTHALMIC_8_BIT
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[path.name])
    file = FileDataset(path, {}, file_meta=meta, preamble=b"\0" * 128)
    values = {
        "SOPClassUID": OPHTHALMIC_8_BIT,
        "SOPInstanceUID": meta.MediaStorageSOPInstanceUID,
        "PatientName": f"Practice^{patient}",
        "PatientID": patient,
        "PatientBirthDate": "19600615",
        "AcquisitionDateTime": "20250614101500",
        "ImageLaterality": side,
        "Manufacturer": "Practice",
        "Modality": "OP",
        "SamplesPerPixel": 3,
        "PhotometricInterpretation": "RGB",
        "PlanarConfiguration": 0,
        "Rows": pixels.shape[0],
        "Columns": pixels.shape[1],
        "BitsAllocated": 8,
        "BitsStored": 8,
        "HighBit": 7,
        "PixelRepresentation": 0,
        "BurnedInAnnotation": "NO",
        "PixelData": pixels.tobytes(),
    }
    for name, value in values.items():
        setattr(file, name, value)
    file.save_as(path, enforce_file_format=True)


def consent(patient: str, end: str, status: str) -> dict[str, Any]:
    """Return a consent that permits collecting and use."""
    provisions = [
        {
            "type": "permit",
            "period": {"start": "2024-01-01", "end": end},
            "code": [{"coding": [{"system": SYSTEM, "code": code}]}],
        }
        for code in (COLLECT, USE)
    ]
    return {
        "resourceType": "Consent",
        "status": status,
        "scope": {"coding": [{"system": SCOPES, "code": "research"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "57016-8"}]}],
        "patient": {"reference": f"Patient/{patient}"},
        "dateTime": "2024-01-01",
        "policy": [{"uri": "urn:oid:2.16.840.1.113883.3.1937.777.24.2.1791"}],
        "provision": {"type": "deny", "provision": provisions},
    }


def diagnosis(patient: str, site: str) -> dict[str, Any]:
    """Return macular degeneration of one eye."""
    return {
        "resourceType": "Condition",
        "subject": {"reference": f"Patient/{patient}"},
        "code": {"coding": [{"system": ICD, "code": "H35.31"}]},
        "bodySite": [{"coding": [{"system": SNOMED, "code": site}]}],
    }


def main() -> None:
    """Write everything into one folder."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--patients", type=int, default=60)
    asked = arguments.parse_args()
    (asked.folder / "archive").mkdir(parents=True, exist_ok=True)
    identities = range(2 * asked.patients)
    pictures, eyes = draw_eyes("fundus", identities, [0] * len(identities), SIZE_PX, seed=11)
    resources: dict[str, list[dict[str, Any]]] = {"Patient": [], "Consent": [], "Condition": []}
    for number, (pixels, eye) in enumerate(zip(pictures, eyes.itertuples(), strict=True)):
        own, mrn = f"id-{eye.person}", f"M{eye.person:04d}"
        side, site = EYES[str(eye.eye_side)]
        write_picture(asked.folder / "archive" / f"{number:04d}.dcm", pixels, mrn, side)
        if eye.person % 3 == 0 and side == "R":
            resources["Condition"].append(diagnosis(own, site))
        if number % 2:
            continue
        identifier = [{"system": MRN, "value": mrn}]
        person = {"resourceType": "Patient", "id": own, "identifier": identifier}
        resources["Patient"].append(person | {"gender": eye.sex})
        if number != 4:
            end = "2024-12-31" if number == 2 else "2053-12-31"
            status = "inactive" if number == 0 else "active"
            resources["Consent"].append(consent(own, end, status))
    for kind, found in resources.items():
        lines = "".join(json.dumps(each) + "\n" for each in found)
        (asked.folder / f"{kind}.ndjson").write_text(lines, encoding="utf-8")


if __name__ == "__main__":
    main()
