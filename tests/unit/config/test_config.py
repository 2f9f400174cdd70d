"""The configuration: defaults filled in at any depth, every problem named at once."""

import re
from datetime import date

import pytest
import yaml

from avatarflow.config.file_text import check_text
from avatarflow.config.loading import MAPS, RENAMED, base_id, load
from avatarflow.core.errors import AvatarflowError

RELEASE = {
    "source": {"generate": {"persons": 50}},
    "conditions": {"eye_side": ["left", "right"]},
    "base": {"pretrain": {}},
    "gates": {},
}


def problems(config):
    with pytest.raises(AvatarflowError) as error:
        load(config)
    return str(error.value).splitlines()


def test_an_empty_config_is_whole():
    config = load({})
    assert config["seed"] == 1
    assert all(config[name] == {} for name in MAPS)
    assert config["compute"]["threads"] == 1


def test_defaults_reach_every_depth_and_the_given_stays():
    entry = load({"releases": {"x": RELEASE}})["releases"]["x"]
    assert entry["source"]["generate"] == {"kind": "fundus", "persons": 50, "pictures_per_eye": 1}
    assert entry["split"]["shares"]["heldout"] == 0.25
    assert entry["cone"]["beta"] == 0.2


def test_a_release_without_a_base_is_pretrained_on_generated_eyes():
    entry = load(
        {"releases": {"x": {key: RELEASE[key] for key in ("source", "conditions", "gates")}}}
    )["releases"]["x"]
    assert entry["base"]["pretrain"]["kind"] == "fundus"
    named = load({"releases": {"x": {**RELEASE, "base": {"folder": "bases/eyes"}}}})["releases"][
        "x"
    ]
    assert named["base"]["pretrain"] is None


def test_the_given_config_is_not_changed():
    given = {"releases": {"x": dict(RELEASE)}}
    load(given)
    assert given == {"releases": {"x": RELEASE}}


def test_every_problem_is_named_at_once():
    lines = problems(
        {
            "sead": 2,
            "seed": -1,
            "releases": {"x": {**RELEASE, "size_px": "big", "cone": {"beat": 1}}},
            "audits": {"y": {"candidates": {"manifest": "m"}}},
        }
    )
    text = "\n".join(lines)
    assert "config (top level): unknown key 'sead'; known keys are audits, " in text
    assert "config seed: " in text
    assert "config releases.x.size_px: found 'big' (str); give a value of type integer" in text
    assert "config releases.x.cone: unknown key 'beat'" in text
    assert "config audits.y: key 'originals' is missing; add it" in text
    assert "config audits.y.candidates: key 'root' is missing; add it" in text


def test_a_number_that_yaml_reads_as_text_is_explained():
    config = yaml.safe_load("releases: {x: {finetune: {learning_rate: 1e-4}}}")
    config["releases"]["x"] |= RELEASE
    (line,) = problems(config)
    assert line.startswith("config releases.x.finetune.learning_rate: found '1e-4' (str)")
    assert "1.0e-4" in line


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        (
            "size_px: '32'",
            "size_px: found '32' (str); write it as a whole number without quotes, such as 32",
        ),
        (
            "size_px: 4e1",
            "size_px: found '4e1' (str); write it as a whole number without quotes, such as 40",
        ),
        ("size_px: '0.5'", "size_px: found '0.5' (str); give a value of type integer"),
        ("cone: {beta: '0.5'}", "cone.beta: found '0.5' (str); write 0.5 without quotes"),
        ("cone: {beta: .nan}", "cone.beta: found nan; give a finite number"),
        ("gates: {specificity: .inf}", "gates.specificity: found inf; give a finite number"),
        ("finetune: {steps: -.inf}", "finetune.steps: found -inf; give a finite number"),
    ],
)
def test_says_how_to_write_a_number(text, advice):
    assert f"config releases.x.{advice}" in problems(
        {"releases": {"x": {**RELEASE, **yaml.safe_load(text)}}}
    )


