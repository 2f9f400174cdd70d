"""Memory and time of FHIR resources and manifest rows on their way through intake's gate, beside pandas.

    PYTHONPATH=workflow/scripts .venv/bin/python experiments/clinic/front_door_memory.py

Half of the resources are patients, half consents, as `practice_data.py` writes them, in one NDJSON file; a manifest
has two rows for each of the first patients. Each way runs in a process of its own:

- `intake`: consents read, checked and decided (`open_gate`), rows listed (`list_rows`), and refused or let in.
- `pandas`: `read_json(lines=True)` and `read_csv`, rows joined with the consents over the patient, one condition on
  the status. No resource is checked, and no provision looked at.

The same number of rows beside more resources tells what a resource takes, and more rows beside the same resources
what a row takes. Writes results/front_door_memory.json: peak memory above that of the imports, and seconds of
processor time.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from practice_data import MRN, consent

RESULT = Path(__file__).parent / "results" / "front_door_memory.json"
SIZES = ((50_000, 20_000), (100_000, 20_000), (200_000, 20_000), (50_000, 40_000))
DAY = "2026-06-01"


def write(folder: Path, n_resources: int, n_rows: int) -> None:
    """Write a file of resources, and a manifest without pictures."""
    with (folder / "resources.ndjson").open("w") as file:
        for number in range(n_resources // 2):
            identifier = [{"system": MRN, "value": f"M{number:06d}"}]
            patient = {"resourceType": "Patient", "id": f"id-{number}", "identifier": identifier}
            status = "active" if number % 10 else "inactive"
            for resource in (patient, consent(f"id-{number}", "2053-12-31", status)):
                file.write(json.dumps(resource) + "\n")
    lines = [f"{n}.png,M{n // 2:06d},2025-06-14,{'LR'[n % 2]}" for n in range(n_rows)]
    (folder / "manifest.csv").write_text("file,mrn,taken,eye\n" + "\n".join(lines) + "\n")


def by_intake(folder: Path) -> int:
    """Return how many rows intake lets in."""
    from avatarflow.config.loading import load
    from avatarflow.intake.consent.gate import ConsentFiles, open_gate
    from avatarflow.intake.listed_rows import list_rows
    from avatarflow.intake.patients.persons import KEY
    from avatarflow.intake.sources.rows import Place
    from avatarflow.intake.tables.manifest import ROW
    from avatarflow.runs.context import Step

    file, manifest = str(folder / "resources.ndjson"), str(folder / "manifest.csv")
    release = {
        "source": {"manifest": manifest, "root": str(folder)},
        "patient_id_columns": ["mrn"],
        "consent": {"files": [file], "patient_column": "mrn", "identifier_system": MRN, "acquired_column": "taken"},
        "gates": {},
    }  # fmt: skip
    entry = load({"releases": {"x": release}})["releases"]["x"]
    gate = open_gate(entry["consent"], ConsentFiles([file], DAY, "", "", str(folder)), Step.null())
    listed = list_rows(entry, Place(str(folder), manifest), gate.columns(), None, Step.null())
    refused = gate.refused(listed.every, listed.who[KEY], [], listed.selected[ROW])
    return len(listed.selected) - len(refused)


def by_pandas(folder: Path) -> int:
    """Return how many rows belong to a patient with an active consent."""
    import pandas as pd

    resources = pd.read_json(folder / "resources.ndjson", lines=True)
    rows = pd.read_csv(folder / "manifest.csv", dtype=str)
    patients = resources[resources["resourceType"] == "Patient"]
    mrn = patients["identifier"].map(lambda found: found[0]["value"])
    patients = pd.DataFrame({"mrn": mrn, "reference": "Patient/" + patients["id"]})
    consents = resources[resources["resourceType"] == "Consent"]
    given = pd.DataFrame({"status": consents["status"]})
    given["reference"] = consents["patient"].map(lambda found: found["reference"])
    joined = rows.merge(patients, on="mrn").merge(given, on="reference")
    return int((joined["status"] == "active").sum())


WAYS = {"intake": by_intake, "pandas": by_pandas}


def memory(name: str) -> float:
    """Return a figure of /proc/self/status in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1000


def measure(way: str, folder: Path) -> None:
    """Print what one way needs; the first, small run only loads what is imported on the way."""
    with tempfile.TemporaryDirectory() as small:
        write(Path(small), 20, 8)
        WAYS[way](Path(small))
    before, start = memory("VmRSS"), time.process_time()
    let_in = WAYS[way](folder)
    seconds = time.process_time() - start
    figures = {
        "let_in": let_in,
        "imports_mb": round(before),
        "above_mb": round(memory("VmHWM") - before),
        "peak_mb": round(memory("VmHWM")),
        "processor_s": round(seconds, 1),
    }
    sys.stdout.write(json.dumps(figures) + "\n")


def main() -> None:
    """Measure all ways at all sizes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--way", choices=WAYS)
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    if asked.way:
        measure(asked.way, asked.folder)
        return
    results = []
    for n_resources, n_rows in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder), n_resources, n_rows)
            size_mb = round((Path(folder) / "resources.ndjson").stat().st_size / 1e6, 1)
            for way in WAYS:
                command = [sys.executable, __file__, "--way", way, "--folder", folder]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                figures = json.loads(done.stdout)
                about = {"way": way, "resources": n_resources, "rows": n_rows, "file_mb": size_mb}
                results.append(about | figures)
    RESULT.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
