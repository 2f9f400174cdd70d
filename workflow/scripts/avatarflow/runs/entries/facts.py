"""What is told of a whole entry, read from its decision: tags, metrics and files, none of them personal.

Standard library only: the workflow's handlers import this while Snakemake parses.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from avatarflow import __version__
from avatarflow.core.digest import config_digest, file_sha256
from avatarflow.core.outcomes import PASS
from avatarflow.core.paths import read_json
from avatarflow.generators.internal import released
from avatarflow.runs.closing_lines import DECISIONS, UNREADABLE, read_decision
from avatarflow.runs.history import Record

NONE = "none"
"""The tag `decision` where there is none that can be read."""
PARTS = {"releases": "pictures", "read_releases": "reads", "audits": "audit", "tables": "table"}
DECIDING = ("release", "release_reads", "audit_report", "release_table")
"""Jobs that write a decision: the run's commit is theirs."""
DOSSIER = tuple(f"dossier/{name}.{kind}" for name in ("de", "en") for kind in ("html", "pdf"))
FILES: dict[str, tuple[str, ...]] = {
    "releases": (
        "release/certificate.json", "release/README.md", "release/contact_sheet.png", *DOSSIER,
        "privacy/settings_plane.png", "privacy/baselines.png", "privacy/near_duplicates.png", "attacks/attacks.png",
        "attacks/canaries.png", "evaluation/overview.png", "evaluation/frontier.png",
    ),
    "read_releases": ("certificate.json", "report.html", "release/README.md", *DOSSIER),
    "audits": ("privacy/risks.png", "privacy/settings_plane.png", "privacy/baselines.png", "attacks/attacks.png"),
    "tables": ("certificate.json", "report.html"),
}  # fmt: skip
"""What is kept with the run, if it is there. `report.html` of a release, `internal.html` of an audit and
`nearest_pairs.png` of both show originals, and an audit's page and figures name its worst person's number: they stay
where they are."""
PLOTS = ".png"


@dataclass(frozen=True)
class EntryFacts:
    """What MLflow shows of one entry.

    `files` maps a place among the run's artifacts to a file. `model` is the folder of the generator that was released;
    None where none was. `student` is the digest of the generator that the decision is about, released or not.
    """

    name: str
    tags: dict[str, str]
    metrics: dict[str, float]
    files: dict[str, Path]
    certificate: Mapping[str, Any] = field(default_factory=dict)
    model: Path | None = None
    student: str = ""

    @property
    def digest(self) -> str:
        """Changes with anything that is shown."""
        contents = {place: _digest(path) for place, path in self.files.items()}
        return config_digest([self.tags, self.metrics, contents, str(self.model), self.student])


def facts_of(entry: str, records: Sequence[Record]) -> EntryFacts | None:
    """Return what is told of an entry; None where nothing is decided about entries of its kind.

    Parameters
    ----------
    entry : str
        Such as `releases/demo`.
    records : sequence of Record
        Its jobs, by start time.
    """
    map_name, _, name = entry.partition("/")
    if map_name not in DECISIONS:
        return None
    path = Path(DECISIONS[map_name].format(map=map_name, name=name))
    decision, reasons = read_decision(path)
    commits = [one.fields["git_commit"] for one in records if one.fields["kind"] in DECIDING]
    tags = {
        "decision": NONE if decision in UNREADABLE else decision,
        "part": PARTS[map_name],
        "release": name,
        "version": __version__,
        "commit": commits[-1] if commits else "unknown",
    }
    if tags["decision"] == NONE:
        return EntryFacts(name, tags, {}, {})
    document = read_json(path)
    home = Path("results") / entry
    tags |= {
        "config_digest": config_digest(document.get("asked", {})),
        "certificate_digest": _digest(path),
        "reasons": "; ".join(reasons),
        "mlflow.source.git.commit": tags["commit"],
    }
    model, student = None, ""
    if map_name == "releases":
        tags["model_gate"] = document["model_gate"]["result"]
        student = folder_digest(home / "student")
        if decision == "released" and tags["model_gate"] == PASS:
            model = _whole(home / "release" / "model", student)
    tags["model"] = "released" if model else "internal only" if map_name == "releases" else NONE
    tags["mlflow.note.content"] = note(tags, document)
    files = {
        f"plots/{Path(file).name}" if file.endswith(PLOTS) else file: home / file
        for file in FILES[map_name]
        if (home / file).is_file()
    }
    return EntryFacts(name, tags, dict(metrics_of(document)), files, document, model, student)


def metrics_of(document: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Yield every gate's figure with its interval and threshold, the model gate's, and the counts of pictures."""
    for gate in document.get("gates", []):
        yield from _gate(f"gate.{gate['name']}", gate)
    if "model_gate" in document:
        yield from _gate("model_gate", document["model_gate"])
    counts = document.get("counts") or document.get("measured", {}).get("counts", {})
    for step, found in counts.items():
        if isinstance(found, int):
            yield f"counts.{step}", float(found)
        else:
            yield from ((f"counts.{step}.{key}", float(found[key])) for key in ("came", "went_on"))


def note(tags: Mapping[str, str], document: Mapping[str, Any]) -> str:
    """Return the run's description, in the Markdown that MLflow shows."""
    lines = [f"**{tags['decision']}** ({tags['part']})"]
    lines += [f"- {reason}" for reason in document.get("reasons", [])]
    if "model_gate" in document:
        lines.append(f"- generator: {tags['model']}; {document['model_gate']['meaning']}")
    return "\n".join(lines)


def folder_digest(folder: Path) -> str:
    """Digest of the safetensors and JSON files of a generator, names included; empty where there are none.

    Parts that are not released have no part in it.
    """
    files = {
        path.relative_to(folder).as_posix(): _digest(path)
        for path in released(sorted(folder.rglob("*")), folder)
        if path.is_file() and path.suffix in (".safetensors", ".json")
    }
    return config_digest(files) if files else ""


def _whole(folder: Path, student: str) -> Path | None:
    """Return the folder, if it holds the very generator that was judged."""
    return folder if student and folder_digest(folder) == student else None


def _gate(name: str, gate: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for key in ("value", "low", "high", "threshold"):
        if gate.get(key) is not None:
            yield name if key == "value" else f"{name}.{key}", float(gate[key])


def _digest(path: Path) -> str:
    return file_sha256(path)[:16]
