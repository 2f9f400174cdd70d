#!/usr/bin/env python3
"""Ask a real FHIR server as a run does, and compare what comes back with what was written into it.

    PYTHONPATH=workflow/scripts .venv/bin/python experiments/clinic/ask_server.py http://127.0.0.1:8990

The server must be empty, on this machine, and take what is created without a token. Patients and a consent of each
are created as `practice_data.py` writes them, and asked for in pages of several sizes. Nobody is shown.
Writes results/ask_server.json: per page size whether all came back equal, or how the server was refused.
"""

import argparse
import json
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

from practice_data import MRN, consent

from avatarflow.core.errors import AvatarflowError
from avatarflow.intake.fhir.download import download
from avatarflow.intake.fhir.server import Server

RESULT = Path(__file__).parent / "results" / "ask_server.json"
PATIENTS, PAGES = 60, (10, 20, 59, 60, 200, 1000)


def create(url: str, resource: dict[str, Any]) -> dict[str, Any]:
    """Create a resource and return it as the server keeps it."""
    request = urllib.request.Request(
        f"{url}/{resource['resourceType']}",
        json.dumps(resource).encode(),
        {"Content-Type": "application/fhir+json"},
    )
    with urllib.request.urlopen(request) as answer:
        kept: dict[str, Any] = json.load(answer)
    return kept


def fill(url: str) -> dict[str, dict[str, Any]]:
    """Create patients and consents; return them by kind and id."""
    made = {}
    for number in range(PATIENTS):
        identifier = [{"system": MRN, "value": f"P{number}"}]
        patient = {"resourceType": "Patient", "identifier": identifier, "gender": "female"}
        kept = create(url, patient)
        given = consent(kept["id"], "2053-12-31", "active")
        given.pop("id", None)
        for each in (kept, create(url, given)):
            made[f"{each['resourceType']}/{each['id']}"] = each
    return made


def asked(url: str, page_size: int, made: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Ask in pages of a size; compare with what was made."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server("real", url, page_size=page_size, retries=1)
        try:
            files = download(server, ["Patient", "Consent"], Path(folder) / "held", print)
        except AvatarflowError as error:
            return {"page_size": page_size, "refused": str(error)}
        lines = [line for file in files for line in Path(file).read_text().splitlines()]
    resources = [json.loads(line)["entry"][0]["resource"] for line in lines]
    found = {f"{each['resourceType']}/{each['id']}": each for each in resources}
    return {"page_size": page_size, "resources": len(resources), "equal": found == made}


def main() -> None:
    """Fill the server, ask it, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("url", help="base of the server, without a slash at the end")
    url = parser.parse_args().url
    made = fill(url)
    results = [asked(url, size, made) for size in PAGES]
    RESULT.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
