"""`make request NAME=...` writes a data-use request; `make answer REQUEST=...` answers one at a site, in counts."""

import argparse
import logging
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from avatarflow.config.file_text import read_config
from avatarflow.config.loading import load
from avatarflow.core.errors import command, refuse, start
from avatarflow.core.paths import write_json, write_text
from avatarflow.intake.fhir.download import downloaded
from avatarflow.release.dossier.texts import LANGUAGES

from .answer import answer, count, in_words, read_request, site_entry
from .content import request_of
from .document import FILE, write_document
from .hiding import DEFAULT
from .resources import library, study

log = logging.getLogger(__name__)
ASKED = "asked.yaml"


def write_request(config: dict[str, Any], name: str, folder: str | Path) -> Path:
    """Write the request of one release, and return its folder: JSON, FHIR, YAML for the site, and two documents.

    Raises
    ------
    AvatarflowError
        If there is no such release, or its entry makes no request; all problems at once.
    """
    releases = load(config)["releases"]
    if name not in releases:
        known = ", ".join(sorted(releases)) or "none"
        raise refuse("request NAME", f"no entry of that name; there are {known}", "name one")
    request = request_of(name, releases[name])
    target = Path(folder) / name
    resources = {FILE: request, "study.json": study(request), "library.json": library(request)}
    for file, content in resources.items():
        write_json(target / file, content)
    over = {"releases": {name: request["asked"]}}
    write_text(target / ASKED, yaml.safe_dump(over, sort_keys=False))
    pages = {language: str(target / f"{language}.html") for language in LANGUAGES}
    write_document(request, pages)
    return target


def write_answer(
    config: dict[str, Any], file: str, folder: str | Path, day: str, threshold: int
) -> tuple[Path, str]:
    """Write a site's answer, and return its path and the line that says the same.

    Raises
    ------
    AvatarflowError
        If the request or the site's configuration and data cannot be used; all problems at once.
    """
    request = read_request(file)
    entry = site_entry(config, request)
    servers = load({"fhir_servers": config.get("fhir_servers", {})})["fhir_servers"]
    target = Path(folder) / request["name"] / "answer.json"
    with downloaded(entry, servers, target.parent) as with_files:
        counts = count(with_files, config.get("data_root"), day)
    given = answer(request, counts, day, threshold)
    line = in_words(given)
    write_json(target, given | {"text": line})
    return target, line


@command
def main(arguments: Sequence[str]) -> None:
    """Write a request or an answer; the exit status is 2 where something keeps it from being written."""
    options = _parser().parse_args(arguments)
    config = read_config(options.config)
    if options.command == "write":
        log.info("%s", write_request(config, options.name, options.out))
    else:
        today = date.today().isoformat()
        made = write_answer(config, options.request, options.out, today, options.threshold)
        for line in reversed(made):
            log.info("%s", line)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="avatarflow.request.command", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, out in (("write", "results/requests"), ("answer", "results/answers")):
        parts = commands.add_parser(name)
        parts.add_argument("--config", required=True)
        parts.add_argument("--out", default=out)
    commands.choices["write"].add_argument("--name", required=True)
    commands.choices["answer"].add_argument("--request", required=True)
    commands.choices["answer"].add_argument("--threshold", type=int, default=DEFAULT)
    return parser


if __name__ == "__main__":
    start(main)
