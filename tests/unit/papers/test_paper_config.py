"""What a paper asks for and cannot have is named before anything runs, all at once."""

import pytest
import yaml

from avatarflow.config.loading import load
from avatarflow.core.errors import AvatarflowError
from avatarflow.papers.items.registry import ITEMS
from avatarflow.papers.kinds import KINDS, SETTINGS, entries_of, files_of, settings_of

STUDY = {"parts": ["origin"], "show_real": True}
RELEASE = {
    "source": {"generate": {"persons": 50}},
    "conditions": {"sex": ["female", "male"], "eye_side": ["left", "right"]},
    "gates": {},
}
READS = {"reference": {"generated_bp": 50000}, "tools": [{"tool": "minimap2", "setting": "sr"}]}
CONFIG = {
    "releases": {
        "eyes": {**RELEASE, "reader_study": STUDY},
        "vae": {**RELEASE, "generator": {"family": "vae"}},
        "sides": {**RELEASE, "conditions": {"eye_side": ["left", "right"]}},
    },
    "read_benchmarks": {
        "reads": {**READS, "microbes": {"generated": {"count": 1, "length_bp": 20000}}},
        "own": {**READS, "reference": {"fasta": "host.fa"}, "own_reads": {"fastq1": "1.fq"}},
    },
}


def item(kind="samples", **changes):
    return {"kind": kind, "title": "One", **changes}


def with_items(**items):
    return {**CONFIG, "papers": {"p": {"title": "Paper", "items": items}}}


def problems(**items):
    with pytest.raises(AvatarflowError) as error:
        load(with_items(**items))
    return str(error.value).splitlines()


def test_a_paper_of_every_kind_is_taken():
    items = {
        kind: item(kind, **({"read_benchmarks": ["reads"]} if kind == "read_removal" else {"releases": ["eyes"]}))
        for kind in KINDS
    }  # fmt: skip
    items["generators"]["releases"] = ["eyes", "vae"]
    loaded = load(with_items(**items))["papers"]["p"]["items"]
    assert list(loaded) == list(KINDS)
    assert loaded["samples"]["reported"] is None


def test_all_problems_of_all_items_are_named_at_once():
    lines = problems(
        a=item(releases=["eyes", "gone"], per_cell=3, machines=3),
        b=item("ratings", releases=["vae"]),
        c=item("generators", releases=["eyes", "sides"]),
        d=item("distillation", releases=[]),
        e=item("read_removal", releases=["eyes"], read_benchmarks=["own"]),
        f=item(releases=["sides"]),
    )
    where = "config papers.p.items"
    beginnings = [
        f"{where}.a.machines: samples has no such setting",
        f"{where}.a.releases: no entry 'gone'; there are eyes, sides, vae; name one of them",
        f"{where}.b.releases: release 'vae' has no reader_study",
        f"{where}.c.releases: 2 releases of the family diffusion",
        f"{where}.d.releases: found 0; give 1 for distillation",
        f"{where}.e.releases: read_removal shows none of them",
        f"{where}.e.read_benchmarks: 'own' has own reads without a truth",
        f"{where}.f.columns: 'sex' is no condition of 'sides'; there are eye_side",
    ]
    assert len(lines) == len(beginnings)
    for line, begin in zip(lines, beginnings, strict=True):
        assert line.startswith(begin), line
        assert line.count("; ") >= 1


def test_a_study_that_does_not_ask_what_is_synthetic_has_no_ratings():
    config = with_items(b=item("ratings", releases=["eyes"]))
    eyes = {**CONFIG["releases"]["eyes"], "reader_study": {"parts": ["clinical"]}}
    config["releases"] = {**CONFIG["releases"], "eyes": eyes}
    with pytest.raises(AvatarflowError, match="does not ask what is synthetic; add origin"):
        load(config)


def test_the_schema_refuses_other_kinds_and_a_paper_without_items():
    assert "use one of samples, calibration_border" in problems(a=item("figure"))[0]
    with pytest.raises(AvatarflowError, match=r"papers\.p\.items"):
        load(with_items())


def test_kinds_are_the_same_in_schema_table_and_registry(root):
    schema = yaml.safe_load((root / "workflow/schemas/paper.schema.yaml").read_text())
    keys = schema["properties"]["items"]["additionalProperties"]["properties"]
    assert keys["kind"]["enum"] == list(KINDS) == list(ITEMS)
    assert set(SETTINGS) == {name for kind in KINDS.values() for name in kind.settings}
    for name, value in SETTINGS.items():
        said = " and ".join(value) if isinstance(value, list) else str(value)
        assert f"null takes {said}" in keys[name]["description"]


def test_files_are_in_the_folders_of_their_entries_with_the_settings_in_force():
    asked = load(
        with_items(
            a=item("ratings", releases=["eyes"]), b=item("generators", releases=["vae", "eyes"])
        )
    )
    ratings, generators = asked["papers"]["p"]["items"].values()
    assert settings_of(ratings) == {"machines": 12}
    assert (
        files_of(ratings)["results_0"]
        == "results/releases/eyes/reader_study/machines_12/results.json"
    )
    assert files_of({**ratings, "machines": 3})["results_0"].endswith("machines_3/results.json")
    assert entries_of(generators) == ["vae", "eyes"]
    assert files_of(generators)["metrics_1"] == "results/releases/eyes/evaluation/metrics.json"


def test_the_configuration_of_the_source_is_valid_and_every_item_says_what_is_reported_or_nothing(
    root,
):
    config = load(yaml.safe_load((root / "config/paper.yaml").read_text()))
    items = config["papers"]["avatar"]["items"]
    assert {part["kind"] for part in items.values()} == set(KINDS)
    families = {
        config["releases"][name]["generator"]["family"] for name in items["generators"]["releases"]
    }
    assert families == {"diffusion", "vae", "pca_gaussian"}
    needing = {name for name, part in items.items() if part["needs_data"]}
    assert needing == {"nanopore", "synthetic_papilla"}
