"""Hold every file of an exported release against its own independent reader or validator, and print a table.

    python experiments/exports/check_exports.py RELEASE [--shapes FOLDER] [--context FILE]

None of the validators is needed by the workflow; install them into an environment of their own:

    pip install mlcroissant pyshacl roc-validator rocrate datasets duckdb python-gdcm dicom3tools pyarrow

A validator that is missing is skipped with its reason. `--shapes` holds SHACL files:
`dcat-ap/*.ttl` of github.com/SEMICeu/DCAT-AP (releases/3.0.1/html/shacl) and `health/*.ttl` of
HealthDCAT-AP's validator for public data (code.europa.eu/healthdataeu/healthdcat-ap). `--context`
is the RO-Crate 1.1 context as a file, for machines without network. The exit status is 1 where a
validator finds an error.
"""

import argparse
import gzip
import importlib.metadata
import json
import logging
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Row = tuple[str, str, str]
Options = argparse.Namespace
PROFILES = ("ro-crate-1.1", "process-run-crate-0.5")
CONTEXT = "https://w3id.org/ro/crate/1.1/context"


def main() -> int:
    """Run every check and print one line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("release", type=Path)
    parser.add_argument("--shapes", type=Path)
    parser.add_argument("--context", type=Path)
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    failed = False
    print("| export | reader or validator | output |\n|---|---|---|")
    for check in CHECKS:
        for export, tool, output in rows(check, options):
            failed |= output.startswith("ERROR")
            print(f"| {export} | {tool} | {output} |", flush=True)
    return int(failed)


def rows(check: Callable[[Options], Iterator[Row]], options: Options) -> Iterator[Row]:
    """Yield a check's lines; one that says why where it cannot run."""
    name = check.__name__.replace("_", " ")
    try:
        yield from check(options)
    except (ImportError, FileNotFoundError) as problem:
        yield name, "-", f"skipped: {problem}"
    except Exception as problem:
        yield name, "-", f"ERROR {type(problem).__name__}: {problem}"[:300]


def version(package: str) -> str:
    """Return a package's name and version."""
    return f"`{package}` {importlib.metadata.version(package)}"


def checksums(options: Options) -> Iterator[Row]:
    """Check every file against SHA256SUMS."""
    done = subprocess.run(
        ["sha256sum", "-c", "--quiet", "SHA256SUMS"],
        cwd=options.release,
        capture_output=True,
        text=True,
    )
    listed = len((options.release / "SHA256SUMS").read_text().splitlines())
    yield (
        "SHA256SUMS",
        "`sha256sum -c`",
        f"{listed} files" if not done.returncode else f"ERROR {done.stdout}",
    )


def shards(options: Options) -> list[str]:
    """Return the Parquet files."""
    paths = sorted(map(str, (options.release / "data").glob("*.parquet")))
    if not paths:
        raise FileNotFoundError("no Parquet files")
    return paths


def parquet_by_duckdb(options: Options) -> Iterator[Row]:
    """Count the rows by SQL."""
    import duckdb

    files = shards(options)
    query = "SELECT count(*), min(octet_length(image.bytes)) FROM read_parquet(?)"
    count, least = duckdb.execute(query, [files]).fetchone()
    yield "Parquet", version("duckdb"), f"{count} rows, every picture of {least} bytes or more"


def parquet_by_datasets(options: Options) -> Iterator[Row]:
    """Load every picture."""
    import datasets

    files = shards(options)
    with tempfile.TemporaryDirectory() as cache:
        data = datasets.load_dataset("parquet", data_files=files, split="train", cache_dir=cache)
        sizes = {one["image"].size for one in data}
    yield (
        "Parquet",
        version("datasets"),
        f"{len(data)} pictures of {sizes}, columns {data.column_names}",
    )


def reads(options: Options) -> Iterator[Row]:
    """Count the reads, where the release has some."""
    files = sorted(options.release.glob("reads_*.fastq.gz"))
    if not files:
        raise FileNotFoundError("no reads")
    counts = []
    for path in files:
        with gzip.open(path, "rt") as stream:
            counts.append(sum(1 for _ in stream) / 4)
    alike = "the same number in each" if len(set(counts)) == 1 else "ERROR mates differ"
    yield "FASTQ", "`gzip` of Python", f"{counts[0]:g} reads a file, {alike}"


def croissant(options: Options) -> Iterator[Row]:
    """Validate the metadata and load every record."""
    import mlcroissant

    path = options.release / "croissant.json"
    if not path.is_file():
        raise FileNotFoundError("no croissant.json")
    data = mlcroissant.Dataset(jsonld=str(path))
    issues = data.metadata.ctx.issues
    found = f"{len(issues.errors)} errors, {len(issues.warnings)} warnings"
    loaded = sum(1 for one in data.metadata.record_sets for _ in data.records(one.uuid))
    output = f"{found}; {len(data.metadata.distribution)} files, {loaded} records loaded"
    yield "Croissant", version("mlcroissant"), f"ERROR {output}" if issues.errors else output


def dcat_ap(options: Options) -> Iterator[Row]:
    """Hold the records against the shapes of DCAT-AP, and the health record against its own, too."""
    import pyshacl  # noqa: F401

    if options.shapes is None:
        raise FileNotFoundError("no --shapes")
    for record, folder in (
        ("dcat-ap.jsonld", "dcat-ap"),
        ("health-dcat-ap.jsonld", "dcat-ap"),
        ("health-dcat-ap.jsonld", "health"),
    ):
        for shapes in sorted((options.shapes / folder).glob("*.ttl")):
            found = shacl(options.release / record, shapes)
            yield f"{record}, {folder}/{shapes.name}", version("pyshacl"), found


