"""Write a finished release once more, with every export, so that validators have something to judge.

    PYTHONPATH=workflow/scripts python experiments/exports/export_again.py RELEASE TARGET [--pictures 2000]

`RELEASE` is `release/` of an entry of `releases` or `read_releases` that passed. Publisher,
addresses and health keys are made up (`DECLARED`). With `--pictures` its pictures are taken again
and again until there are so many. The seconds that writing took are printed.
"""

import argparse
import io
import json
import shutil
import time
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from avatarflow.quality.samples import Sample
from avatarflow.release.assemble import write_checksums, write_release
from avatarflow.release.exports.names import NEEDS, PICTURES_ONLY
from avatarflow.release.exports.reads import write_exports

DECLARED = {
    "title": "", "licence": "cc-by-4.0", "sources": [], "limits": ["One camera."], "version": "1.0.0",
    "publisher": "University Hospital of Nowhere", "date": "2026-12-01", "url": "https://data.example.org/set",
    "contact": "data@example.org", "workflow_url": "https://code.example.org/avatarflow/tree/1.0.0",
    "per_shard": 512, "sheet_pictures": 64, "sheet_columns": 16,
    "health": {
        "categories": ["EMRD"], "legislation": ["http://data.europa.eu/eli/reg/2025/327/oj"],
        "access_body": {"name": "Health Data Access Body of Nowhere", "contact": "https://hdab.example.org"},
        "custodian": {"name": "University Hospital of Nowhere", "contact": "holder@example.org"},
        "purpose": "Method development without patients' data.", "legal_basis": "Consent of the patients.",
        "population": "Adults of one clinic.", "min_age": 18, "max_age": 90, "individuals": None,
        "retained_from": "2026-12-01", "retained_until": "2036-12-01",
    },
}  # fmt: skip


def pictures_again(release: Path, target: Path, count: int | None) -> None:
    """Read pictures and labels from the Parquet files and write them as the rule `release` does."""
    table = pd.concat(
        [pd.read_parquet(path) for path in sorted((release / "data").iterdir())], ignore_index=True
    )
    if count:
        table = table.iloc[np.arange(count) % len(table)].reset_index(drop=True)
    pictures = np.stack(
        [np.asarray(Image.open(io.BytesIO(cell["bytes"]))) for cell in table["image"]]
    )
    certificate = json.loads((release / "certificate.json").read_text())
    names = {"certificate": "certificate.json", "card": "README.md", "checksums": "SHA256SUMS"}
    outputs = {key: str(target / name) for key, name in names.items()}
    conditions = certificate["asked"]["conditions"]
    exports = [name for name in NEEDS if name != "c2pa"]  # which needs a key of the site
    settings = {**DECLARED, "exports": exports}
    write_release(outputs, certificate, Sample(pictures, table), conditions, settings)


def reads_again(release: Path, target: Path) -> None:
    """Copy reads, certificate and card, and write the records beside them as the rule `release_reads` does."""
    target.mkdir(parents=True)
    for path in release.iterdir():
        if path.name in ("README.md", "certificate.json") or path.suffix == ".gz":
            shutil.copyfile(path, target / path.name)
    certificate = json.loads((release / "certificate.json").read_text())
    counts = certificate["measured"]["counts"]
    health = {**DECLARED["health"], "categories": ["RPDG"], "individuals": 1}
    exports = [name for name in NEEDS if name not in PICTURES_ONLY]
    settings = {**DECLARED, "health": health, "exports": exports}
    asked = [*certificate["asked"]["remove"], *certificate["asked"]["detection_tools"]]
    versions = {tool["tool"]: _version(release, tool) for tool in asked}
    fragments = counts["fragments"] - counts["removed"]
    write_exports(target, certificate, settings, fragments, versions)
    write_checksums(target, "SHA256SUMS")


def _version(release: Path, tool: dict[str, str]) -> str:
    """Return what a tool said of its version, where the run's folders lie beside the release."""
    folder = release.parents[2] / "read_benchmarks" / release.parent.name / "removal"
    record = folder / tool["tool"] / tool["setting"] / "own" / "spiked" / "run.json"
    return json.loads(record.read_text())["version"] if record.is_file() else ""


def main() -> None:
    """Write the release again and say how long it took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("release", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--pictures", type=int)
    options = parser.parse_args()
    began, used = time.monotonic(), time.process_time()
    if (options.release / "data").is_dir():
        pictures_again(options.release, options.target, options.pictures)
    else:
        reads_again(options.release, options.target)
    seconds, processor = time.monotonic() - began, time.process_time() - used
    print(f"{seconds:.1f} s, {processor:.1f} s of processor time")


if __name__ == "__main__":
    main()
