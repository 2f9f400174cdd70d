"""The dossier of a release of pictures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from avatarflow.core.outcomes import PASS
from avatarflow.core.paths import read_json

from .attacks import ATTACKS, ON_GENERATOR, answer, attack_table, chosen, colour, risk_section
from .common import (
    consent_section,
    decision_blocks,
    gate_section,
    law_section,
    limits_section,
    sign_section,
)
from .document import Boxed, Items, Name, Section, Table, Text, count, interval, text
from .numbers import COUNT, PERCENT, Sources
from .page import digest, write_dossier

CERTIFICATE, POOL, CALIBRATION, DECISIONS = (
    "release/certificate.json",
    "pool/summary.json",
    "privacy/calibration.json",
    "privacy/decisions.parquet",
)
ROLES = ("encoder", "calibration", "test", "heldout")
LIMITS = (
    "exchangeable",
    "attacks",
    "verifier",
    "other_pictures",
    "labels",
    "diagnosis",
)
FEW = 30  # persons below which it is said that a subgroup's figure says little


def picture_dossier(
    name: str,
    files: Mapping[str, str],
    settings: Mapping[str, Any],
    pages: Mapping[str, str],
    pdfs: Mapping[str, str],
) -> None:
    """Write the dossier of one release, refused or not.

    Parameters
    ----------
    name : str
        The release's name in the config.
    files : mapping
        Paths: `certificate`, `summary` (of the pool), `calibrated` (of the cones), `attacks`, `decisions`.
    settings : mapping
        `release` of the config: `limits`; `consent`, where it was declared and not checked; `generated` where the
        originals belong to nobody.
    pages, pdfs : mapping of language to path
    """
    sources = Sources(
        {
            CERTIFICATE: read_json(files["certificate"]),
            POOL: read_json(files["summary"]),
            CALIBRATION: read_json(files["calibrated"]),
            ATTACKS: read_json(files["attacks"]),
            DECISIONS: decision_counts(files["decisions"]),
        }
    )
    sections = [
        summary_section(sources),
        asked_section(sources),
        data_section(sources, bool(settings.get("generated"))),
        consent_of(sources, settings),
        steps_section(sources),
        gate_section(sources, CERTIFICATE, "pictures"),
        risk_section(sources),
        model_section(sources),
        law_section("pictures"),
        worst_section(sources),
        limits_section("pictures", LIMITS, settings, not_done(sources)),
        sign_section(name, digest(CERTIFICATE, files["certificate"])),
    ]
    write_dossier(text("title.pictures", name=Name(name)), sections, pages, pdfs=pdfs)


def not_done(sources: Sources) -> list[Text]:
    """Return what was not done, and what differential privacy of the teacher does not cover where there is one."""
    spent = "measured/differential_privacy"
    if sources.value(CERTIFICATE, spent) is None:
        return [text("limit_of.pictures.not_private"), text("limit_of.pictures.not_done")]
    figures = {key: sources.number(CERTIFICATE, f"{spent}/{key}") for key in ("epsilon", "delta")}
    return [text("limit_of.pictures.private", **figures), text("limit_of.pictures.not_done")]


def decision_counts(path: str | Path) -> dict[str, dict[str, int]]:
    """Return how many candidates each stage had, and how many of them were accepted."""
    table = pd.read_parquet(path, columns=["stage", "accepted"])
    groups = table.groupby("stage")["accepted"]
    return {
        str(stage): {"candidates": len(found), "accepted": int(found.sum())}
        for stage, found in groups
    }


def summary_section(sources: Sources) -> Section:
    """Return what somebody who reads no further has to know."""
    return Section(
        "section.summary",
        [
            *decision_blocks(sources, CERTIFICATE, "pictures"),
            text("summary.what"),
            text("summary.wrong"),
            Items(_dangers(sources)),
            text("summary.yours"),
        ],
    )


def _dangers(sources: Sources) -> list[Any]:
    """Return what could go wrong, most personal first."""
    dangers: list[Any] = []
    for number, gate in enumerate(sources.value(CERTIFICATE, "/gates")):
        if gate["name"] in ("missed_patients", "missed_patients.test") and gate["high"] is not None:
            path = f"/gates/{number}"
            dangers.append(
                text(
                    "danger.missed",
                    value=sources.number(CERTIFICATE, f"{path}/value", PERCENT),
                    high=sources.number(CERTIFICATE, f"{path}/high", PERCENT),
                    n=count(sources, CERTIFICATE, f"{path}/n"),
                )
            )
    runs = "/rows/?target=release"
    dangers.append(
        text(
            "danger.attacks",
            all=count(sources, ATTACKS, f"{runs}/#"),
            open=count(sources, ATTACKS, f"{runs},conclusion=inconclusive/#"),
        )
    )
    released = sources.value(CERTIFICATE, "/model_gate/result") == PASS
    published = released and sources.value(CERTIFICATE, "/decision") == PASS
    dangers.append(text("danger.model_released" if published else "danger.model_kept"))
    return [*dangers, text("danger.outside"), text("danger.diagnosis")]


def asked_section(sources: Sources) -> Section:
    """Return what the configuration asked for."""
    asked = "/asked"
    items: list[Any] = [
        text("asked.size", size=count(sources, CERTIFICATE, f"{asked}/size_px")),
        text(
            "asked.per_condition",
            teacher=count(sources, CERTIFICATE, f"{asked}/sample/teacher/per_condition"),
            student=count(sources, CERTIFICATE, f"{asked}/sample/student/per_condition"),
        ),
    ]
    for column, values in (sources.value(CERTIFICATE, f"{asked}/conditions") or {}).items():
        items.append(
            text("asked.condition", column=Name(column), values=Name(", ".join(map(str, values))))
        )
    items.append(text("asked.before"))
    return Section("section.asked", [text("asked.intro"), Items(items)])


def data_section(sources: Sources, generated: bool) -> Section:
    """Return whose data went in, by what they were used for."""
    unit = sources.value(POOL, "/unit")
    rows = [
        [
            text(f"role.{role}"),
            count(sources, POOL, f"/persons_per_role/{role}"),
            count(sources, POOL, f"/pictures_per_role/{role}"),
        ]
        for role in ROLES
    ]
    rows.append(
        [text("role.all"), count(sources, POOL, "/persons"), count(sources, POOL, "/pictures")]
    )
    return Section(
        "section.data",
        [
            *([text("data.generated")] if generated else []),
            text(f"data.unit.{'person' if unit == 'person' else 'eye'}"),
            Table(["head.role", f"head.subjects.{unit}", "head.pictures"], rows),
            text("data.refused", n=count(sources, POOL, "/refused")),
        ],
    )


def consent_of(sources: Sources, settings: Mapping[str, Any]) -> Section:
    """Return what was checked of the patients' consent; where nothing was, what is declared."""
    place = "/consent"
    if settings.get("generated") or not sources.value(CERTIFICATE, f"{place}/checked"):
        return consent_section(settings)
    asked = {
        name: Name(str(sources.value(CERTIFICATE, f"{place}/{name}"))) for name in ("day", "until")
    }
    codes = Name(", ".join(sources.value(CERTIFICATE, f"{place}/require")))
    patients = [
        text(
            f"consent.outcome.{name.replace(' ', '_')}",
            n=count(sources, CERTIFICATE, f"{place}/patients/{name}"),
        )
        for name in sources.value(CERTIFICATE, f"{place}/patients")
    ]
    unchecked = sources.value(CERTIFICATE, f"{place}/collected") is None
    return Section(
        "section.consent",
        [
            text("consent.checked", codes=codes, **asked),
            Items(patients),
            *([text("consent.collected_no")] if unchecked else []),
            text("consent.ask_checked"),
        ],
    )


