"""A request as a document in German and English, in the order of the form of the German portal (FDPG)."""

from collections.abc import Mapping
from typing import Any

from avatarflow.release.dossier.common import FORMS, asks_nothing
from avatarflow.release.dossier.document import (
    Boxed,
    Declared,
    Digest,
    Heading,
    Items,
    Joined,
    Name,
    Section,
    Sheet,
    Table,
    Text,
    count,
    text,
)
from avatarflow.release.dossier.numbers import PERCENT, Sources
from avatarflow.release.dossier.page import write_dossier

DOCUMENT, FILE = "request", "request.json"
PER_LABEL = ("agreement", "classifier_accuracy", "shuffled_control", "released_count")


def write_document(request: Mapping[str, Any], pages: Mapping[str, str]) -> None:
    """Write the document of a request.

    Parameters
    ----------
    request : mapping
    pages : mapping of language to path
    """
    sources = Sources({FILE: request})
    sections = [
        _applicant(request),
        _project(request),
        _use(request),
        _cohort(request),
        _variables(request, sources),
        _consent(request),
        _techniques(request, sources),
        _lines("ethics", ("committee", "number", "date")),
        _lines("further", ("resources", "recontact", "rights", "publications")),
        _digest(request),
    ]
    write_dossier(text("request.title", title=Name(request["title"])), sections, pages, DOCUMENT)


def _lines(key: str, fields: tuple[str, ...]) -> Section:
    return Section(f"part.{key}", [_sheet(f"line.{key}.{field}" for field in fields)])


def _sheet(fields: Any) -> Sheet:
    return Sheet((), tuple(fields), ())


def _applicant(request: Mapping[str, Any]) -> Section:
    """Return who asks: an office where the config names one, else lines to fill in."""
    given = request["applicant"]
    blocks: list[Any] = [
        text(f"applicant.{key}", value=Name(given[key])) for key in given if given[key]
    ]
    fields = [key for key in given if not given[key]]
    fields += ["person", "responsible", "institution", "participants"]
    return Section("part.applicant", [*blocks, _sheet(f"line.applicant.{key}" for key in fields)])


def _project(request: Mapping[str, Any]) -> Section:
    fields = (
        "start",
        "duration",
        "funding",
        "sites",
        "keywords",
        "summary",
        "background",
        "biometry",
    )
    return Section(
        "part.project",
        [
            text("project.purpose"),
            Declared(request["purpose"]),
            text("project.until", day=Name(request["asked"]["consent"]["until"])),
            _sheet(f"line.project.{field}" for field in fields),
        ],
    )


def _use(request: Mapping[str, Any]) -> Section:
    """Return how the data are used, and when they are deleted."""
    blocks: list[Any] = [text("use.kind"), text("use.samples")]
    fields = ["line.use.place", "line.use.format"]
    if request["retention"]:
        blocks += [text("use.deleted"), Declared(request["retention"])]
    else:
        fields.append("line.use.retention")
    return Section("part.use", [*blocks, _sheet(fields)])


def _cohort(request: Mapping[str, Any]) -> Section:
    """Return which patients are asked for: the filter as written, and the conditions."""
    asked = request["asked"]
    blocks: list[Any] = [text("cohort.all")]
    if asked["row_filter"].strip():
        blocks = [text("cohort.filter"), Declared(asked["row_filter"])]
    conditions = [
        text(
            "cohort.condition",
            column=Name(column),
            values=Joined([Name(value) for value in values]),
        )
        for column, values in asked["conditions"].items()
    ]
    if conditions:
        blocks += [text("cohort.conditions"), Items(conditions)]
    diagnoses = asked["source"].get("fhir", {}).get("diagnoses", {})
    if diagnoses:
        named = [
            text("cohort.diagnosis", name=Name(name), codes=Joined([Name(code) for code in codes]))
            for name, codes in diagnoses.items()
        ]
        blocks += [text("cohort.diagnoses"), Items(named)]
    return Section("part.cohort", [*blocks, _sheet(["line.cohort.feasibility"])])


def _variables(request: Mapping[str, Any], sources: Sources) -> Section:
    """Return which data elements are asked for, and what each is for."""
    rows = [
        [
            Name(element["column"]),
            Name(element["origin"]) if element["origin"] else text("variables.manifest"),
            Joined([text(f"variables.{use}") for use in element["uses"]]),
        ]
        for element in request["elements"]
    ]
    blocks: list[Any] = [
        text("variables.pictures", size=count(sources, FILE, "/asked/size_px")),
        text("variables.identifiers"),
    ]
    if any("birthdate" in element["origin"].lower() for element in request["elements"]):
        blocks.append(text("variables.age"))
    if rows:
        heads = ("column", "origin", "use")
        blocks.append(Table([f"heads.{head}" for head in heads], rows))
    return Section("part.variables", blocks)


def _consent(request: Mapping[str, Any]) -> Section:
    asked = request["asked"]["consent"]
    items: list[Text] = [text("consents.require", code=Name(code)) for code in asked["require"]]
    if asked["collected"]:
        items.append(text("consents.collected", code=Name(asked["collected"])))
    else:
        items.append(text("consents.any_day"))
    if asked["purposes"]:
        codes = Joined([Name(code) for code in asked["purposes"]])
        items.append(text("consents.purposes", codes=codes))
    items.append(text("consents.until", day=Name(asked["until"])))
    return Section("part.consent", [text("consents.intro"), Items(items), text("consents.rule")])


def _techniques(request: Mapping[str, Any], sources: Sources) -> Section:
    """Return how patients are protected: filter, second matcher, attacks, gates with their limits."""
    used = request["techniques"]
    cone = text("techniques.reject_all")
    if used["cone"]["mode"] == "conformal":
        alpha = sources.number(FILE, "/techniques/cone/alpha", PERCENT)
        cone = text("techniques.conformal", alpha=alpha)
    families = Joined([Name(family) for family in used["cone"]["families"]])
    matcher = used["verifier"]["matcher"]
    verifier = text("techniques.no_verifier")
    if matcher != "none":
        verifier = text("techniques.verifier", matcher=Name(matcher))
    rows = []
    for number, gate in enumerate(used["gates"]):
        limit = sources.number(FILE, f"/techniques/gates/{number}/limit", FORMS[gate["name"]])
        held = {**gate, "threshold": gate["limit"], "n": len(used["attacks"])}
        shown = text(f"limit.{gate['direction'].replace(' ', '_')}", limit=limit)
        idle = asks_nothing(held)
        rows.append([_gate(gate["name"]), text("techniques.idle", limit=shown) if idle else shown])
    blocks: list[Any] = [
        text("techniques.intro"),
        Items([cone, text("techniques.families", families=families), verifier]),
        Heading(text("techniques.attacks")),
        Items([text(f"attack.{name}") for name in used["attacks"]]),
        Heading(text("techniques.gates")),
        Table(["head.question", "head.limit"], rows),
        Boxed(text("techniques.no_proof"), "inconclusive"),
    ]
    return Section("part.techniques", blocks)


def _gate(name: str) -> Text:
    """Return what a gate asks, in one sentence."""
    if name == "missed_patients":
        return text("gate.missed_patients.test")
    return (
        text(f"gate.{name}", of=text("every_label")) if name in PER_LABEL else text(f"gate.{name}")
    )


def _digest(request: Mapping[str, Any]) -> Section:
    digest = Digest(FILE, request["digest"])
    return Section("part.digest", [text("digest.names", name=Name(request["name"]), digest=digest)])
