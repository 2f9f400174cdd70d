"""One study that most tests look at, and a served one of each test's own."""

from contextlib import ExitStack

import pytest

from study_files import make, serving, write_release


@pytest.fixture(scope="session")
def release(tmp_path_factory):
    return write_release(tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="session")
def material(release, tmp_path_factory):
    return make(release, tmp_path_factory.mktemp("material"))


@pytest.fixture
def site(material, tmp_path):
    for path in material.iterdir():
        (tmp_path / path.name).symlink_to(path)
    with ExitStack() as stack:
        yield serving(tmp_path, stack)
