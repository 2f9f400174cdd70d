"""A tiny whole project for workflow tests: generated eyes saved as photographs with canaries in them, and a config."""

import gzip
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import yaml
from PIL import Image
from site_keys import site

from avatarflow.imaging.phantom.eyes import draw_eyes
from avatarflow.release.exports import dicom

ROOT = Path(__file__).resolve().parents[3]
CANARY = "CANARYZQX"
UNPUBLISHED = "PRIVATEZQX"
"""In texts of the config that are for the site alone."""


def release_config(**changes):
    """One release of tiny pictures with every step in it and gates wide open."""
    text = (Path(__file__).parent / "tiny.yaml").read_text(encoding="utf-8")
    config = yaml.safe_load(text)
    for path, value in changes.items():
        part = config
        *parents, last = path.split("__")
        for key in parents:
            part = part[key]
        part[last] = value
    return config


def write_photographs(folder, persons=44, size=48, seed=11):
    """Photographs of generated eyes, with a canary in every patient id, EXIF field, DICOM tag and file name."""
    folder.mkdir(parents=True, exist_ok=True)
    identities = [2 * person + eye for person in range(persons) for eye in range(2)]
    pictures, table = draw_eyes("fundus", identities, [0] * len(identities), size, seed)
    rows = []
    for number, (picture, eye) in enumerate(zip(pictures, table.itertuples(), strict=True)):
        exif = Image.Exif()
        exif[0x010E] = f"{CANARY} description"
        exif[0x013B] = f"{CANARY} artist"
        last = number == len(pictures) - 1
        name = f"{CANARY}_{number}.{'dcm' if last else 'jpg'}"
        if last:
            write_dicom(folder / name, picture)
        else:
            Image.fromarray(picture).save(folder / name, quality=97, exif=exif.tobytes())
        patient = f"{CANARY}-{eye.person:03d}"
        rows.append(
            {
                "file": name,
                "patient_id": patient,
                "eye_side": eye.eye_side,
                "sex": eye.sex,
                "note": CANARY,
            }
        )
    pd.DataFrame(rows).to_csv(folder / "manifest.csv", index=False)


def write_dicom(path, picture):
    """Write a photograph as a device stores it, with a canary in every tag that can hold one."""
    data = dicom.secondary_capture(picture, 0, {}, "a device")
    for tag in (
        "SyntheticData",
        "ConversionType",
        "PatientIdentityRemoved",
        "ContentQualification",
    ):
        delattr(data, tag)
    data.ImageType = ["ORIGINAL", "PRIMARY"]
    for tag in (
        "PatientName", "PatientID", "ReferringPhysicianName", "StudyID", "AccessionNumber", "ImageComments",
        "DerivationDescription", "DeidentificationMethod", "Manufacturer", "SecondaryCaptureDeviceManufacturer",
        "InstitutionName", "OperatorsName", "StudyDescription", "DeviceSerialNumber", "PatientComments",
    ):  # fmt: skip
        setattr(data, tag, CANARY)
    data.save_as(path, enforce_file_format=True)


def words_in(name, data):
    """The bytes of a file in which a word can be looked for: tables and archives are opened first."""
    if name.endswith(".gz"):
        return gzip.decompress(data)
    if name.endswith(".parquet"):
        table = pd.read_parquet(io.BytesIO(data))
        texts = [" ".join(map(str, table.columns))]
        for column in table:
            if column == "image":
                texts += [f"{cell['path']} " for cell in table[column]]
                data += b"".join(cell["bytes"] for cell in table[column])
            else:
                texts += table[column].astype(str).tolist()
        return data + "\n".join(texts).encode()
    return data


def keys_of(folder):
    """The folder of a working directory's keys, outside of it."""
    return folder.with_name(f"{folder.name}.site")


def prepare(folder, **changes):
    """Write photographs and config into a working directory, and the site's key beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    write_photographs(folder / "data")
    write_config(folder, **changes)
    return folder


def write_config(folder, **changes):
    """Write the tiny release's config, with changes, into a working directory, and the site's key beside it."""
    config = release_config(**changes) | {"signing": site(keys_of(folder), seed=1)}
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")


def copy(run, folder):
    """Copy a run to go on from; what Snakemake logs of a dry run beside it is left out."""
    shutil.copytree(run, folder, symlinks=True, ignore=shutil.ignore_patterns("log"))


def command(folder, *arguments, root=ROOT, cores=2):
    """The command line of a run."""
    return [
        sys.executable, "-m", "snakemake", "--snakefile", str(root / "workflow" / "Snakefile"),
        "--directory", str(folder), "--configfile", str(folder / "config.yaml"), "--cores", str(cores),
        "--rerun-incomplete", *arguments,
    ]  # fmt: skip


def environment():
    return {**os.environ, "AVATARFLOW_DATA": "", "PYTHONDONTWRITEBYTECODE": "1"}


def run(folder, *arguments, root=ROOT, check=True):
    """Run the workflow and return the finished process, output as text."""
    done = subprocess.run(
        command(folder, *arguments, root=root),
        capture_output=True,
        text=True,
        env=environment(),
        timeout=1800,
    )
    if check and done.returncode != 0:
        raise AssertionError(
            f"snakemake failed ({done.returncode}):\n{done.stdout[-4000:]}\n{done.stderr[-6000:]}"
        )
    return done


def withdraw(folder):
    """Call `make withdraw` as the Makefile does, and return the finished process."""
    return subprocess.run(
        [sys.executable, "-m", "avatarflow.withdrawal.command", "--config", "config.yaml"],
        cwd=folder,
        env=environment() | {"PYTHONPATH": str(ROOT / "workflow/scripts")},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )


def planned(folder, *arguments, root=ROOT):
    """The rules that a dry run would run, as a set."""
    done = run(folder, "--dry-run", *arguments, root=root)
    lines = done.stdout.splitlines()
    names = {
        line.split()[1].rstrip(":") for line in lines if line.startswith(("rule ", "localrule "))
    }
    return names - {"all", "releases", "audits", "read_benchmarks", "read_releases", "tables"}


def run_and_kill(folder, when, *arguments, limit_s=300):
    """Start the workflow and `kill -9` its whole process tree as soon as `when()` holds."""
    start_and_kill(command(folder, *arguments), folder, when, environment(), limit_s)


def start_and_kill(command, folder, when, environment, limit_s=300):
    """Start a command in a folder and `kill -9` its whole process tree as soon as `when()` holds."""
    with (folder / "killed.log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=folder, stdout=log, stderr=log, env=environment, start_new_session=True
        )
        ends = time.monotonic() + limit_s
        while process.poll() is None and not when():
            if time.monotonic() > ends:
                os.killpg(process.pid, signal.SIGKILL)
                raise AssertionError(
                    "the moment to kill never came:\n" + (folder / "killed.log").read_text()[-3000:]
                )
            time.sleep(0.02)
        ended = process.poll() is not None
        if not ended:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if ended:
        raise AssertionError(
            "the run ended before it could be killed:\n"
            + (folder / "killed.log").read_text()[-3000:]
        )


def content(folder):
    """Bytes of every file under a folder, by relative path; Snakemake's own time stamps left out."""
    files = sorted(
        path for path in folder.rglob("*") if path.is_file() and path.name != ".snakemake_timestamp"
    )
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def decision(folder):
    return json.loads((folder / "results/releases/tiny/release/certificate.json").read_text())[
        "decision"
    ]
