"""The configuration's key, and the command behind `make reader-study` and `make reader-results`."""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time

import pandas as pd
import pytest
import yaml
from study_files import CONDITIONS, make

from avatarflow.config.loading import load
from avatarflow.core.errors import AvatarflowError
from avatarflow.reader_study import command
from avatarflow.reader_study.browser import Browser

ALL = ["clinical", "origin", "similarity"]


def configuration(study, **entry):
    release = {
        "source": {"generate": {"persons": 40}},
        "conditions": CONDITIONS,
        "gates": {},
        "reader_study": study,
        **entry,
    }
    return {"seed": 1, "releases": {"eyes": release}}


def test_a_release_has_no_study_unless_it_asks_for_one():
    config = configuration({})
    del config["releases"]["eyes"]["reader_study"]
    assert load(config)["releases"]["eyes"]["reader_study"] is None
    filled = load(configuration({}))["releases"]["eyes"]["reader_study"]
    assert (filled["show_real"], filled["parts"]) == (False, ["clinical"])


@pytest.mark.parametrize(
    ("study", "key"),
    [
        ({"parts": ["clinical", "origin"]}, "parts"),
        ({"parts": ["similarity"]}, "parts"),
        ({"parts": ["origin"], "show_real": True, "real_pictures": 0}, "real_pictures"),
        ({"clinical_columns": ["sex"]}, "clinical_columns"),
        ({"clinical_columns": [], "ask_disc": False}, "parts"),
        ({"show_reals": True}, "show_reals"),
    ],
)
def test_what_a_study_cannot_have_is_refused(study, key):
    with pytest.raises(AvatarflowError) as refused:
        load(configuration(study))
    assert f"releases.eyes.reader_study{'' if key == 'show_reals' else '.' + key}" in str(refused.value)  # fmt: skip
    assert len(str(refused.value).splitlines()) == 1


@pytest.fixture
def project(release, tmp_path, monkeypatch):
    """A folder with the material of a study of all parts, and its configuration."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(command.STORE, raising=False)
    folder = tmp_path / "results" / "releases" / "eyes" / "reader_study"
    folder.mkdir(parents=True)
    make(release, folder, pictures_per_scale=1, real_pictures=2, pairs=5)
    write(tmp_path, {"parts": ALL, "show_real": True})
    return tmp_path


def write(folder, study):
    (folder / "my.yaml").write_text(yaml.safe_dump(configuration(study)))


def run(*arguments):
    return command.main(["--config", "my.yaml", "--name", "eyes", *arguments])


def test_machines_answer_and_results_are_written(project, caplog):
    caplog.set_level(logging.INFO)
    assert run("--machines", "3") == 0
    home = project / "results" / "reader_studies" / "eyes" / "machines"
    results = json.loads((home / "results.json").read_text())
    assert results["readers"] == 3
    assert set(results["origin"]["called_synthetic"]) >= {"real", "guidance 4.0"}
    assert set(results["similarity"]["mean"]) == {"nearest", "random", "same_eye"}
    means = {sort: mean["value"] for sort, mean in results["similarity"]["mean"].items()}
    assert means["same_eye"] > means["random"]
    assert "right eye_side" in results["clinical"]
    assert set(pd.read_csv(home / "answers.csv")["made_by"]) == {"machines"}
    assert not (project / "results" / "reader_studies" / "eyes" / "people").exists()
    assert "nothing of this was made by people" in caplog.text
    # the same store again
    assert run("--results", "--of", "machines") == 0


def test_without_answers_there_are_no_results(project, caplog):
    assert run("--results") == 2
    assert "there are no answers yet" in caplog.text


def test_real_pictures_are_not_served_once_the_configuration_says_no(project, caplog):
    write(project, {"parts": ["clinical"], "show_real": False})
    assert run("--machines", "1") == 2
    assert "show_real is false" in caplog.text


def test_what_is_not_there_is_said(project, caplog):
    assert command.main(["--config", "my.yaml", "--name", "others"]) == 2
    assert "there are eyes" in caplog.text
    next((project / "results/releases/eyes/reader_study/shown").glob("*.png")).unlink()
    assert run("--machines", "1") == 2
    assert "1 pictures are missing" in caplog.text
    (project / "results/releases/eyes/reader_study/shown/study.json").unlink()
    assert run("--machines", "1") == 2
    assert "snakemake --cores all reader_studies" in caplog.text


def test_it_serves_until_it_is_stopped(project, root):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["--config", "my.yaml", "--name", "eyes", "--port", str(port)]
    program = [sys.executable, "-m", "avatarflow.reader_study.command", *words]
    environment = {**os.environ, "PYTHONPATH": str(root / "workflow" / "scripts")}
    with subprocess.Popen(
        program, stderr=subprocess.PIPE, text=True, cwd=project, env=environment
    ) as server:
        assert str(port) in server.stderr.readline()
        for _ in range(200):
            try:
                page = Browser(f"http://127.0.0.1:{port}").get("/")
                break
            except OSError:
                time.sleep(0.05)
        server.send_signal(signal.SIGINT)
        rest = server.communicate(timeout=60)[1]
    assert page.status == 200
    assert server.returncode == 0
    assert "Traceback" not in rest
    assert "every answer is stored" in rest


def test_a_taken_port_is_refused(project, caplog):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert run("--port", str(taken.getsockname()[1])) == 2
    assert "is not free" in caplog.text
