"""What `avatarflow clean` is asked for, and the configuration that follows from it."""

import pytest
import yaml

from avatarflow.clean.arguments import Request, parse
from avatarflow.clean.configuration import configuration, read_settings, write_configuration
from avatarflow.config.loading import load
from avatarflow.core.errors import AvatarflowError

PAIRS = Request(reads=("r1.fq", "r2.fq"), reference="host.fa", out="clean")


def entry(request, settings=None):
    return configuration(request, settings or {})["read_releases"][request.name]


def refused(call, *arguments):
    with pytest.raises(AvatarflowError) as error:
        call(*arguments)
    return str(error.value).splitlines()


def test_options_may_stand_between_the_files():
    request = parse(
        ["clean", "r1.fq", "--reference", "host.fa", "r2.fq", "--out", "clean", "--tool", "bwa:mem", "--tool", "snap",
         "--y-contig", "none", "--detection-tool", "kraken2:default", "--cores", "3", "--keep-work"]
    )  # fmt: skip
    assert request == Request(
        ("r1.fq", "r2.fq"), "host.fa", "clean", tools=("bwa:mem", "snap"), y_contigs=("none",),
        detection_tools=("kraken2:default",), cores="3", keep_work=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ([], "avatarflow: no command"),
        (["wash"], "avatarflow: found 'wash'"),
        (["clean", "--outt", "x"], "avatarflow clean: unrecognized arguments: --outt"),
        (["clean", "--out"], "avatarflow clean: argument --out: expected one argument"),
        (["clean", "--ref", "x"], "avatarflow clean: unrecognized arguments: --ref"),
    ],
)
def test_arguments_that_cannot_be_read_are_refused_in_the_form_of_all_problems(arguments, found):
    (line,) = refused(parse, arguments)
    assert line.startswith(f"{found}")
    assert line.endswith("see avatarflow clean --help")


def test_the_entry_has_absolute_paths_and_else_the_defaults_of_the_workflow(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written = configuration(PAIRS, {})
    assert written == {
        "read_releases": {
            "sample": {
                "own_reads": {"fastq1": f"{tmp_path}/r1.fq", "fastq2": f"{tmp_path}/r2.fq"},
                "reference": {"fasta": f"{tmp_path}/host.fa"},
            }
        }
    }
    write_configuration(tmp_path / "config.yaml", written)
    release = load(yaml.safe_load((tmp_path / "config.yaml").read_text()))["read_releases"]
    assert release["sample"]["gates"]["bits_left"] == 8
    single = entry(Request(("r.fq",), "host.fa"))
    assert single["own_reads"] == {"fastq1": f"{tmp_path}/r.fq", "fastq2": None}


def test_options_and_further_keys_go_into_the_entry(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    request = Request(
        ("r.fq",), "host.fa", name="stool", tools=("bwa:ont2d", "own"), detection_tools=("snap",), y_contigs=("NC_24",),
    )  # fmt: skip
    settings = {
        "removal_tools": {"own": {"settings": {"only": {}}}},
        "reference": {"region": "1:1-5", "regions": {"repeat": "r.bed"}},
        "own_reads": {"short": "drop"},
        "donor": {"vcf": "d.vcf", "sample": "D"},
        "panel": {"vcf": "/p.vcf", "map": "m"},
    }
    written = configuration(request, settings)
    assert written["removal_tools"] == settings["removal_tools"]
    assert written["read_releases"]["stool"] == {
        "own_reads": {"short": "drop", "fastq1": f"{tmp_path}/r.fq", "fastq2": None},
        "reference": {"region": "1:1-5", "regions": {"repeat": f"{tmp_path}/r.bed"}, "fasta": f"{tmp_path}/host.fa"},
        "donor": {"vcf": f"{tmp_path}/d.vcf", "sample": "D"},
        "panel": {"vcf": "/p.vcf", "map": f"{tmp_path}/m"},
        "remove": [{"tool": "bwa", "setting": "ont2d"}, {"tool": "own", "setting": "only"}],
        "detection_tools": [{"tool": "snap", "setting": "default"}],
        "y_contigs": ["NC_24"],
    }  # fmt: skip
    assert settings["reference"] == {"region": "1:1-5", "regions": {"repeat": "r.bed"}}


def test_a_reference_without_y_has_to_be_said(tmp_path):
    assert entry(Request(("r",), "h", y_contigs=("none",)))["y_contigs"] == []
    assert "y_contigs" not in entry(Request(("r",), "h"))


def test_tools_and_keys_that_cannot_be_meant_are_refused_at_once():
    request = Request(
        ("r",), "h", tools=("bwa", "no"), detection_tools=("bwa:x",), y_contigs=("Y",)
    )
    settings = {
        "y_contigs": [],
        "own_reads": {"fastq1": "x", "fastq2": None},
        "reference": {"fasta": "y"},
    }
    lines = refused(configuration, request, settings)
    assert lines[0] == "--tool: bwa without a setting; take one of bwa:mem, bwa:ont2d"
    assert lines[1].startswith("--tool: no tool 'no'; take one of bbduk, bowtie2")
    assert lines[2:] == [
        "--detection-tool: no setting 'x' of bwa; take one of bwa:mem, bwa:ont2d",
        "--config: y_contigs beside --y-contig; keep one of them",
        "--config: own_reads.fastq1; take it out; the command line says it",
        "--config: own_reads.fastq2; take it out; the command line says it",
        "--config: reference.fasta; take it out; the command line says it",
    ]
    assert refused(configuration, PAIRS, {"reference": "x"}) == [
        "--config: reference is no mapping; write key: value lines below it"
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("- 1", "no keys"),
        ("a: [", "no YAML in UTF-8"),
        ("read_releases: {}", "a whole configuration"),
        ("seed: 1\nseed: 2", "key 'seed' stands there again"),
        ("", "no keys"),
    ],
)
def test_a_file_of_further_keys_that_is_none_is_refused(tmp_path, text, found):
    (tmp_path / "more.yaml").write_text(text)
    (line,) = refused(read_settings, str(tmp_path / "more.yaml"))
    assert f": {found}; " in line
    assert refused(read_settings, str(tmp_path))[0].startswith("--config: cannot be read: ")
    assert read_settings(None) == {}
