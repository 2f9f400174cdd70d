"""What is refused before anything runs, and all of it at once."""

import os
from dataclasses import replace

import pytest

from avatarflow.clean import checks
from avatarflow.clean.arguments import Request
from avatarflow.clean.checks import check_y_contigs, checked, contig_names
from avatarflow.clean.folders import MADE_BY, WORK_MARK, deliver
from avatarflow.core.errors import AvatarflowError


@pytest.fixture
def request_(tmp_path, monkeypatch):
    """A request without problems; every tool counts as installed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(checks, "absent", lambda tool: [])
    for name in ("r1.fq", "r2.fq", "host.fa"):
        (tmp_path / name).write_text("x\n")
    return Request(("r1.fq", "r2.fq"), "host.fa", "clean")


def problems(request):
    with pytest.raises(AvatarflowError) as error:
        checked(request)
    return str(error.value).splitlines()


def test_a_good_request_makes_nothing_and_works_beside_out(request_, tmp_path):
    before = sorted(tmp_path.iterdir())
    job = checked(request_)
    assert sorted(tmp_path.iterdir()) == before
    assert (job.out, job.work) == (tmp_path / "clean", tmp_path / "clean.work")
    assert job.results == tmp_path / "clean.work/results/read_releases/sample"
    assert job.settings["y_contigs"] == ["Y", "chrY"]
    assert checked(replace(request_, work="w")).work == tmp_path / "w"


def test_everything_is_said_at_once():
    lines = problems(Request((), cores="0", config="/no/such", tools=("bwa",), name="a b"))
    assert lines == [
        "reads: no file; name one FASTQ of single reads, or the two of pairs",
        "--reference: no reference; name the FASTA of the human genome, such as GRCh38",
        "--out: no folder; name one that is not there yet",
        "--cores: found '0'; give a whole number, or all",
        "--config: cannot be read: No such file or directory; check the path",
        "--tool: bwa without a setting; take one of bwa:mem, bwa:ont2d",
    ]


def test_files_that_cannot_be_read_are_named_by_what_they_are_for(request_, tmp_path, monkeypatch):
    (tmp_path / "empty").touch()
    (tmp_path / "{b}").write_text("x")
    (tmp_path / "more.yaml").write_text(
        "{donor: {vcf: no.vcf, sample: D}, panel: {vcf: '{b}', map: locked}}"
    )
    (tmp_path / "locked").write_text("x")
    access = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode: not str(path).endswith("locked") and access(path, mode)
    )
    lines = problems(
        replace(request_, reads=("empty", str(tmp_path)), reference="no", config="more.yaml")
    )
    assert lines == [
        "reads, file 1: empty; check how it was made",
        "reads, file 2: no plain file; name a file, since pipes and folders are not read",
        "--reference: not there; check the path",
        "--config donor.vcf: not there; check the path",
        "--config panel.vcf: braces in the path; rename the folder or the file",
        "--config panel.map: you may not read it; ask for the right to read it",
    ]


def test_a_file_given_twice_is_refused_by_what_it_is_and_not_by_its_name(request_, tmp_path):
    (tmp_path / "link.fq").symlink_to(tmp_path / "r1.fq")
    assert problems(replace(request_, reads=("r1.fq", "link.fq"))) == [
        "reads, file 2: the same file as reads, file 1; check which file is which"
    ]
    assert problems(replace(request_, reads=("r1.fq", "./r1.fq"), reference="link.fq")) == [
        "reads, file 2: the same file as reads, file 1; check which file is which",
        "--reference: the same file as reads, file 1; check which file is which",
        "--reference: the same file as reads, file 2; check which file is which",
    ]
    assert problems(replace(request_, reads=("r1.fq", "r2.fq", "link.fq")))[0].startswith(
        "reads: 3 files;"
    )


def test_out_must_be_free_or_of_the_same_command_and_files(request_, tmp_path):
    out, results = tmp_path / "clean", tmp_path / "results"
    out.mkdir()
    digest = checked(request_).digest  # an empty folder is free
    results.mkdir()
    (results / "certificate.json").write_text('{"decision": "pass"}')
    deliver(results, out, digest)
    assert checked(replace(request_, cores="2", keep_work=True, work="w")).digest == digest
    foreign = ["--out: not empty, and not made by this command from these files; name another folder"]  # fmt: skip
    assert problems(replace(request_, tools=("bwa:mem",), detection_tools=("snap",))) == foreign
    (tmp_path / "r1.fq").write_text("changed\n")
    assert problems(request_) == foreign
    (out / MADE_BY).write_text(checked(replace(request_, out="other")).digest)
    assert checked(request_)
    (out / "certificate.json").unlink()  # what was made there is not whole any more
    assert problems(request_) == foreign
    (tmp_path / "file").touch()
    assert problems(replace(request_, out="file")) == foreign
    assert problems(replace(request_, out="file/below")) == [
        "--out: you may not write there; name another folder",
        "--work: you may not write there; name another folder",
    ]


def test_the_folder_of_the_run_is_nobody_elses(request_, tmp_path):
    full, ours = tmp_path / "full", tmp_path / "ours"
    for folder in (full, ours):
        folder.mkdir()
        (folder / "a").touch()
    (full / MADE_BY).touch()  # an OUT is no work folder: it would be removed
    (ours / WORK_MARK).touch()
    assert checked(replace(request_, work="ours")).work == ours
    assert problems(replace(request_, work="full")) == [
        "--work: not empty, and no work folder of this command; name another folder"
    ]
    within = ["--work: inside OUT, or OUT inside it; name another folder"]
    for work in ("clean", "clean/w", "."):
        assert problems(replace(request_, work=work)) == within
    (ours / "r1.fq").write_text("x\n")
    assert problems(replace(request_, reads=("ours/r1.fq",), work="ours")) == [
        "--work: a file of yours is in it, and it is removed in the end; name another folder"
    ]


def test_folders_that_may_not_be_written_are_refused(request_, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: mode == os.R_OK)
    assert problems(request_) == [
        "--out: you may not write there; name another folder",
        "--work: you may not write there; name another folder",
    ]


def test_the_folder_where_the_user_stands_is_not_replaced(request_, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    files = {"reads": ("../r1.fq",), "reference": "../host.fa"}
    assert problems(replace(request_, **files, out=".")) == [
        "--out: the folder where you stand; name another folder"
    ]


def test_keys_of_the_entry_are_checked_as_the_workflow_checks_them(request_, tmp_path):
    (tmp_path / "more.yaml").write_text("{gates: {bits: 3}, seed: x}")
    lines = problems(replace(request_, config="more.yaml", name="a b"))
    assert [line.partition(";")[0] for line in lines] == [
        "config read_releases: found the name 'a b'",
        "config read_releases.a b.gates: unknown key 'bits'",
        "config read_releases.a b.seed: found 'x' (str)",
    ]
    assert problems(replace(request_, tools=("bwa:mem",)))[0].startswith(
        "config read_releases.sample.detection_tools: bwa mem, which removes already;"
    )


def test_a_tool_that_is_not_installed_is_refused_and_never_left_out(request_, monkeypatch):
    monkeypatch.setattr(checks, "absent", lambda tool: ["bwa"] if "bwa" in tool["needs"] else [])
    assert problems(request_) == [
        "--detection-tool: bwa:mem needs bwa, not installed; run make setup or install it, or name other tools"
    ]
    assert checked(replace(request_, detection_tools=("minimap2:sr", "kraken2:default")))
    removed = replace(request_, tools=("bwa:ont2d",), detection_tools=("snap",))
    assert problems(removed)[0].startswith("--tool: bwa:ont2d needs bwa, not installed;")


def test_nanopore_reads_need_tools_that_are_named(request_, tmp_path):
    (tmp_path / "more.yaml").write_text("spike_ins: {platform: nanopore}")
    request = replace(request_, config="more.yaml")
    assert [line.partition(";")[0] for line in problems(request)] == [
        "reads: two files, but nanopore reads have no mates",
        "--tool: no tool, and the default ones are for short reads",
        "--detection-tool: no tool, and the default ones are for short reads",
    ]
    tools = {"tools": ("minimap2:map-ont",), "detection_tools": ("bwa:ont2d", "kraken2:default")}
    assert checked(replace(request, reads=("r1.fq",), **tools))


@pytest.mark.parametrize(
    ("options", "lacking"),
    [
        ({}, None),
        ({"y_contigs": ("none",)}, None),
        ({"y_contigs": ("chrY", "NC_24")}, "NC_24"),
    ],
)
def test_a_y_chromosome_that_is_named_must_be_there(request_, tmp_path, options, lacking):
    host = tmp_path / "host.fa"
    host.write_text(">chrX more\nACGT\nAC\n>chrY\nACGT\n")
    assert [*contig_names(host)] == ["chrX", "chrY"]
    job = checked(replace(request_, **options))
    if lacking is None:
        check_y_contigs(job, host)
    else:
        with pytest.raises(AvatarflowError, match=f"no contig named {lacking};"):
            check_y_contigs(job, host)


def test_a_reference_whose_y_chromosome_would_be_overlooked_is_refused(request_, tmp_path):
    host = tmp_path / "host.fa"
    host.write_text(">NC_23\nACGT\n>NC_24\nACGT")
    with pytest.raises(
        AvatarflowError, match=r"no contig named Y or chrY; name .* --y-contig none"
    ):
        check_y_contigs(checked(request_), host)
    for allowed in (("NC_24",), ("none",)):
        check_y_contigs(checked(replace(request_, y_contigs=allowed)), host)