@pytest.mark.parametrize(
    ("text", "where", "half"),
    [
        (r'consent: {declared_by: "so \uD83D\uDE00"}', "releases.x.consent.declared_by", "D83D"),
        (r'conditions: {"\uDFFF": [a, b]}', "releases.x.conditions", "DFFF"),
    ],
)
def test_half_a_character_is_refused_before_a_run_would_fail_to_write_it(text, where, half):
    assert f"config {where}: found half a character (U+{half}); " in "\n".join(
        problems({"releases": {"x": {**RELEASE, **yaml.safe_load(text)}}})
    )
    consent = {"declared_by": yaml.safe_load(r'"\U0001F600"')}
    assert load({"releases": {"x": {**RELEASE, "consent": consent}}})


def test_a_whole_number_with_a_decimal_point_is_whole():
    config = load(
        {"seed": 5.0, "releases": {"x": {**RELEASE, "size_px": 32.0, "cone": {"beta": 1.0}}}}
    )
    assert [type(config["seed"]), type(config["releases"]["x"]["size_px"])] == [int, int]
    assert type(config["releases"]["x"]["cone"]["beta"]) is float
    equal = load({"seed": 5, "releases": {"x": {**RELEASE, "size_px": 32, "cone": {"beta": 1.0}}}})
    assert base_id(config, "x") == base_id(equal, "x")


def test_rules_that_a_schema_cannot_say():
    lines = problems(
        {
            "releases": {
                "both": {**RELEASE, "source": {"manifest": "m", "root": "r", "generate": {}}},
                "rootless": {**RELEASE, "source": {"manifest": "m"}},
                "baseless": {**RELEASE, "base": {"pretrain": None}},  # said so, and so a mistake
                "shares": {**RELEASE, "split": {"shares": {"heldout": 0.9}}},
                "strange": {
                    **RELEASE,
                    "cone": {"families": ["blur", "flip"], "held_out_families": ["crop"]},
                },
                "all": {
                    **RELEASE,
                    "cone": {"families": ["blur", "flip"], "held_out_families": ["flip", "blur"]},
                },
            },
            "audits": {
                "gap": {
                    "originals": {"manifest": "m", "root": "r"},
                    "candidates": {"manifest": "m", "root": "r"},
                    "split": {
                        "shares": {"encoder": 0.4, "calibration": 0.3, "test": 0.1, "heldout": 0.2}
                    },
                }
            },
        }
    )
    for start in (
        "config releases.both.source: found manifest and generate",
        "config releases.rootless.source: a manifest without its root",
        "config releases.baseless.base: found nothing",
        "config releases.shares.split.shares: the shares add up to 1.65",
        "config releases.strange.cone.held_out_families: crop, not among cone.families",
        "config releases.all.cone.held_out_families: every family is left out",
        "config audits.gap.split.shares.heldout: ",
    ):
        assert any(line.startswith(start) for line in lines), start
    assert len(lines) == 7


def test_a_release_without_gates_is_refused_nobody_has_decided_what_must_hold():
    release = {key: value for key, value in RELEASE.items() if key != "gates"}
    assert problems({"releases": {"x": release}}) == [
        "config releases.x: key 'gates' is missing; add it"
    ]
    for value in (None, {"specificity": None}, {"specificity": "low"}, {"specifity": 0.5}):
        (line,) = problems({"releases": {"x": {**RELEASE, "gates": value}}})
        assert line.startswith("config releases.x.gates")


@pytest.mark.parametrize("name", ["a b", "a/b", "../x", ""])
def test_refuses_names_that_are_no_folder_names(name):
    assert problems({"releases": {name: RELEASE}})


def test_releases_with_equal_bases_share_one():
    config = load(
        {
            "releases": {
                "a": RELEASE,
                "b": {**RELEASE, "conditions": {}, "augment": {"mirror": None}},
                "c": {**RELEASE, "size_px": 32},
            }
        }
    )
    assert base_id(config, "a") == base_id(config, "b") != base_id(config, "c")


@pytest.mark.parametrize("name", [2024, False, None, date(2024, 1, 1), "x\n", "a b"])
def test_names_are_texts_of_plain_letters(name):
    with pytest.raises(AvatarflowError, match=r"^config releases: found the name"):
        load({"releases": {name: {"source": {"manifest": "a.csv", "root": "."}, "gates": {}}}})


