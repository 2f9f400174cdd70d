"""What goes back to a pool: by recorded inputs and parameters, in other entries too; what no record knows counts."""

from pathlib import Path

import clinic
import pytest

from avatarflow.core.errors import AvatarflowError
from avatarflow.withdrawal.provenance import follow, is_stale, read_outputs

OTHER = Path("results/releases/other")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def files(entry, entries=(clinic.ENTRY,)):
    return {str(path) for path in follow(read_outputs(), entries).files.get(entry, ())}


def make_other(base):
    """An entry with a pool of its own, whose training starts from weights elsewhere."""
    pool = OTHER / "pool/pictures"
    (pool).mkdir(parents=True)
    (pool / "00000.parquet").write_text("others")
    refused = OTHER / "refused.csv"
    refused.write_text("row")
    clinic.record(pool, "intake", ["data/other.csv"], [repr(str(refused)), "'releases/other'"])
    clinic.made(OTHER / "privacy/encoder.safetensors", "fit_fingerprint", pool)
    clinic.made(OTHER / "canaries/drawn.json", "draw_canaries", pool)
    (OTHER / "canaries/undeclared.json").write_text("no weights")
    state = "results/state/releases/other/finetune"
    clinic.made(OTHER / "teacher/model_index.json", "finetune", pool, base, params=[repr(state)])
    Path(state).mkdir(parents=True)
    (Path(state) / "checkpoint").write_text("weights")
    (OTHER / "teacher/weights.safetensors").write_text("weights")
    teacher = OTHER / "teacher/model_index.json"
    clinic.made(OTHER / "privacy/decisions.parquet", "judge_candidates", teacher)


def test_everything_in_the_folder_of_a_withdrawn_patient_goes():
    clinic.made(clinic.HOME / "pool/pictures", "intake")
    clinic.make_release()
    (clinic.HOME / "left_by_nobody_knows_whom").write_text("?")
    there = {str(path) for path in Path("results").rglob("*") if path.is_file()}
    assert files(clinic.ENTRY) == there


def test_an_entry_that_started_from_tainted_weights_loses_what_was_made_with_them():
    clinic.made(clinic.HOME / "pool/pictures", "intake")
    clinic.make_release()
    make_other(clinic.HOME / "student/model_index.json")
    assert files("releases/other") == {
        f"{OTHER}/privacy/decisions.parquet",
        f"{OTHER}/teacher/model_index.json",
        f"{OTHER}/teacher/weights.safetensors",
        "results/state/releases/other/finetune/checkpoint",
    }
    third = Path("results/releases/third/teacher/model_index.json")
    clinic.made(third, "finetune", OTHER / "teacher/weights.safetensors")
    assert files("releases/third") == {str(third)}
    clean = follow(read_outputs(), [clinic.ENTRY]).clean_rules["releases/other"]
    assert clean == {"intake"}


def test_an_entry_of_other_weights_is_left_alone():
    clinic.made(clinic.HOME / "pool/pictures", "intake")
    clinic.make_release()
    make_other("results/bases/f00/model_index.json")
    assert files("releases/other") == set()
    assert "releases/other" not in follow(read_outputs(), [clinic.ENTRY]).files


def test_an_entry_whose_name_only_begins_alike_is_another_one():
    clinic.made(clinic.HOME / "pool/pictures", "intake")
    clinic.made("results/releases/eyes2/pool/pictures", "intake", params=["'releases/eyes2'"])
    assert set(follow(read_outputs(), [clinic.ENTRY]).files) == {clinic.ENTRY}


def test_a_folder_named_in_a_parameter_is_followed_too():
    clinic.made(clinic.HOME / "pool/pictures", "intake")
    clinic.make_release()
    root = f"{{'root': '/home/x/{clinic.HOME}/release/png'}}"
    audit = "results/audits/a/samples/foreign/pictures"
    clinic.made(audit, "intake_candidates", "elsewhere/m.csv", params=[root, "'audits/a'"])
    assert files("audits/a") == {audit}


def test_a_paper_with_an_item_of_a_withdrawn_patient_goes_as_a_whole():
    clinic.made(clinic.HOME / "pool/pictures", "intake")
    clinic.make_release()
    clinic.made("results/read_benchmarks/reads/scores.tsv", "score_removal")
    paper = Path("results/papers/avatar")
    clinic.made(
        paper / "items/figure_1.json", "paper_item", clinic.HOME / "student/model_index.json"
    )
    clinic.made(
        paper / "items/reads.json", "paper_item", "results/read_benchmarks/reads/scores.tsv"
    )
    items = [paper / "items/figure_1.json", paper / "items/reads.json"]
    clinic.made(paper / "index.html", "paper_page", *items)
    assert files("papers/avatar") == {str(paper / "index.html"), *map(str, items)}


def test_a_paper_of_others_is_left_alone():
    clinic.made(clinic.HOME / "pool/pictures", "intake")
    clinic.make_release()
    paper = Path("results/papers/others")
    clinic.made(paper / "items/reads.json", "paper_item", "results/read_benchmarks/r/scores.tsv")
    clinic.made(paper / "index.html", "paper_page", paper / "items/reads.json")
    assert "papers/others" not in follow(read_outputs(), [clinic.ENTRY]).files


def test_a_record_that_cannot_be_read_stops():
    clinic.made(clinic.HOME / "pool/pictures", "intake")
    next(Path(".snakemake/metadata").iterdir()).write_text("{")
    with pytest.raises(AvatarflowError, match="a record of an output that cannot be read"):
        read_outputs()


@pytest.mark.parametrize(("ended", "stale"), [(9.0, True), (11.0, False)])
def test_what_was_made_of_an_earlier_pool_is_noticed(ended, stale):
    clinic.made(clinic.HOME / "pool/summary.json", "intake", ended=11)
    clinic.made(clinic.HOME / "pool/pictures", "intake", ended=10)
    pool = clinic.HOME / "pool/pictures"
    clinic.made(clinic.HOME / "training/pictures", "augment", pool, ended=20)
    made = clinic.HOME / "teacher/model_index.json"
    clinic.made(made, "finetune", clinic.HOME / "training/pictures", ended=ended)
    assert is_stale(read_outputs(), clinic.ENTRY) is stale
    made.unlink()  # as a temporary file is
    assert not is_stale(read_outputs(), clinic.ENTRY)
