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


@pytest.fixture(scope="session")
def small(release, tmp_path_factory):
    """Few questions: each answer waits for the disk."""
    folder = tmp_path_factory.mktemp("small")
    return make(release, folder, pictures_per_scale=1, real_pictures=2, pairs=2)


@pytest.fixture
def site(small, tmp_path):
    for path in small.iterdir():
        (tmp_path / path.name).symlink_to(path)
    with ExitStack() as stack:
        yield serving(tmp_path, stack)
