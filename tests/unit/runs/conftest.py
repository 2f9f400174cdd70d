"""A project with a store of MLflow that is empty: its tables take seconds to make, so all tests copy one."""

import shutil

import pytest

from avatarflow.runs.tracking import import_records


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory):
    """A store without runs: its tables take seconds to make."""
    store = tmp_path_factory.mktemp("store")
    import_records(store / "none", store)
    return store / "mlflow.db"


@pytest.fixture
def project(tmp_path, monkeypatch, empty_database):
    """An empty project that is the working directory; nothing in it may reach a network."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results" / "mlflow").mkdir(parents=True)
    shutil.copy(empty_database, tmp_path / "results" / "mlflow")
    monkeypatch.setattr(
        "socket.socket.connect", lambda *_: pytest.fail("tracking reached for the network")
    )
    return tmp_path
