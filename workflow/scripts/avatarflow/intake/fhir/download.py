"""What FHIR servers hold, as NDJSON files in a folder of the run: for its owner alone, and not for long.

A server is asked once in each run, while it is planned. The files lie among the state of the entry,
where `make purge` looks. They are removed once the pool is made, and at the end of the run at the
latest. What outlives them is a digest, by which a change is noticed.
"""

import atexit
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from avatarflow.core.errors import Problems, noting, refuse
from avatarflow.core.paths import replacing_folder, write_json

from .connection import Connection
from .resources import MOST_LINE
from .searches import Search, check_version
from .server import Server, read_server
from .uses import Place, digest_asked, digest_of, numbered

Say = Callable[[str], None]
EVERY_S = 30.0
LEFTOVER = ".writing-"  # as `core.paths` names what `make purge` removes


def ask(server: Server, searches: Sequence[str], place: Place, say: Say) -> dict[str, Any]:
    """Download anew what some searches find, until this process ends.

    Returns
    -------
    dict
        `files`, and `content`, the digest of what is in them.

    Raises
    ------
    AvatarflowError
        If anything is missing or odd. Nothing is then kept, and the record stays as it was.
    """
    atexit.register(shutil.rmtree, place.folder.resolve(), ignore_errors=True)
    files = download(server, searches, place.folder, say)
    content = digest_of(files)
    write_json(place.record, {"asked": digest_asked(server.url, searches), "content": content})
    return {"files": files, "content": content}


@contextmanager
def downloaded(
    entry: dict[str, Any], servers: Mapping[str, Any], scratch: str | Path
) -> Iterator[dict[str, Any]]:
    """Put files in the place of the FHIR servers of a release's entry, for as long as the block runs.

    Parameters
    ----------
    entry : dict
        Of the checked config.
    servers : mapping
        `fhir_servers` of the config.
    scratch : path
        Where a folder may lie for so long.
    """
    parts = {"labels": entry["source"]["fhir"], "consents": entry["consent"]}
    problems, chosen = Problems(), {}
    for use, part in parts.items():
        if part and part["server"] is not None:
            with noting(problems):
                chosen[use] = read_server(part["server"], servers[part["server"]])
    problems.raise_if_any()
    with ExitStack() as stack:
        for use, server in chosen.items():
            Path(scratch).mkdir(parents=True, exist_ok=True)
            temporary = tempfile.TemporaryDirectory(prefix=LEFTOVER, dir=Path(scratch).resolve())
            folder = Path(stack.enter_context(temporary)) / use
            files = download(server, parts[use]["searches"], folder, lambda _: None)
            parts[use] = {**parts[use], "server": None, "files": files}
        source = {**entry["source"], "fhir": parts["labels"]}
        yield {**entry, "source": source, "consent": parts["consents"]}


def download(
    server: Server,
    searches: Sequence[str],
    folder: str | Path,
    say: Say,
    sleep: Callable[[float], None] = time.sleep,
) -> list[str]:
    """Write what some searches find into a folder, one file each, or nothing at all.

    A line is a Bundle of one resource, because its name on the server would be lost otherwise, to
    which other resources may refer.

    Parameters
    ----------
    folder : path
        Replaced when all searches have ended well; for the owner alone, as are its files.
    say : function
        Takes a sentence on how far the work is.
    sleep : function
        Waits so many seconds.

    Returns
    -------
    list of str
        The files, in the order of the searches.
    """
    folder = Path(folder)
    with closing(Connection(server, sleep)) as connection, replacing_folder(folder) as target:
        check_version(connection)
        for number, search in enumerate(searches, start=1):
            _write(Search(connection, search, number), target / f"{number}.ndjson", say)
    folder.chmod(0o700)
    return numbered(folder, searches)


def _write(search: Search, path: Path, say: Say) -> None:
    said = time.monotonic()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        for entry in search.entries():
            bundle = {"resourceType": "Bundle", "type": "collection", "entry": [entry]}
            line = json.dumps(bundle, sort_keys=True, separators=(",", ":"))
            if len(line) >= MOST_LINE:
                found = f"a resource of more than {MOST_LINE // 2**20} MiB"
                raise refuse(search.where, found, "narrow the search")
            stream.write(f"{line}\n")
            if time.monotonic() - said > EVERY_S:
                said = time.monotonic()
                say(f"{search.where}: {search.n_resources} resources until now")
    odd = f"; {search.n_warnings} times the server warned of something" if search.n_warnings else ""
    say(f"{search.where}: {search.n_resources} resources{odd}")
