"""Sections that dossiers of pictures and of reads share: gates, consent, law, the page to sign."""

from collections.abc import Mapping, Sequence
from typing import Any

from avatarflow.core.outcomes import INCONCLUSIVE, PASS
from avatarflow.release.gates.rules import rule_of

from .document import (
    Boxed,
    Declared,
    Digest,
    Items,
    Name,
    Section,
    Sheet,
    Table,
    Text,
    interval,
    text,
)
from .numbers import COUNT, PERCENT, PLAIN, Sources

FORMS = {
    "missed_patients": PERCENT, "specificity": PERCENT, "verifier_matches": PERCENT, "different_pictures": PERCENT,
    "agreement": PERCENT, "classifier_accuracy": PERCENT, "shuffled_control": PERCENT, "kid_ratio": PLAIN,
    "coverage_ratio": PERCENT, "attack_auc": PLAIN, "shown_leaks": COUNT, "canaries_found": COUNT, "anatomy": PERCENT,
    "released_count": COUNT, "smallest_condition": COUNT,
    "calls": PERCENT, "detection_tools": COUNT, "spike_ins": COUNT, "miss_rate": PERCENT,
    "bits_left": PLAIN, "reference_match": PERCENT, "human_signs": PERCENT, "repeat_excess": PLAIN,
}  # fmt: skip
"""How the figure of each gate is written."""

NOTHING_ASKED = {
    "missed_patients": 1.0, "verifier_matches": 1.0, "shuffled_control": 0.5, "kid_ratio": 1e6, "miss_rate": 1.0,
    "bits_left": 33.0, "repeat_excess": 100.0,
}  # fmt: skip
"""Thresholds from above that hardly any figure can breach, of gates that they do not switch off: 33 bits single one
person out of all alive."""

PROTECTIVE = (
    "missed_patients", "verifier_matches", "attack_auc", "shown_leaks", "canaries_found", "miss_rate", "bits_left",
    "human_signs", "smallest_condition",
)  # fmt: skip
"""Gates that protect patients; the others make sure that these mean something, or that the data are of use."""

PER_LABEL = ("agreement", "classifier_accuracy", "shuffled_control", "released_count")
"""Gates that there are once per label or combination of labels."""

COUNTED = ("different_pictures", "shown_leaks", "canaries_found", "released_count", "smallest_condition", "calls",
           "detection_tools", "spike_ins", "reference_match", "human_signs")  # fmt: skip
"""Gates whose figure was counted over everything it speaks of, so that it has no interval."""

WP216, EDPB = "wp216", "edpb"
LAW = {
    "pictures": (
        "gdpr_4_1", "gdpr_4_15", "gdpr_recital_26", "gdpr_5", "gdpr_6_9", "gdpr_7_3", "gdpr_25_32", "gdpr_35",
        "gdpr_89", "gdng_6", "gdng_7", WP216, EDPB,
    ),
    "reads": (
        "gdpr_4_1", "gdpr_4_13", "gdpr_recital_26", "gdpr_5", "gdpr_6_9", "gdpr_7_3", "gdpr_25_32", "gdpr_35",
        "gdpr_89", "gdng_6", "gdng_7", WP216,
    ),
}  # fmt: skip
"""Articles that a release may touch, by wing; a text for each says what it is about and what here belongs to it."""


def base(gate: str) -> str:
    """Return a gate's kind: what stands before the dot."""
    return gate.partition(".")[0]


def gate_text(gate: Mapping[str, Any]) -> Text:
    """Return what a gate asks, in one sentence."""
    kind, _, detail = gate["name"].partition(".")
    if detail in ("test", "seen"):
        return text(f"gate.{kind}.{detail}")
    if kind == "missed_patients":
        return text(f"gate.{kind}.test")
    if kind not in PER_LABEL:
        return text(f"gate.{kind}")
    # a release without conditions counts all of its pictures; a gate without a figure has no column
    return text(f"gate.{kind}", of=text("no_label") if detail in ("", "all") else Name(detail))


def asks_nothing(gate: Mapping[str, Any]) -> bool:
    """Whether any figure would have passed a gate: a trial's setting, and no protection."""
    limit, kind = gate["threshold"], base(gate["name"])
    if limit is None:
        return False
    if gate["direction"] == "at least":
        return bool(limit <= 0)
    if kind == "shown_leaks":  # n: the attacks that could have shown one
        return bool(limit >= max(gate["n"], 1))
    return rule_of(kind).is_off(limit) or limit >= NOTHING_ASKED.get(kind, float("inf"))


