"""What every test shares: the package on the path, and the real data where it is there."""

import fcntl
import os
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "workflow" / "scripts"))
# `project`: tests of the workflow and of the cluster share it
sys.path.append(str(ROOT / "tests" / "workflow" / "helpers"))
sys.path.append(str(ROOT / "tests" / "reference"))  # `long_world`
sys.path.append(str(ROOT / "experiments" / "reads"))  # `exceedances`
sys.path.append(str(ROOT / "tests" / "reference" / "slow"))  # `cone_reference` and others
# `test_processes`: training on two nodes does what it does on one machine; `watched`
sys.path.append(str(ROOT / "tests" / "unit" / "generators"))
sys.path.append(str(ROOT / "tests" / "unit" / "intake" / "consent"))  # `consents`
sys.path.append(str(ROOT / "tests" / "unit" / "intake" / "sources"))  # `dicom_files`
sys.path.append(str(ROOT / "tests" / "unit" / "intake" / "fhir"))  # `fhir_server`
sys.path.append(str(ROOT / "tests" / "unit" / "reader_study"))  # `study_files`


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name bytes by their argument: workers must agree on names, and a gzip holds the time."""
    return argname if isinstance(val, bytes) else None


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's root."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real data, or a skip that says why."""
    folder = Path(os.environ.get("AVATARFLOW_DATA") or ROOT.parent / "shared" / "data")
    if not (folder / "eyes" / "manifest.csv").is_file():
        pytest.skip("real data not found: set AVATARFLOW_DATA to its folder")
    return folder


LONG = (
    "test_the_literal_command",
    "test_a_withdrawn_patient",
    "test_killed_twice",
    "test_another_generator_family",
    "test_cleaned_reads_are_released",
    "test_killed_in_simulation",
    "test_own_reads_are_scored",
)
"""Tests of minutes each, the longest first: begun first and divided among workers, so that all end together."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the tests so that one worker makes the undisturbed run while others do what does not need it."""
    waiting = {item: "undisturbed" in getattr(item, "fixturenames", ()) for item in items}
    place = {item: _place(item.name) for item in items}
    maker = next((item for item in items if waiting[item]), None)
    items.sort(
        key=lambda item: (item is not maker, place[item] == len(LONG), waiting[item], place[item])
    )
    for item in items:
        alone = item is maker or place[item] < len(LONG)
        item.add_marker(pytest.mark.xdist_group(item.nodeid if alone else str(item.path)))


def _place(name: str) -> int:
    return next((at for at, begin in enumerate(LONG) if name.startswith(begin)), len(LONG))


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished local run of the tiny release, from photographs with canaries: to look at, not to change.

    One for all workers. Tests that go on from it take `project.copy`.
    """
    import project

    place = tmp_path_factory.getbasetemp()
    place = place.parent if os.environ.get("PYTEST_XDIST_WORKER") else place
    folder, whole = place / "undisturbed", place / "undisturbed.whole"
    with (place / "undisturbed.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not whole.exists():
            shutil.rmtree(folder, ignore_errors=True)
            project.run(project.prepare(folder))
            whole.touch()
    return folder
