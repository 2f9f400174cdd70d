"""`make reader-study NAME=...` serves a release's reader study on this machine; with MACHINES=12 machines answer it."""

import argparse
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from avatarflow.config.file_text import read_config
from avatarflow.config.loading import load
from avatarflow.core.errors import command, refuse, start

from .analysis.results import write_results
from .app import create_app
from .machine_readers import MachineReader, Skill, let_answer
from .serve import HOST, serve, served
from .store import MACHINES, PEOPLE, Store, opened, sqlite_url
from .study import Study

log = logging.getLogger(__name__)
MATERIAL = "results/releases/{name}/reader_study"
"""In the release's folder: it may show patients, and goes where the release's other files go."""
HOME = "results/reader_studies/{name}"
"""Answers of readers, which show nobody and are kept when the pictures are made again."""
STORE = "AVATARFLOW_READER_STORE"
"""Variable with the URL of a database, which may hold a password: arguments of a command can be seen by others."""


@command
def main(arguments: Sequence[str]) -> None:
    """Serve, let machines answer, or write results; the exit status is 2 where something is missing."""
    options = _parser().parse_args(arguments)
    config = load(read_config(options.config))
    settings = study_settings(config, options.name)
    seed = config["seed"] if settings["seed"] is None else settings["seed"]
    folder = Path(MATERIAL.format(name=options.name))
    study = Study.read(folder / "shown")
    if study.shows_real and not settings["show_real"]:
        found = "its pictures hold real ones, and show_real is false"
        raise refuse("reader study", found, "make them again: snakemake --cores all reader_studies")
    made_by = MACHINES if options.machines or options.of == MACHINES else PEOPLE
    home = Path(HOME.format(name=options.name)) / made_by
    with opened(_url(home, made_by), study.digest, made_by) as store:
        if options.results:
            _results(store, made_by, folder, home, seed)
        elif options.machines:
            _rehearse(study, store, folder, options.machines, seed)
            _results(store, made_by, folder, home, seed)
        else:
            log.info("http://%s:%d answers until it is stopped (Ctrl+C)", HOST, options.port)
            serve(create_app(study, store), options.port)
            log.info("stopped; every answer is stored")


def study_settings(config: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a release's `reader_study`.

    Raises
    ------
    AvatarflowError
        If there is no such release, or it has none.
    """
    releases = config["releases"]
    having = [one for one, entry in releases.items() if entry["reader_study"] is not None]
    if name not in having:
        known = ", ".join(sorted(having)) or "none"
        found = f"no release with a reader_study; there are {known}"
        raise refuse("reader study NAME", found, "name one, or give it the key")
    settings: dict[str, Any] = releases[name]["reader_study"]
    return settings


def _url(home: Path, made_by: str) -> str:
    given = os.environ.get(STORE, "")
    return given if given and made_by == PEOPLE else sqlite_url(home / "answers.sqlite")


def _rehearse(study: Study, store: Store, folder: Path, readers: int, seed: int) -> None:
    """Let machines of known skill answer, through the application."""
    key = pd.read_parquet(folder / "key.parquet")
    skill = Skill.rising(sorted(key["guidance"].dropna().unique()))
    machines = [MachineReader(number, key, skill, seed) for number in range(readers)]
    with served(create_app(study, store)) as address:
        let_answer(address, machines)
    log.info("%d machines have answered; nothing of this was made by people", readers)


def _results(store: Store, made_by: str, folder: Path, home: Path, seed: int) -> None:
    exported = store.export()
    write_results(exported, made_by, folder / "key.parquet", folder / "power.json", home, seed)
    log.info("answers and results: %s", home)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="avatarflow.reader_study.command", description=__doc__)
    parser.add_argument("--config", required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--machines", type=int, default=0, help="how many machines answer")
    parser.add_argument("--results", action="store_true", help="write answers and results, and end")
    parser.add_argument("--of", choices=(PEOPLE, MACHINES), default=PEOPLE)
    return parser


if __name__ == "__main__":
    start(main)
