"""What goes back to what, by the records that Snakemake keeps of every output: its rule, inputs and parameters."""

import base64
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from avatarflow.core.errors import refuse
from avatarflow.core.paths import read_json

RECORDS = Path(".snakemake/metadata")
MAPS, UNSEARCHED = ("releases", "audits", "papers"), ("read_benchmarks", "read_releases", "tables")
RESULTS, STATE = "results", "results/state"


@dataclass(frozen=True)
class Output:
    """One recorded output."""

    path: str
    rule: str
    started: float
    ended: float
    named: tuple[str, ...]
    """Inputs, and parameters as text: paths of folders of state, of base models and of manifests are in them."""


@dataclass(frozen=True)
class Tainted:
    """What goes back to some pools: outputs, and by entry the files to delete and the rules that stay clean."""

    outputs: frozenset[Output]
    files: Mapping[str, tuple[Path, ...]]
    clean_rules: Mapping[str, frozenset[str]]


def read_outputs(folder: Path = RECORDS) -> list[Output]:
    """Return all records, by path.

    Raises
    ------
    AvatarflowError
        If a record cannot be read: what goes back to a patient could then be missed.
    """
    outputs = []
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        try:
            name = "".join(part.removeprefix("@") for part in file.relative_to(folder).parts)
            path = base64.urlsafe_b64decode(name).decode()
            record = read_json(file)
            named = [*(record["input"] or []), *map(str, record["params"] or [])]
            ended = float(record["endtime"] or 0)
            started = float(record.get("starttime") or ended)
        except (ValueError, KeyError, TypeError):
            found = "a record of an output that cannot be read"
            raise refuse(str(folder), found, "let a run end, and call again") from None
        outputs.append(Output(path, str(record["rule"]), started, ended, tuple(named)))
    return outputs


def home_of(entry: str) -> str:
    """Return the folder of an entry such as `releases/eyes`."""
    return f"{RESULTS}/{entry}"


def follow(outputs: Iterable[Output], entries: Iterable[str]) -> Tainted:
    """Find all that goes back to the pools of some entries, in other entries too.

    A job is tainted where one of its inputs or parameters names a tainted place. In the folder of an
    entry everything is tainted but what an untainted job made or names: a file that no record knows
    is of nobody knows what.

    Parameters
    ----------
    outputs : list of Output
    entries : list of str
        Such as `releases/eyes`: all in their folders is tainted.
    """
    known = list(outputs)
    alone = _folders_of_one_rule(known)
    tainted = behind(known, [f"{home_of(entry)}/" for entry in entries])
    clean = [output for output in known if output not in tainted]
    touched = {entry for output in tainted if (entry := _entry_of(output.path))} | set(entries)
    files = {entry: tuple(_files(entry, clean, alone)) for entry in sorted(touched)}
    dirty = {(_entry_of(output.path), output.rule) for output in tainted}
    rules = {
        entry: frozenset(
            one.rule for one in clean if repr(entry) in one.named and (entry, one.rule) not in dirty
        )
        for entry in touched
    }
    return Tainted(frozenset(tainted), files, rules)


def behind(outputs: Sequence[Output], places: Iterable[str]) -> set[Output]:
    """Return the outputs that lie in some places, or whose job names one of them or something behind it."""
    alone = _folders_of_one_rule(outputs)
    found: set[Output] = set()
    known, size = set(places), -1
    while size != len(found):
        size = len(found)
        for output in outputs:
            texts = (output.path, *output.named)
            if output not in found and any(place in text for text in texts for place in known):
                found.add(output)
                known |= {output.path, _made_beside(output, alone)}
    return found


def is_stale(outputs: Sequence[Output], entry: str) -> bool:
    """Whether something that is there was made of a pool before the one that is there: a run did not end."""
    pool = f"{home_of(entry)}/pool/"
    made = [output.ended for output in outputs if output.path.startswith(pool)]
    later = [one for one in behind(outputs, [pool]) if not one.path.startswith(pool)]
    return bool(made) and any(
        one.ended < min(made) and _entry_of(one.path) and Path(one.path).exists() for one in later
    )


def _folders_of_one_rule(outputs: Sequence[Output]) -> set[str]:
    """Return the folders in which one rule alone works: what it does not declare there is its work, too."""
    rules = defaultdict(set)
    for output in outputs:
        rules[str(PurePosixPath(output.path).parent)].add(output.rule)
    homes = {home_of(entry) for output in outputs if (entry := _entry_of(output.path))}
    return {folder for folder, makers in rules.items() if len(makers) == 1} - homes


def _made_beside(output: Output, alone: set[str]) -> str:
    """Return the folder of an output where its rule works alone, else the output itself."""
    parent = str(PurePosixPath(output.path).parent)
    return f"{parent}/" if parent in alone and _entry_of(output.path) else output.path


def _entry_of(path: str) -> str | None:
    """Return the entry that a path belongs to."""
    parts = PurePosixPath(path).parts
    return "/".join(parts[1:3]) if len(parts) > 3 and parts[1] in MAPS else None


def _files(entry: str, clean: Sequence[Output], alone: set[str]) -> Iterable[Path]:
    """Yield the files of an entry that no clean job made or names."""
    kept = {
        place.rstrip("/")
        for output in clean
        if _entry_of(output.path) == entry
        for place in (output.path, _made_beside(output, alone))
    }
    named = {text for output in clean for text in output.named}
    for folder in (Path(home_of(entry)), Path(STATE) / entry):
        for path in sorted(folder.rglob("*")):
            places = [str(path), *map(str, path.parents)]
            is_file = path.is_symlink() or not path.is_dir()
            if is_file and not any(place in kept or repr(place) in named for place in places):
                yield path
