"""What is wrong with a request, all at once and before anything runs."""

import copy
import dataclasses
import mmap
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avatarflow.config.loading import load
from avatarflow.core.digest import config_digest, files_digest
from avatarflow.core.errors import AvatarflowError, Problems, noting, refuse
from avatarflow.reads.removal.catalogue import absent

from .arguments import NONE, Request
from .configuration import GIVEN, configuration, data_files, read_settings
from .folders import WORK_MARK, decided, is_free, may_be_made

STAND_INS = ("/reads_1", "/reads_2", "/reference")  # paths that no message is about
BRACES = frozenset("{}")  # Snakemake takes them for wildcards
SUFFIX = ".work"


@dataclass(frozen=True)
class Job:
    """A request without problems."""

    request: Request
    config: dict[str, Any]
    settings: dict[str, Any]  # the entry, every default filled in
    digest: str
    out: Path
    work: Path

    @property
    def results(self) -> Path:
        """Where the workflow writes the release."""
        return self.work / "results" / "read_releases" / self.request.name


def checked(request: Request) -> Job:
    """Return what is to be run.

    Raises
    ------
    AvatarflowError
        One line per problem, all of them.
    """
    with Problems() as problems:
        _check_arguments(request, problems)
        config, settings = _configured(request, problems)
        files = [*data_files(config["read_releases"][request.name])]
        for file in files:
            _check_file(file.where, file.path, problems)
        given = {file.where: file.path for file in files if file.where in GIVEN.values()}
        _check_repeated(given, problems)
        digest = config_digest(
            {"config": config, "files": files_digest(file.path for file in files)}
        )
        out = Path(request.out or "out").resolve()
        work = Path(request.work).resolve() if request.work else out.with_name(out.name + SUFFIX)
        if request.out:
            _check_folders(out, work, digest, [file.path for file in files], problems)
    return Job(request, config, settings, digest, out, work)


def _check_arguments(request: Request, problems: Problems) -> None:
    """Note what the arguments lack."""
    if not 1 <= len(request.reads) <= 2:
        found = f"{len(request.reads)} files" if request.reads else "no file"
        problems.add("reads", found, "name one FASTQ of single reads, or the two of pairs")
    if not request.reference:
        found = "no reference"
        problems.add("--reference", found, "name the FASTA of the human genome, such as GRCh38")
    if not request.out:
        problems.add("--out", "no folder", "name one that is not there yet")
    if request.cores != "all" and not (request.cores.isdecimal() and int(request.cores) > 0):
        problems.add("--cores", f"found '{request.cores}'", "give a whole number, or all")


