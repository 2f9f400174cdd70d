"""Settings: the package's defaults are those that the schema announces."""

from pathlib import Path

import pytest
import yaml

from avatarflow.generators.settings import Network, Sampling, Training


@pytest.mark.parametrize(
    ("kind", "name"), [(Network, "network"), (Training, "training"), (Sampling, "sampling")]
)
def test_defaults_equal_those_of_the_schema(root: Path, kind: type, name: str) -> None:
    schema = yaml.safe_load((root / "workflow" / "schemas" / "training.schema.yaml").read_text())
    announced = {key: leaf["default"] for key, leaf in schema["$defs"][name]["properties"].items()}
    ours = {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in vars(kind()).items()
    }
    assert ours == announced