def gate_section(sources: Sources, file: str, wing: str) -> Section:
    """Return every gate with its question, value, interval, n, threshold and result."""
    rows, classes = [], []
    for number, gate in enumerate(sources.value(file, "/gates")):
        kind, path = base(gate["name"]), f"/gates/{number}"
        form = FORMS[kind]
        unit = text(f"unit.{rule_of(kind).unit.n}")
        rows.append(
            [
                text("gate_cell", question=gate_text(gate), name=Name(gate["name"])),
                sources.number(file, f"{path}/value", form),
                interval(sources, file, path, form, counted=kind in COUNTED),
                text("n_cell", n=sources.number(file, f"{path}/n", COUNT), unit=unit),
                text(
                    f"limit.{gate['direction'].replace(' ', '_')}",
                    limit=sources.number(file, f"{path}/threshold", form),
                ),
                text("result.nothing_asked" if asks_nothing(gate) else f"result.{gate['result']}"),
            ]
        )
        classes.append("inconclusive" if asks_nothing(gate) else gate["result"])
    heads = ("question", "value", "interval", "n", "limit", "result")
    blocks: list[Any] = [
        text(f"gates.intro.{wing}"),
        Table([f"head.{head}" for head in heads], rows, classes),
    ]
    blocks += [text(f"gates.switched_off.{name}") for name in sources.value(file, "/not_checked")]
    return Section("section.gates", blocks)


def decision_blocks(sources: Sources, file: str, wing: str) -> list[Any]:
    """Return the answer to "may this be published", why, and a warning where gates ask nothing."""
    gates = sources.value(file, "/gates")
    failing = [gate for gate in gates if gate["result"] != PASS]
    idle = {base(gate["name"]) for gate in gates if asks_nothing(gate)}
    idle |= {*sources.value(file, "/not_checked")}
    numbers = {
        "passed": sources.number(file, "/gates/?result=pass/#", COUNT),
        "gates": sources.number(file, "/gates/#", COUNT),
    }
    decision = sources.value(file, "/decision")
    trial = not idle.isdisjoint(PROTECTIVE)
    if decision == PASS and trial:
        blocks: list[Any] = [Boxed(text(f"decision.trial.{wing}", **numbers), "inconclusive")]
    else:
        blocks = [Boxed(text(f"decision.{decision}.{wing}", **numbers), decision)]
    if idle:
        warning = "protection" if trial else "quality"
        blocks.append(Boxed(text(f"decision.nothing_asked.{warning}"), "inconclusive"))
    if failing:
        reasons = [
            text(f"reason.{_why(gate)}", question=gate_text(gate), name=Name(gate["name"]))
            for gate in failing
        ]
        blocks += [text("decision.reasons"), Items(reasons)]
    return blocks


def _why(gate: Mapping[str, Any]) -> str:
    """Return why a gate did not pass: where nothing was measured, that is said."""
    nothing = gate["result"] == INCONCLUSIVE and gate["n"] < 1
    return "nothing_measured" if nothing else str(gate["result"])


def consent_section(settings: Mapping[str, Any]) -> Section:
    """Return what is declared about the consent or another basis, and that nobody checked it."""
    declared = str(settings.get("consent", "")).strip()
    if not declared:
        return Section("section.consent", [text("consent.none"), text("consent.ask")])
    return Section(
        "section.consent",
        [text("consent.declared"), Declared(declared), text("consent.not_checked")],
    )


def law_section(wing: str) -> Section:
    """Return the articles concerned, what they are about, and what in this dossier belongs to them."""
    rows = [
        [text(f"law.{name}.article"), text(f"law.{name}.about"), text(f"law.{name}.here.{wing}")]
        for name in LAW[wing]
    ]
    heads = ["head.article", "head.about", "head.here"]
    return Section(
        "section.law",
        [text("law.intro"), Table(heads, rows), text("law.sources")],
    )


def limits_section(
    wing: str, keys: Sequence[str], settings: Mapping[str, Any], more: Sequence[Text] = ()
) -> Section:
    """Return what the figures do not say, `more` with figures, and the limits that the configuration declares."""
    blocks: list[Any] = [Items([*(text(f"limit_of.{wing}.{key}") for key in keys), *more])]
    if settings.get("limits"):
        blocks += [text("limits.declared"), Items([Declared(each) for each in settings["limits"]])]
    return Section("section.limits", blocks)


def sign_section(name: str, certificate: Digest) -> Section:
    """Return the page to sign, tied to the certificate by its checksum."""
    tied = text("sign.tied", name=Name(name), file=Name(certificate.file), digest=certificate)
    return Section(
        "section.sign",
        [
            tied,
            Sheet(
                ("sign.approve", "sign.conditions", "sign.refuse"),
                ("sign.conditions_text", "sign.recipients"),
                ("sign.officer", "sign.responsible"),
            ),
        ],
    )