def shacl(record: Path, shapes: Path) -> str:
    """Return what SHACL says: violations first, the paths of warnings after them."""
    from pyshacl import validate
    from rdflib import RDF, Graph, Namespace

    sh = Namespace("http://www.w3.org/ns/shacl#")
    graph = Graph().parse(shapes, format="turtle")
    # property shapes that a file refers to and does not define, or that have no path, stop pySHACL
    for triple in [
        one
        for one in graph.triples((None, sh.property, None))
        if (one[2], sh.path, None) not in graph
    ]:
        graph.remove(triple)
    data = Graph().parse(record, format="json-ld")
    _, report, _ = validate(data, shacl_graph=graph, advanced=True, allow_warnings=True)
    inner = set(report.objects(None, sh.detail))
    found: dict[str, set[str]] = {"Violation": set(), "Warning": set()}
    for result in set(report.subjects(RDF.type, sh.ValidationResult)) - inner:
        severity = str(report.value(result, sh.resultSeverity)).rpartition("#")[2]
        path = str(report.value(result, sh.resultPath)).rpartition("/")[2].rpartition("#")[2]
        found[severity].add(path)
    warnings = f"; warnings: {', '.join(sorted(found['Warning']))}" if found["Warning"] else ""
    violations = ", ".join(sorted(found["Violation"]))
    return (f"ERROR {violations}" if violations else "conforms") + warnings


def ro_crate(options: Options) -> Iterator[Row]:
    """Open the crate, and validate it by both profiles, recommendations included."""
    from rocrate.rocrate import ROCrate

    if not (options.release / "ro-crate-metadata.json").is_file():
        raise FileNotFoundError("no ro-crate-metadata.json")
    parts = len(ROCrate(options.release).data_entities)
    yield "RO-Crate", version("rocrate"), f"opens; {parts} data entities"
    from rocrate_validator import models, services

    if options.context:
        offline(json.loads(options.context.read_text()))
    for profile in PROFILES:
        settings = services.ValidationSettings(
            rocrate_uri=options.release,
            profile_identifier=profile,
            requirement_severity=models.Severity.RECOMMENDED,
            offline=options.context is not None,
        )
        issues = services.validate(settings).get_issues()
        named = sorted({f"{one.severity.name} {one.check.identifier}" for one in issues})
        required = any(one.severity == models.Severity.REQUIRED for one in issues)
        text = (
            f"open: {', '.join(named)}" if named else "every REQUIRED and RECOMMENDED check passes"
        )
        yield (
            f"RO-Crate, {profile}",
            version("roc-validator"),
            f"ERROR {text}" if required else text,
        )


def offline(context: dict[str, Any]) -> None:
    """Give the validator the RO-Crate context from a file; every other address stays unreachable."""
    import rdflib.plugins.shared.jsonld.context as jsonld
    import rocrate_validator.utils.http as http

    class Answer:
        status_code, ok = 200, True
        headers = {"Content-Type": "application/ld+json"}  # noqa: RUF012
        text = json.dumps(context)

        def json(self) -> dict[str, Any]:
            return context

        def raise_for_status(self) -> None:
            """Nothing went wrong."""

    fetch = jsonld.Context._fetch_context

    def from_file(self: Any, source: str, *rest: Any) -> Any:
        return context["@context"] if source == CONTEXT else fetch(self, source, *rest)

    def get(_: Any, url: str, *rest: Any, **more: Any) -> Answer:
        if url == CONTEXT:
            return Answer()
        raise OSError("offline")

    jsonld.Context._fetch_context = from_file
    http.HttpRequester.get = get


def dicom(options: Options) -> Iterator[Row]:
    """Judge every DICOM file, and read it with GDCM, which did not write it."""
    files = sorted((options.release / "dicom").glob("*.dcm"))
    if not files:
        raise FileNotFoundError("no DICOM")
    beside = Path(sys.executable).parent / "dciodvfy"
    judge = shutil.which("dciodvfy") or (str(beside) if beside.exists() else None)
    if judge is None:
        yield "DICOM", "`dciodvfy`", "skipped: not found on PATH"
    else:
        lines = [line for path in files for line in judged(judge, path)]
        errors = [line for line in lines if line.startswith("Error")]
        warnings = sorted({line for line in lines if line.startswith("Warning")})
        text = f"{len(errors)} errors in {len(files)} files; warnings: {'; '.join(warnings)}"
        yield (
            "DICOM",
            f"`dciodvfy` of {version('dicom3tools')}",
            f"ERROR {errors[0]}" if errors else text,
        )
    import gdcm

    total = 0
    for path in files:
        reader = gdcm.ImageReader()
        reader.SetFileName(str(path))
        if not reader.Read():
            yield "DICOM", version("python-gdcm"), f"ERROR {path.name} cannot be read"
            return
        total += reader.GetImage().GetBufferLength()
    yield "DICOM", version("python-gdcm"), f"{len(files)} files read, {total} bytes of pixels"


def judged(judge: str, path: Path) -> list[str]:
    """Return what the judge says of a file."""
    done = subprocess.run([judge, str(path)], capture_output=True, text=True, errors="replace")
    return [line.strip() for line in (done.stdout + done.stderr).splitlines()]


CHECKS = (
    checksums,
    parquet_by_duckdb,
    parquet_by_datasets,
    reads,
    croissant,
    dcat_ap,
    ro_crate,
    dicom,
)

if __name__ == "__main__":
    sys.exit(main())
