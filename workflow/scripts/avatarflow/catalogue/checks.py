"""Rules of a catalogue entry that a schema cannot say."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

AREAS = {
    "fundus": "Fundus photographs and optic discs",
    "iris": "Iris",
    "oct": "Optical coherence tomography (OCT)",
    "radiographs": "Radiographs",
    "ecg": "Electrocardiograms (ECG)",
    "eeg": "Electroencephalograms (EEG)",
    "hearing": "Hearing",
    "genomes": "Human genomes",
    "metagenomes": "Metagenomes and microbial genomes",
}
"""Folders of the catalogue and their headings."""

FACTS = (
    "indication", "modality", "patients", "items", "size_gb", "identity", "laterality", "sex", "licence",
    "conditions", "derivatives", "access", "anonymity", "format", "metadata_standard", "address",
)  # fmt: skip
"""Keys whose values a page can support; `unverified` lists those that none does."""

USE_CASES = {
    "fundus_avatars": {"fundus"},
    "papilla_avatars": {"fundus", "papilla"},
    "iris_avatars": {"iris"},
    "oct_avatars": {"oct"},
    "radiograph_avatars": {"radiograph"},
    "identity_checks": {"fundus", "papilla", "iris", "oct", "radiograph"},
    "signal_avatars": {"ecg", "eeg", "audiogram", "ear_signals"},
    "donors": {"human_genome", "human_variants"},
    "read_benchmarks": {
        "human_genome", "human_reads", "microbial_genomes", "metagenome_reads", "taxonomic_profiles",
    },
}  # fmt: skip
"""Use cases of this project, and the kinds of data that each takes."""

NOT_VERIFIED = "not verified"
"""What pages and answers say instead of, or behind, a value that no page supports."""

FREE = ("CC0-1.0", "PDDL-1.0", "MIT", "CC-BY-3.0", "CC-BY-4.0", "ODC-By-1.0")
"""Licences by SPDX identifier that permit derivatives with attribution at most."""


def entry_problems(entry: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield what is wrong with an entry that fits the schema: key, what was found, what to do."""
    yield from _unverified_problems(entry)
    yield from _licence_problems(entry)
    yield from _fitness_problems(entry)
    try:
        date.fromisoformat(entry["looked_at"])
    except ValueError:
        yield "looked_at", f"found {entry['looked_at']!r}, which is no day", "give a day"


def _unverified_problems(entry: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    unverified = set(entry["unverified"])
    for key in FACTS:
        if entry[key] is None and key not in unverified:
            yield key, "null, and not in unverified", "give the value, or add the key to unverified"
    if unverified < set(FACTS) and not entry["verified_by"]:
        n_verified = len(FACTS) - len(unverified)
        do = "name the pages that were read, or add the keys to unverified"
        yield "verified_by", f"empty, with {n_verified} keys that are not in unverified", do
    if entry["verified_by"] and unverified == set(FACTS):
        yield "verified_by", "pages that support no key", "take the keys out of unverified"


def _licence_problems(entry: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    licence, derivatives = entry["licence"], entry["derivatives"]
    expected = _derivatives_under(licence) if licence else None
    if derivatives and expected and derivatives != expected:
        yield "derivatives", f"'{derivatives}' under {licence}", f"write {expected}"
    unverified = entry["unverified"]
    if "licence" in unverified and derivatives and "derivatives" not in unverified:
        yield "derivatives", "verified, but the licence is not", "add it to unverified"


def _derivatives_under(licence: str) -> str | None:
    """Return what a licence says of derivatives; None where its name does not tell."""
    if licence in FREE:
        return "permitted"
    parts = licence.split("-")
    if parts[:2] == ["CC", "BY"]:
        return "forbidden" if "ND" in parts else "with_conditions"
    return "with_conditions" if parts[0] in ("GPL", "ODbL") else None


def _fitness_problems(entry: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    kinds = set(entry["modality"])
    fitting = {use_case for use_case, takes in USE_CASES.items() if takes & kinds}
    for use_case in sorted(fitting - set(entry["fitness"])):
        yield f"fitness.{use_case}", "missing", "grade it, since it takes such data"
    for use_case in sorted(set(entry["fitness"]) - fitting):
        yield f"fitness.{use_case}", "a use case of other data", "remove it, or correct modality"