@pytest.mark.parametrize(
    "column",
    ["person", "role", "eye", "item", "candidate", "row", "key", "unit", "mirrored", "copy"],
)
def test_a_condition_does_not_overwrite_the_projects_own_columns(column):
    source = {"manifest": "a.csv", "root": "."}
    with pytest.raises(AvatarflowError, match=f"conditions: the name '{column}' is reserved"):
        load(
            {"releases": {"x": {"source": source, "gates": {}, "conditions": {column: ["a", "b"]}}}}
        )


def test_labels_that_yaml_reads_as_no_text_are_explained():
    source = {"manifest": "a.csv", "root": "."}
    with pytest.raises(AvatarflowError, match=r"found True \(bool\); put it in quotes"):
        load(
            {
                "releases": {
                    "x": {"source": source, "gates": {}, "conditions": {"lens": [True, "b"]}}
                }
            }
        )


def test_a_key_that_stands_twice_and_a_template_are_refused_by_line(tmp_path):
    (tmp_path / "c.yaml").write_text(
        "a: &x {b: 1, c: [{d: 1,\n  d: 2}]}\ne: *x\nf: *x\na: 3\n'1': 0\n1: 0\n"
    )
    (tmp_path / "d.yaml").write_text("a: [")
    (tmp_path / "e.yaml").write_text("seed: 1\n__use_yte__: true\n")
    with pytest.raises(AvatarflowError) as error:
        check_text([tmp_path / f"{name}.yaml" for name in ("c", "d", "e", "none")])
    assert sorted(str(error.value).splitlines()) == [
        "config c.yaml line 2: key 'd' stands there again; keep one of them",
        "config c.yaml line 5: key 'a' stands there again; keep one of them",
        "config e.yaml line 2: __use_yte__ lets the file run code; write the values out, and use only "
        "files that you trust",
    ]


@pytest.mark.parametrize(
    ("entry", "old", "new"),
    [
        ({"person": ["id"]}, "person", "patient_id_columns"), ({"select": "a"}, "select", "row_filter"),
        ({"cone": {"left_out": []}}, "left_out", "held_out_families"),
        ({"fingerprint": {"hardness": 1}}, "hardness", "hard_negative_weight"),
        ({"second_opinion": {"matcher": "iris"}}, "second_opinion", "verifier"),
        ({"attacks": {"plant": {"steps": 9}}}, "plant", "positive_control"),
    ],
)  # fmt: skip
def test_an_old_key_is_refused_with_its_new_name(entry, old, new):
    with pytest.raises(AvatarflowError, match=rf"key '{old}' has another name now; write {new}$"):
        load({"releases": {"x": {**RELEASE, **entry}}})


def test_every_new_name_is_a_key(root):
    text = "".join(path.read_text() for path in (root / "workflow/schemas").glob("*.yaml"))
    for new in RENAMED.values():
        assert re.search(rf"^ *{new}:", text, re.MULTILINE)


def test_paths_and_limits_that_cannot_work_are_refused():
    own = {**RELEASE, "source": {"manifest": "{a}/m.csv", "root": "{a}"}}
    lines = problems({"releases": {"x": own}})
    assert lines == ["config releases.x.source.manifest: braces in a path; rename the folder"]
    own = {**own, "source": {"manifest": "m.csv", "root": "{a}"}}  # only read, and no input
    load({"releases": {"x": own}})
    lines = problems({"data_root": "/d/{a}", "releases": {"x": own}})
    assert lines == ["config data_root: braces in a path; rename the folder"]
    limits = {"min_side_px": 500, "max_side_px": 100}
    (line,) = problems({"releases": {"x": {**RELEASE, "limits": limits}}})
    assert line.startswith("config releases.x.limits: min_side_px 500 is over max_side_px 100; ")


def test_a_name_longer_than_a_folder_may_be_is_refused():
    load({"releases": {"a" * 64: RELEASE}})
    (line,) = problems({"releases": {"a" * 65: RELEASE}})
    assert line == "config releases: found a text of 65 characters; use at most 64"
