"""Result files of releases of pictures and of reads, their dossiers, and what a reader sees of a page."""

import html
import json
import re
from pathlib import Path

import pandas as pd

from avatarflow.core.outcomes import INCONCLUSIVE, PASS
from avatarflow.core.statistics import Estimate
from avatarflow.privacy.attacks.names import ON_MODEL
from avatarflow.reads.release import gates as read_gates
from avatarflow.reads.release.certificate import certificate as read_certificate
from avatarflow.release.certificate import certificate
from avatarflow.release.dossier.pictures import picture_dossier
from avatarflow.release.dossier.reads import read_dossier
from avatarflow.release.dossier.texts import LANGUAGES
from avatarflow.release.gates import rules as picture_gates
from avatarflow.release.gates.model_gate import model_gate

FILES = {
    "certificate": "release/certificate.json", "summary": "pool/summary.json", "calibrated": "privacy/calibration.json",
    "attacks": "attacks/attacks.json", "decisions": "privacy/decisions.parquet",
}  # fmt: skip
THRESHOLDS = {
    "missed_patients": 0.1, "specificity": 0.5, "verifier_matches": 0.01, "agreement": 0.9, "shuffled_control": 0.1,
    "classifier_accuracy": 0.8, "kid_ratio": 0.5, "coverage_ratio": 0.5, "released_count": 2, "shown_leaks": 0,
    "attack_auc": 0.65, "different_pictures": 0.95, "smallest_condition": 5,
}  # fmt: skip
FIGURES = {
    "missed_patients.test": Estimate(0.0, 0.0, 0.0596, 60), "missed_patients.seen": Estimate(0.01, 0.001, 0.08, 60),
    "specificity": Estimate(0.7, 0.5, 0.8, 15), "verifier_matches": Estimate(0.002, 0.0, 0.01, 1234),
    "different_pictures": Estimate.exact(1.0, 1234), "agreement.sex": Estimate(0.95, 0.9, 0.97, 1234),
    "classifier_accuracy.sex": Estimate(0.9, 0.8, 0.95, 20), "shuffled_control.sex": Estimate(0.02, 0.0, 0.1, 20),
    "kid_ratio": Estimate(0.3, 0.2, 0.4, 20), "coverage_ratio": Estimate(0.9, 0.8, 1.0, 20),
    "attack_auc": Estimate(0.51, None, 0.57, 180), "shown_leaks": Estimate.exact(0, 4),
    "released_count.female": Estimate.exact(617, 617), "smallest_condition": Estimate.exact(140, 300),
}  # fmt: skip
ASKED = {
    "conditions": {"sex": ["female", "male"]}, "size_px": 64, "gates": THRESHOLDS, "cone": {},
    "sample": {"teacher": {"per_condition": 4000}, "student": {"per_condition": 2000}},
    "attacks": {"largest_auc": 0.6, "fewest_persons": 150},
}  # fmt: skip
COVERAGE = {
    "mode": "reject-all",
    "persons": 30,
    "rank": 30,
    "mean_miss": 1 / 31,
    "miss_bound": 0.095,
}
GROUPS = {
    "rejected": {
        "sex": {
            "female": {"value": 0.97, "low": 0.95, "high": 0.99, "n": 400, "persons": 40},
            "male": {"value": 1.0, "low": 0.4, "high": 1.0, "n": 40, "persons": 4},
        }
    }
}
CALIBRATED = {
    "coverage": COVERAGE, "subgroups": GROUPS, "miss": {"value": 0.0, "low": 0.0, "high": 0.06, "n": 60, "persons": 60},
    "worst_person": {"person": 987654, "risk": 1.25, "missed": 2, "n": 112},
}  # fmt: skip


def attack(name, target="release", **changes):
    row = {
        "attack": name, "view": "pixels", "target": target, "members": 200, "non_members": 180, "shown": False,
        "auc": {"value": 0.51, "low": 0.45, "high": 0.57, "n": 380}, "conclusion": PASS, "reason": "", "tpr": {},
        "positive": {"caught": True}, "negative": {"clean": True},
    }  # fmt: skip
    return row | changes


OPEN = {"conclusion": INCONCLUSIVE, "members": 20}
NOT_RUN = {"conclusion": INCONCLUSIVE, "auc": None, "positive": {"caught": False}, "negative": {}}
ROWS = [
    *(attack(name, "student", view="model") for name in ON_MODEL),
    *(attack(name) for name in ("nearest_synthetic", "density_ratio")),
    attack("linkage_fellow_eye", **NOT_RUN),
    attack("linkage_another_visit", **OPEN),
    attack("attribute_inference"),
]