def _configured(request: Request, problems: Problems) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the configuration and its entry with defaults; with problems as much as files are looked for in."""
    usable = dataclasses.replace(request, reads=request.reads[:2] or ("",))
    further: dict[str, Any] = {}
    with noting(problems):
        further = read_settings(request.config)
    try:
        config = configuration(usable, further)
    except AvatarflowError as error:
        problems.extend(str(error).splitlines())
        bare = Request(usable.reads, usable.reference, name=request.name)
        return configuration(bare, {}), {}
    return config, _settings(config, request.name, problems)


def _settings(config: Mapping[str, Any], name: str, problems: Problems) -> dict[str, Any]:
    """Return the entry with its defaults, and note what is wrong with it but for files of the command line."""
    checked_config = copy.deepcopy(dict(config))
    entry = checked_config["read_releases"][name]
    mates = entry["own_reads"]["fastq2"] is not None
    entry["own_reads"] |= {"fastq1": STAND_INS[0], "fastq2": STAND_INS[1] if mates else None}
    entry["reference"]["fasta"] = STAND_INS[2]
    filled: dict[str, Any] = {}
    with noting(problems):
        filled = load(checked_config)
    if not filled:
        return {}
    settings: dict[str, Any] = filled["read_releases"][name]
    long_reads = settings["spike_ins"]["platform"] == "nanopore"
    if long_reads and mates:
        problems.add("reads", "two files, but nanopore reads have no mates", "give one file")
    for key, option in (("remove", "--tool"), ("detection_tools", "--detection-tool")):
        if long_reads and key not in entry:
            found = "no tool, and the default ones are for short reads"
            problems.add(option, found, "name tools for nanopore reads, such as minimap2:map-ont")
            continue
        for choice in settings[key]:
            tool = f"{choice['tool']}:{choice['setting']}"
            if lacking := absent(filled["removal_tools"][choice["tool"]]):
                found = f"{tool} needs {', '.join(lacking)}, not installed"
                problems.add(option, found, "run make setup or install it, or name other tools")
    return settings


def _check_file(where: str, path: str, problems: Problems) -> None:
    """Note why the workflow cannot read a file."""
    try:
        state = Path(path).stat()
    except (FileNotFoundError, NotADirectoryError):
        problems.add(where, "not there", "check the path")
    except OSError as error:
        problems.add(where, f"cannot be looked at: {error.strerror}", "check the path")
    else:
        if BRACES & set(path):
            problems.add(where, "braces in the path", "rename the folder or the file")
        elif not stat.S_ISREG(state.st_mode):
            problems.add(
                where, "no plain file", "name a file, since pipes and folders are not read"
            )
        elif not os.access(path, os.R_OK):
            problems.add(where, "you may not read it", "ask for the right to read it")
        elif not state.st_size:
            problems.add(where, "empty", "check how it was made")


def _check_repeated(given: Mapping[str, str], problems: Problems) -> None:
    """Note every file that was given as two things."""
    names = [*given]
    for number, name in enumerate(names):
        for earlier in names[:number]:
            if _same(given[name], given[earlier]):
                problems.add(name, f"the same file as {earlier}", "check which file is which")


def _same(path: str, other: str) -> bool:
    try:
        return Path(path).samefile(other)
    except OSError:
        return False


def _check_folders(
    out: Path, work: Path, digest: str, files: Sequence[str], problems: Problems
) -> None:
    """Note why the two folders cannot be made."""
    for where, found in (
        ("--out", _out_problem(out, digest)),
        ("--work", _work_problem(work, out, files)),
    ):
        if found:
            problems.add(where, found, "name another folder")


def _out_problem(out: Path, digest: str) -> str | None:
    try:
        if not (is_free(out) or decided(out, digest)):
            return "not empty, and not made by this command from these files"
    except OSError as error:
        return f"cannot be looked at: {error.strerror}"
    if out == Path.cwd():
        return "the folder where you stand"
    return None if may_be_made(out) else "you may not write there"


def _work_problem(work: Path, out: Path, files: Sequence[str]) -> str | None:
    if work == out or out in work.parents or work in out.parents:
        return "inside OUT, or OUT inside it"
    try:
        if not (is_free(work) or (work / WORK_MARK).is_file()):
            return "not empty, and no work folder of this command"
    except OSError as error:
        return f"cannot be looked at: {error.strerror}"
    if any(work in Path(path).resolve().parents for path in files):
        return "a file of yours is in it, and it is removed in the end"
    if not may_be_made(work) or (work.is_dir() and not os.access(work, os.W_OK | os.X_OK)):
        return "you may not write there"
    return None


def check_y_contigs(job: Job, host: Path) -> None:
    """Refuse a reference whose Y chromosome would be overlooked: nothing would be said about the donor's sex.

    Parameters
    ----------
    job : Job
    host : Path
        The reference as the workflow wrote it: plain FASTA.

    Raises
    ------
    AvatarflowError
        If the reference has none of the contigs, or lacks one that was named.
    """
    entry = job.config["read_releases"][job.request.name]
    wanted, known = job.settings["y_contigs"], set(contig_names(host))
    if "y_contigs" in entry:
        lacking = [name for name in wanted if name not in known]
    else:
        lacking = wanted if known.isdisjoint(wanted) else []
    if lacking:
        raise refuse(
            "--reference",
            f"no contig named {' or '.join(lacking)}",
            f"name its Y chromosome with --y-contig, or write --y-contig {NONE} if it has none",
        )


def contig_names(fasta: Path) -> Iterator[str]:
    """Yield the names of the contigs of a plain FASTA."""
    with fasta.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        start = text.find(b">")
        while start >= 0:
            end = text.find(b"\n", start)
            yield text[start + 1 : end].split()[0].decode()
            start = text.find(b">", end)
