"""The dossier of a release of cleaned reads."""

from collections.abc import Mapping
from typing import Any

from avatarflow.core.paths import read_json

from .common import (
    consent_section,
    decision_blocks,
    gate_section,
    law_section,
    limits_section,
    sign_section,
)
from .document import Boxed, Heading, Items, Joined, Name, Section, Table, count, interval, text
from .numbers import PERCENT, Sources
from .page import digest, write_dossier

CERTIFICATE = "certificate.json"
LIMITS = ("microbes", "spike_ins", "snps", "enrichment", "kin", "no_proof")
HOW = {
    "measured": "measured",
    "bounded with a panel's frequencies": "panel",
    "bounded with a neutral spectrum": "spectrum",
}
"""How the bits were found, as the certificate says it, and the key of the text."""


def read_dossier(
    name: str,
    certificate: str,
    settings: Mapping[str, Any],
    pages: Mapping[str, str],
    pdfs: Mapping[str, str],
) -> None:
    """Write the dossier of one release of reads, refused or not.

    Parameters
    ----------
    name : str
        The release's name in the config.
    certificate : path
    settings : mapping
        `release` of the config: `consent`, `limits`.
    pages, pdfs : mapping of language to path
    """
    sources = Sources({CERTIFICATE: read_json(certificate)})
    sections = [
        summary_section(sources),
        asked_section(sources),
        data_section(sources),
        consent_section(settings),
        steps_section(sources),
        gate_section(sources, CERTIFICATE, "reads"),
        risk_section(sources),
        Section("section.reads.model", [text("model.no_model")]),
        law_section("reads"),
        Section("section.worst", [text("worst.one_donor")]),
        limits_section("reads", LIMITS, settings),
        sign_section(name, digest(CERTIFICATE, certificate)),
    ]
    write_dossier(text("title.reads", name=Name(name)), sections, pages, pdfs=pdfs)


def _number(sources: Sources, path: str) -> Any:
    return sources.number(CERTIFICATE, f"/measured/{path}")


def _count(sources: Sources, path: str) -> Any:
    return count(sources, CERTIFICATE, f"/measured/{path}")


def summary_section(sources: Sources) -> Section:
    """Return what somebody who reads no further has to know."""
    dangers = []
    for key, path in (("hidden", "undetected/high"), ("bits", "bits/high")):
        high = _count(sources, path) if key == "hidden" else _number(sources, path)
        known = high.value is not None
        dangers.append(text(f"danger.{key}", high=high) if known else text(f"danger.{key}_unknown"))
    if sources.value(CERTIFICATE, "/measured/anonymity_set") is not None:
        dangers.append(
            text(
                "danger.fit",
                fit=_count(sources, "anonymity_set"),
                people=_count(sources, "population"),
            )
        )
    dangers += [text("danger.microbes"), text("danger.outside")]
    return Section(
        "section.summary",
        [
            *decision_blocks(sources, CERTIFICATE, "reads"),
            text("summary.what_reads"),
            text("summary.wrong"),
            Items(dangers),
            text("summary.yours"),
        ],
    )


def _tools(sources: Sources, role: str) -> Joined:
    tools = sources.value(CERTIFICATE, f"/asked/{role}")
    return Joined([Name(f"{tool['tool']} {tool['setting']}") for tool in tools])


def asked_section(sources: Sources) -> Section:
    """Return what the configuration asked for."""
    given = {
        what: "yes" if sources.value(CERTIFICATE, f"/asked/{what}") else "no"
        for what in ("donor", "panel")
    }
    items = [
        text("asked.remove", tools=_tools(sources, "remove")),
        text("asked.detect", tools=_tools(sources, "detection_tools")),
        text("asked.spike_ins", n=count(sources, CERTIFICATE, "/asked/spike_ins/pairs")),
        text(f"asked.donor_{given['donor']}"),
        text(f"asked.panel_{given['panel']}"),
        text("asked.before"),
    ]
    return Section("section.asked", [text("asked.intro"), Items(items)])


def data_section(sources: Sources) -> Section:
    """Return whose data went in, and how much."""
    rows = [
        [text("reads.fragments"), _count(sources, "counts/fragments")],
        [text("reads.reads"), _count(sources, "reads/reads")],
        [text("reads.bases"), _count(sources, "reads/bases")],
    ]
    return Section("section.data", [text("data.sample"), Table(["head.what", "head.count"], rows)])


def steps_section(sources: Sources) -> Section:
    """Return what was done, in order, with how much came of it."""
    steps = [
        text("step.taken", fragments=_count(sources, "counts/fragments")),
        text("step.spiked", spike_ins=_count(sources, "counts/spike_ins")),
        text("step.removed", removed=_count(sources, "counts/removed")),
        text("step.found", found=_count(sources, "counts/found")),
        text(
            "step.unseen",
            unseen=_count(sources, "counts/spikes_unseen"),
            spike_ins=_count(sources, "counts/spike_ins"),
        ),
        text("step.bits"),
        text("step.gates_reads", gates=count(sources, CERTIFICATE, "/gates/#")),
    ]
    return Section("section.steps", [Items(steps, ordered=True)])


def risk_section(sources: Sources) -> Section:
    """Return what is known of each of the three risks of the Article 29 Working Party."""
    gates = {gate["name"]: gate["result"] for gate in sources.value(CERTIFICATE, "/gates")}
    how = HOW[sources.value(CERTIFICATE, "/measured/how")]
    singling = [
        text("reads.bits_cell"),
        _number(sources, "bits/value"),
        interval(sources, CERTIFICATE, "/measured/bits"),
    ]
    miss = [
        text("reads.miss_cell"),
        sources.number(CERTIFICATE, "/measured/miss_rate/value", PERCENT),
        interval(sources, CERTIFICATE, "/measured/miss_rate", PERCENT),
    ]
    hidden = [
        text("reads.hidden_cell"),
        _number(sources, "undetected/value"),
        interval(sources, CERTIFICATE, "/measured/undetected"),
    ]
    result = gates.get("bits_left", "inconclusive")
    sex = "none" if sources.value(CERTIFICATE, "/measured/sex") is None else "looked"
    return Section(
        "section.risks",
        [
            text("risks.intro_reads"),
            Heading(text("risks.singling_out")),
            Boxed(text(f"singling_out.{result}"), result),
            text(f"how.{how}"),
            Table(["head.what", "head.value", "head.interval"], [miss, hidden, singling]),
            Heading(text("risks.linkability")),
            text("linkability.reads"),
            Heading(text("risks.inference")),
            Boxed(text(f"inference.sex_{sex}"), "inconclusive"),
            text("inference.rest"),
        ],
    )
