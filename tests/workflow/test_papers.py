"""A paper as it is planned: every item of what it is made of, and what is left out where data are not there."""

import re

import pytest
import yaml

import project

GENERATED = {
    "figure_1", "figure_2", "figure_3", "generators", "distillation", "nanopore_generated", "synthetic_iris",
}  # fmt: skip
OF_DATA = {"nanopore", "synthetic_papilla"}


@pytest.fixture
def folder(root, tmp_path):
    """A working directory with the configuration of the source."""
    (tmp_path / "config.yaml").write_text((root / "config/paper.yaml").read_text())
    return tmp_path


def plan(folder, check=True):
    return project.run(folder, "--dry-run", "--", "papers", check=check)


def items_of(done):
    return set(re.findall(r"wildcards: name=avatar, item=(\w+)", done.stdout))


def change(folder, **items):
    """Give items of the paper other settings."""
    config = yaml.safe_load((folder / "config.yaml").read_text())
    for name, settings in items.items():
        config["papers"]["avatar"]["items"][name] |= settings
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))


def test_without_data_the_items_of_data_and_all_behind_them_are_left_out(folder):
    done = plan(folder)
    assert items_of(done) == GENERATED
    names = set(re.findall(r"wildcards: name=([\w-]+)", done.stdout))
    assert names == {
        "avatar",
        "paper-fundus",
        "paper-fundus-vae",
        "paper-fundus-pca",
        "paper-iris",
        "nanopore-generated",
    }
    # of nothing but the paper's own
    rules = set(re.findall(r"^(?:local)?rule (\w+):", done.stdout, re.MULTILINE))
    assert {"rehearse_reader_study", "paper_page", "read_removal"} & rules == {
        "rehearse_reader_study",
        "paper_page",
    }
    assert not {"officer_report", "release_dossier", "compare_baselines", "measure_risk"} & rules


def test_data_that_are_not_there_stop_an_item_that_does_not_say_needs_data(folder):
    change(folder, synthetic_papilla={"needs_data": False})
    done = plan(folder, check=False)
    assert done.returncode != 0
    assert "config releases.paper-papilla: manifest eyes/manifest.csv" in done.stdout + done.stderr


@pytest.mark.shared
def test_with_data_every_item_is_made(folder, shared_data):
    config = yaml.safe_load((folder / "config.yaml").read_text()) | {"data_root": str(shared_data)}
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    assert items_of(plan(folder)) == GENERATED | OF_DATA
