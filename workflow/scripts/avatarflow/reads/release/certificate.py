"""The certificate of cleaned reads: what was asked, what was found, each gate, and what is claimed and what is not."""

from collections.abc import Mapping
from typing import Any

from avatarflow.core.gates import Gate, switched_off
from avatarflow.core.outcomes import PASS
from avatarflow.core.results import clean

from .assess import MEASURED, PANEL, SPECTRUM
from .gates import RULES, passed

VERSION = 1
ASKED = (
    "remove",
    "detection_tools",
    "mate_rule",
    "spike_ins",
    "risk",
    "gates",
    "y_contigs",
    "seed",
)
MICROBES = (
    "Microbes alone can identify people: strains and genes of a gut differ from person to person and stay for months "
    "(Franzosa et al. 2015, PNAS 112:E2930). Nothing here speaks of that, and no figure covers it."
)


def certificate(
    name: str,
    gates: list[Gate],
    found: Mapping[str, Any],
    reads: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """The certificate as plain values with sorted keys: no time, host, path or name of a read.

    Parameters
    ----------
    name : str
        The release's name in the config.
    gates : list of Gate
    found : mapping
        As `assess.assess` gives it.
    reads : mapping
        Summary of the user's reads.
    settings : mapping
        Of the release's config entry; `donor` and `panel` count as given where they are true.
    """
    asked = {key: settings[key] for key in ASKED}
    asked |= {"donor": bool(settings["donor"]), "panel": bool(settings["panel"])}
    plain: dict[str, Any] = clean(
        {
            "version": VERSION,
            "release": name,
            "decision": PASS if passed(gates, settings["gates"]) else "refuse",
            "reasons": [f"{gate.name}: {gate.result}" for gate in gates if gate.result != PASS],
            "gates": [gate.as_dict() for gate in gates],
            "not_checked": switched_off(RULES, settings["gates"]),
            "asked": asked,
            "measured": {**found, "reads": reads},
            "claim": claim(found, settings),
        }
    )
    return plain


def claim(found: Mapping[str, Any], settings: Mapping[str, Any]) -> list[str]:
    """What is claimed and what is not, as sentences."""
    differ = f"{settings['risk']['diversity']:g}"
    how = {
        MEASURED: "For the human fragments found after the cleaning the bits were measured with the donor's own VCF "
        "and a panel's allele frequencies; for those that no tool saw they are a bound.",
        PANEL: "No genotype of the donor was at hand. The bits are a bound: the number of human fragments left, times "
        "what such fragments tell about people of a panel.",
        SPECTRUM: "Neither a genotype of the donor nor a panel was at hand. The bits are a bound: the number of human "
        f"fragments left, times what such fragments tell where two copies of the genome differ at {differ} of the "
        "bases.",
    }[found["how"]]
    signs = found["signs"]
    sex = found["sex"]
    told = "The reference has no Y chromosome, so nothing is said about sex."
    if sex is not None:
        told = f"The fragments found tell this about the donor's sex: {sex['told']}."
    return [
        MICROBES,
        how,
        "Upper ends hold together in 95 % of cases if the donor's fragments are missed no more often than the "
        "spike-ins, which come from simulated people on the same reference. Sequence that the reference lacks is "
        "missed more often, and is not covered.",
        f"The reference has {signs['reference_share']:.3g} of a fingerprint of human chromosome 20. "
        f"{_of_repeats(signs)} Whether the reference lacks another chromosome shows in such repeats alone.",
        f"Fragments left in may show up to {settings['risk']['largest_enrichment']:g} times the variants of others; "
        "more than that is not covered.",
        "A bit halves the number of people who fit: log2 of how much likelier the reads are with the donor than with "
        "somebody of the population.",
        told,
        "It is no proof of anonymity.",
    ]


def _of_repeats(signs: Mapping[str, Any]) -> str:
    """Return what was seen of fragments with repeats of the human genome, or that nothing could be."""
    if signs["fragments"]:
        return (
            f"Of {signs['fragments']} fragments with repeats of the human genome {signs['unseen']} were called human "
            "by no tool."
        )
    control = signs["spike_ins"]
    if control["fragments"]:
        return (
            "No fragment of the sample has repeats of the human genome; of the "
            f"{control['fragments']} spike-ins that have some {control['unseen']} were called human by no tool."
        )
    return (
        "No fragment of the sample has repeats of the human genome, and no spike-in has: whether tools overlook such "
        "fragments was not measured."
    )