def steps_section(sources: Sources) -> Section:
    """Return what was done, in order, with how much came of it."""
    numbers = {
        f"{stage}_{what}": count(sources, DECISIONS, f"/{stage}/{what}")
        for stage in ("teacher", "student")
        for what in ("candidates", "accepted")
    }
    cone = "/measured/cone/coverage"
    steps = [
        text("step.intake", pictures=count(sources, POOL, "/pictures")),
        text("step.cones", n=count(sources, CERTIFICATE, f"{cone}/persons")),
        text("step.teacher", drawn=numbers["teacher_candidates"]),
        text("step.filter", accepted=numbers["teacher_accepted"]),
        text("step.student", drawn=numbers["student_candidates"]),
        text("step.filter_again", accepted=numbers["student_accepted"]),
        text("step.attacks"),
        text("step.gates", gates=count(sources, CERTIFICATE, "/gates/#")),
    ]
    promise = text(
        "step.promise",
        mean=sources.number(CERTIFICATE, f"{cone}/mean_miss", PERCENT),
        bound=sources.number(CERTIFICATE, f"{cone}/miss_bound", PERCENT),
    )
    return Section("section.steps", [Items(steps, ordered=True), promise])


def model_section(sources: Sources) -> Section:
    """Return what EDPB opinion 28/2024 asks of a model, and which evidence there is of this one."""
    result = sources.value(CERTIFICATE, "/model_gate/result")
    direct = chosen(sources, "student", ("extraction",))
    asked = chosen(sources, "student", [name for name in ON_GENERATOR if name != "extraction"])
    rows = [
        [text("edpb.extraction"), text(f"answer.{answer(direct)}")],
        [text("edpb.queries"), text(f"answer.{answer(asked)}")],
        *(
            [text(f"edpb.{name}"), text(f"edpb.{name}_here")]
            for name in ("sources", "training", "outputs", "testing", "documents")
        ),
    ]
    classes = [colour(answer(direct)), colour(answer(asked))] + [""] * 5
    return Section(
        "section.model",
        [
            text("edpb.intro"),
            Boxed(text(f"model.{result}"), result),
            Table(["head.opinion", "head.evidence"], rows, classes),
            text("edpb.attacks"),
            attack_table(sources, chosen(sources, "student", ON_GENERATOR)),
            text(
                "edpb.threshold",
                limit=sources.number(CERTIFICATE, "/asked/attacks/largest_auc"),
                fewest=sources.number(CERTIFICATE, "/asked/attacks/fewest_persons", COUNT),
            ),
        ],
    )