def files_in(folder, figures=FIGURES, thresholds=THRESHOLDS, rows=ROWS, consent=None, **measured):
    """The result files of a release of pictures; `measured` comes beside what is always measured."""
    paths = {name: folder / path for name, path in FILES.items()}
    for path in paths.values():
        path.parent.mkdir(parents=True, exist_ok=True)
    decided = certificate(
        "demo", picture_gates.hold_all(figures, thresholds), {**ASKED, "gates": thresholds},
        {"pool": {"unit": "person"}, "cone": CALIBRATED, **measured}, model_gate({"rows": rows}, ASKED["attacks"]),
        consent=consent,
    )  # fmt: skip
    roles = {"encoder": 100, "calibration": 60, "test": 60, "heldout": 80}
    summary = {
        "persons": 300, "pictures": 1200, "refused": 3, "unit": "person", "persons_per_role": roles,
        "pictures_per_role": {role: 4 * n for role, n in roles.items()},
    }  # fmt: skip
    for name, value in (
        ("certificate", decided), ("summary", summary), ("calibrated", CALIBRATED), ("attacks", {"rows": rows}),
    ):  # fmt: skip
        paths[name].write_text(json.dumps(value))
    stages = ["teacher"] * 8000 + ["student"] * 4000
    accepted = [number % 3 == 0 for number in range(12000)]
    pd.DataFrame({"stage": stages, "accepted": accepted}).to_parquet(paths["decisions"])
    return {name: str(path) for name, path in paths.items()}


def pages_of(folder, settings=None, pdfs=(), **changes):
    """Both pages of a release of pictures, by language."""
    pages = {language: str(folder / "dossier" / f"{language}.html") for language in LANGUAGES}
    picture_dossier(
        "demo", files_in(folder, **changes), settings or {}, pages, pdfs_in(folder, pdfs)
    )
    return {language: Path(path).read_text() for language, path in pages.items()}


def pdfs_in(folder, languages):
    """The paths of PDFs by language. They take a while, so that only the tests that read them have them made."""
    return {language: str(folder / "dossier" / f"{language}.pdf") for language in languages}


FOUND = {
    "tools": {"asked": 3, "without_verdicts": []}, "population": 1000000, "anonymity_set": 3906.25, "sex": None,
    "counts": {
        "fragments": 123456, "removed": 4321, "found": 5, "spike_ins": 20000, "spikes_left": 2, "spikes_unseen": 1,
    },
    "miss_rate": {"value": 5e-5, "low": 0.0, "high": 0.00032, "n": 20000}, "how": "bounded with a neutral spectrum",
    "undetected": {"value": 0.2, "low": 0.0, "high": 6.0, "n": 4326},
    "signs": {
        "reference_share": 0.97, "reference_kmers": 6000, "fragments": 600, "unseen": 3,
        "excess": {"value": 1.1, "low": 1.0, "high": 1.3, "n": 600},
    },
    "bits": {"value": 1.5, "low": 0.0, "high": 7.9, "n": 5},
}  # fmt: skip
READ_SETTINGS = {
    "remove": [{"tool": "bowtie2", "setting": "x"}], "detection_tools": [{"tool": "bwa", "setting": "mem"}] * 2,
    "mate_rule": "either", "spike_ins": {"pairs": 20000}, "y_contigs": [], "seed": 1, "donor": None, "panel": None,
    "risk": {"diversity": 0.001, "largest_enrichment": 3},
    "gates": {"calls": 1, "detection_tools": 2, "spike_ins": 10000, "miss_rate": 0.001, "bits_left": 8,
              "reference_match": 0.9, "human_signs": 0.02, "repeat_excess": 1.5},
}  # fmt: skip


def read_pages_of(
    folder, found=FOUND, thresholds=READ_SETTINGS["gates"], consent="", settings=READ_SETTINGS, pdfs=()
):  # fmt: skip
    """Both pages of a release of reads, by language."""
    decided = read_certificate(
        "stool", read_gates.hold_all(read_gates.figures_of(found, 2), thresholds), found,
        {"reads": 246912, "bases": 24691200}, {**settings, "gates": thresholds},
    )  # fmt: skip
    (folder / "certificate.json").write_text(json.dumps(decided))
    pages = {language: str(folder / "dossier" / f"{language}.html") for language in LANGUAGES}
    certificate = str(folder / "certificate.json")
    read_dossier("stool", certificate, {"consent": consent}, pages, pdfs_in(folder, pdfs))
    return {language: Path(path).read_text() for language, path in pages.items()}


def plain(text):
    """A page without its tags, entities and no-break spaces."""
    return html.unescape(re.sub(r"<[^>]*>", "", text)).replace("\u00a0", " ")


def rows_of(text):
    """The rows of all tables, as plain cells."""
    rows = re.findall(r"<tr class=[^>]*>(.*?)</tr>", text, re.DOTALL)
    cells = (re.findall(r"<td>(.*?)</td>", row, re.DOTALL) for row in rows)
    return [[plain(cell) for cell in row] for row in cells]


def row_with(text, word):
    (row,) = [row for row in rows_of(text) if word in row[0]]
    return row[1:]
