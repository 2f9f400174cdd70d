"""The workflow as Snakemake parses it, and its script files."""

import pytest

from parse import parse


@pytest.fixture(scope="session")
def parsed(root, tmp_path_factory):
    """The workflow under the default configuration."""
    return parse(root / "config" / "config.yaml", tmp_path_factory.mktemp("parse"))


@pytest.fixture(scope="session")
def rules(parsed):
    """Rules that run something, by name."""
    return {name: rule for name, rule in parsed["rules"].items() if rule["runs"]}


@pytest.fixture(scope="session")
def scripts(root):
    """The script files of the workflow."""
    folder = root / "workflow" / "scripts"
    return sorted({*folder.rglob("*.py")} - {*(folder / "avatarflow").rglob("*.py")})