def worst_section(sources: Sources) -> Section:
    """Return the subgroups with the least protection, and the test patient with the largest risk."""
    blocks: list[Any] = []
    groups = sources.value(CALIBRATION, "/subgroups/rejected") or {}
    found = [
        (values[value], column, value) for column, values in groups.items() for value in values
    ]
    if not found:
        blocks.append(text("worst.no_groups"))
    else:
        lowest = min(found, key=lambda group: (group[0]["value"], group[0]["low"]))
        vaguest = min(found, key=lambda group: group[0]["low"])
        blocks.append(_group(sources, "lowest", lowest))
        if vaguest is not lowest:
            blocks.append(_group(sources, "vaguest", vaguest))
        if any(group[0]["persons"] < FEW for group in found):
            blocks.append(text("worst.few"))
        blocks.append(_group_table(sources, found))
    if sources.value(CALIBRATION, "/worst_person"):
        blocks.append(
            text(
                "worst.person",
                missed=count(sources, CALIBRATION, "/worst_person/missed"),
                n=count(sources, CALIBRATION, "/worst_person/n"),
                risk=sources.number(CALIBRATION, "/worst_person/risk"),
            )
        )
    return Section("section.worst", blocks)


def _group(sources: Sources, which: str, group: tuple[Mapping[str, Any], str, str]) -> Text:
    """Return what is known of one subgroup."""
    path = f"/subgroups/rejected/{group[1]}/{group[2]}"
    return text(
        f"worst.{which}",
        column=Name(group[1]),
        value=Name(group[2]),
        share=sources.number(CALIBRATION, f"{path}/value", PERCENT),
        interval=interval(sources, CALIBRATION, path, PERCENT),
        n=count(sources, CALIBRATION, f"{path}/persons"),
    )


def _group_table(sources: Sources, groups: Sequence[tuple[Mapping[str, Any], str, str]]) -> Table:
    """Return every subgroup, the one with the lowest share first."""
    rows = []
    for _, column, value in sorted(groups, key=lambda group: (group[0]["value"], group[0]["low"])):
        path = f"/subgroups/rejected/{column}/{value}"
        rows.append(
            [
                text("group_cell", column=Name(column), value=Name(value)),
                sources.number(CALIBRATION, f"{path}/value", PERCENT),
                interval(sources, CALIBRATION, path, PERCENT),
                text(
                    "n_cell",
                    n=count(sources, CALIBRATION, f"{path}/persons"),
                    unit=text("unit.patients"),
                ),
            ]
        )
    return Table(["head.group", "head.rejected", "head.interval", "head.n"], rows)
