"""The profiles, value sets and protocols of a folder, with everything that is wrong with them told at once."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from avatarflow.core.errors import Problems, noting, refuse
from avatarflow.intake.fhir.resources import Resource, read_resources

from .base_types import CORE, is_type

PROFILE, VALUE_SET, CODE_SYSTEM = "StructureDefinition", "ValueSet", "CodeSystem"
STUDY, GROUP = "ResearchStudy", "Group"
KINDS = (PROFILE, VALUE_SET, CODE_SYSTEM, STUDY, GROUP)
NO_RESOURCES = ("package.json", "package-lock.json", ".index.json", ".index.db")
"""What a FHIR package holds beside its resources."""
VERSION = re.compile(r"4\.[03]\.\d+", re.ASCII)
WHAT = "profile file"
Content = Mapping[str, Any]


@dataclass
class Definitions:
    """What a folder holds: definitions by their canonical url, studies and groups in the order of the files."""

    by_kind: dict[str, dict[str, Content]] = field(
        default_factory=lambda: {kind: {} for kind in (PROFILE, VALUE_SET, CODE_SYSTEM)}
    )
    where: dict[str, str] = field(default_factory=dict)
    """File, kind and number of each definition, by url, as errors cite it."""
    studies: list[Resource] = field(default_factory=list)
    groups: dict[str, Resource] = field(default_factory=dict)

    @property
    def profiles(self) -> dict[str, Content]:
        """StructureDefinitions by url."""
        return self.by_kind[PROFILE]


def read_definitions(folder: str | Path) -> Definitions:
    """Read every JSON and XML file in a folder and those below, in the order of `LC_ALL=C sort`.

    Raises
    ------
    AvatarflowError
        For all problems at once, by file, kind and number: files that cannot be read, resources that
        do not fit FHIR R4 or are of another version, two different definitions of one url, elements
        without a place, bases that are not there or lead in a circle, required bindings to nothing.
    """
    files = sorted(
        (
            path
            for path in Path(folder).rglob("*")
            if path.suffix.lower() in (".json", ".xml", ".ndjson") and path.name not in NO_RESOURCES
        ),
        key=lambda path: str(path).encode(),
    )
    problems, definitions = Problems(), Definitions()
    for number, path in enumerate(files, start=1):
        with noting(problems):
            for resource in read_resources([str(path)], KINDS, WHAT, first=number):
                for found, do in _add(resource, definitions):
                    problems.add(resource.where, found, do)
    if not problems.lines and not definitions.profiles:
        do = "name a folder with StructureDefinition resources as JSON or XML"
        problems.add("PROFILES", "no StructureDefinition in it", do)
    problems.raise_if_any()
    for url, profile in definitions.profiles.items():
        for found, do in _problems(url, profile, definitions):
            problems.add(definitions.where[url], found, do)
    problems.raise_if_any()
    return definitions


def _add(resource: Resource, definitions: Definitions) -> Iterator[tuple[str, str]]:
    """Put a resource to the others; yield what keeps it out, and what to do."""
    content, kind = resource.content, resource.kind
    if resource.problem:
        yield resource.problem, "correct it, or take it out"
    elif kind == STUDY:
        definitions.studies.append(resource)
    elif kind == GROUP:
        definitions.groups[str(content.get("id"))] = resource
    elif not content.get("url"):
        yield "it has no url", "give the url by which others refer to it"
    elif definitions.by_kind[kind].setdefault(content["url"], content) != content:
        yield "another definition of the same url", "leave one version of each in the folder"
    else:
        definitions.where.setdefault(content["url"], resource.where)


def _problems(url: str, profile: Content, definitions: Definitions) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a profile that is well formed, and what to do."""
    version = profile.get("fhirVersion")
    if not isinstance(version, str) or not VERSION.fullmatch(version):
        said = (
            "no version of FHIR" if version is None else "a version of FHIR that is not R4 or R4B"
        )
        yield said, "give profiles of FHIR 4.0 or 4.3"
    if profile["kind"] != "logical" and not is_type(profile["type"]):
        yield "a type that FHIR R4 does not have", "correct its type"
    elements = elements_of(profile)
    if not elements:
        yield "neither a snapshot nor a differential with elements", "export it again"
    if any(element["path"].split(".")[0] != _root(profile) for element in elements):
        yield "an element whose path does not begin with the type", "correct its path"
    if len(set(map(identifier_of, elements))) < len(elements):
        yield "two elements of one id", "give each slice a name, and leave one of each"
    if not profile.get("snapshot"):
        yield from _base_problems(url, definitions)


def _base_problems(url: str, definitions: Definitions) -> Iterator[tuple[str, str]]:
    seen = [url]
    while True:
        profile = definitions.profiles[seen[-1]]
        base, _, version = str(profile.get("baseDefinition") or "").partition("|")
        if profile.get("snapshot") or (base.startswith(CORE) and is_type(base.removeprefix(CORE))):
            return
        if profile["kind"] == "logical" and base.startswith(CORE):
            return
        if base not in definitions.profiles:
            yield (
                "a differential whose base is not there",
                "put its base beside it, or its snapshot",
            )
            return
        if version and definitions.profiles[base].get("version") != version:
            yield "a differential whose base has another version", "put that version beside it"
            return
        if base in seen:
            yield "a base that leads back to itself", "correct baseDefinition"
            return
        seen.append(base)


def _root(profile: Content) -> str:
    """Return with what the paths of a profile begin; a logical model may be named by its url."""
    return str(profile["type"]).rsplit("/", 1)[-1]


def elements_of(profile: Content) -> list[Content]:
    """Return the elements of the snapshot, else those of the differential."""
    part = profile.get("snapshot") or profile.get("differential") or {}
    return list(part.get("element") or [])


def identifier_of(element: Content) -> str:
    """Return the id of an element, or the path with its slice where it has none, or one of another path."""
    if _is_of_path(str(element.get("id")), element["path"]):
        return str(element["id"])
    slice_name = element.get("sliceName")
    return f"{element['path']}:{slice_name}" if slice_name else str(element["path"])


def _is_of_path(identifier: str, path: str) -> bool:
    """Whether an id is of a path; `value[x]:valueQuantity` may have the path `valueQuantity`."""
    named, said = (one.split(".") for one in (identifier, path))
    return len(named) == len(said) and all(
        said_part in name.split(":") for name, said_part in zip(named, said, strict=True)
    )


def groups_of(study: Resource, definitions: Definitions) -> list[Resource]:
    """Return the groups that a study enrols.

    Raises
    ------
    AvatarflowError
        If one is not in the folder.
    """
    groups = []
    for reference in study.content.get("enrollment") or []:
        own = str(reference.get("reference") or "").rpartition("Group/")[2]
        if own not in definitions.groups:
            raise refuse(study.where, "a Group that is not there", "put it into the folder")
        groups.append(definitions.groups[own])
    return groups
