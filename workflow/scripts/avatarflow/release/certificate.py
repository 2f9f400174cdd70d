"""The certificate: what was asked and measured, pass, fail or inconclusive for each gate, and what is claimed.

It fails closed: data are released only where every gate passes.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from avatarflow.core.errors import refuse
from avatarflow.core.gates import Gate, all_pass, switched_off
from avatarflow.core.outcomes import PASS
from avatarflow.core.results import clean
from avatarflow.privacy.cones.coverage import promise
from avatarflow.runs.context import Step

from .consent import NOBODY
from .gates.model_gate import model_gate
from .gates.rules import RULES

VERSION = 2
REFUSE = "refuse"
SAYS_LITTLE = 0.9  # an advantage of membership inference that is no protection any more
UNDECLARED = {"checked": False, "text": f"consent: not checked here, declared by {NOBODY}"}


def record(decided: Mapping[str, Any], gates: Sequence[Gate], step: Step) -> None:
    """Note the decision and every gate in the record of the run."""
    for gate in gates:
        if gate.value is not None:
            step.metric(f"gate.{gate.name}", gate.value)
    step.params(
        {"decision": decided["decision"], "gates": {gate.name: gate.result for gate in gates}}
    )


def as_json(certificate: Mapping[str, Any]) -> str:
    """Return a certificate as the text of its file; equal ones are equal to the byte."""
    plain = json.dumps(certificate, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False)
    return f"{plain}\n"


def remove_earlier(folder: str | Path) -> None:
    """Take an older release away, first of all: nothing released may lie without a decision after a crash."""
    shutil.rmtree(folder, ignore_errors=True)
    if Path(folder).exists():
        found = "an older one that cannot be taken away"
        raise refuse("release folder", found, "remove it, and start again")


def certificate(
    name: str,
    gates: list[Gate],
    asked: Mapping[str, Any],
    measured: Mapping[str, Any],
    model: Mapping[str, Any] | None = None,
    consent: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the certificate as plain values with sorted keys: no time, host or path.

    Parameters
    ----------
    name : str
        The release's name in the config.
    gates : list of Gate
    asked : mapping
        What the config asked for: conditions, numbers, thresholds.
    measured : mapping
        Every figure behind the gates. Of `pool` the `unit`, `person` or `eye`, is what the originals allow to be told
        apart; of `cone` the `coverage` is what the calibration promises (`mode`, `persons`, `mean_miss`, `miss_bound`).
    model : mapping, optional
        As from `model_gate.model_gate`; without one the generator is internal only.
    consent : mapping, optional
        As from `consent.consent_section`; without one nobody declared anything.
    """
    unit = measured["pool"]["unit"]
    plain: dict[str, Any] = clean(
        {
            "version": VERSION,
            "release": name,
            "decision": PASS if all_pass(gates) else REFUSE,
            "reasons": [f"{each.name}: {each.result}" for each in gates if each.result != PASS],
            "gates": [each.as_dict() for each in gates],
            "not_checked": switched_off(RULES, asked.get("gates", {})),
            "model_gate": model or model_gate(None, None),
            "consent": consent or UNDECLARED,
            "asked": asked,
            "measured": measured,
            "unit": unit,
            "claim": claim(
                unit,
                measured["cone"]["coverage"],
                measured.get("anatomy"),
                measured.get("differential_privacy"),
            ),
        }
    )
    return plain


def claim(
    unit: str,
    coverage: Mapping[str, Any],
    anatomy: Mapping[str, Any] | None = None,
    private: Mapping[str, Any] | None = None,
) -> list[str]:
    """Return the claim as sentences.

    Parameters
    ----------
    unit, coverage
        As for `promise`.
    anatomy : mapping, optional
        How the anatomy check was set: `kind`, `pass_share`, `patients`; None where the pictures were not checked.
    private : mapping, optional
        What the teacher's training cost, as `training.private` writes it; None where it guarantees nothing.
    """
    whose, missed = promise(unit, coverage)
    return [
        whose,
        "Every released picture lies outside the cones of all originals: its fingerprint is farther from each of them "
        "than the perturbations of originals that the cones were calibrated to reject.",
        missed,
        f"The claim covers {unit}s exchangeable with the calibration ones, the stated number of pictures and "
        "perturbations of each, and the stated families of perturbations and cameras - nothing else.",
        "For those whose pictures trained the fingerprint only an empirical rate is known.",
        "It is no proof of anonymity, and does not replace attacks on the released data or on the generator.",
        _of_anatomy(anatomy),
        *(_of_privacy(unit, private) if private else []),
    ]


def _of_anatomy(anatomy: Mapping[str, Any] | None) -> str:
    if anatomy is None:
        return "Whether each picture shows what belongs into one (anatomy) was not checked."
    return (
        f"Each picture keeps the limits of a check of its anatomy ({anatomy['kind']}), set so that all pictures of "
        f"{anatomy['pass_share']:.4g} of {anatomy['patients']['held_out']} patients keep them; what the check "
        "does not measure may still be wrong."
    )


def _of_privacy(unit: str, private: Mapping[str, Any]) -> list[str]:
    both = " A patient with both eyes has about twice that epsilon." if unit == "eye" else ""
    vague = (
        " Such a bound says next to nothing." if private["largest_advantage"] > SAYS_LITTLE else ""
    )
    return [
        f"The teacher was trained with differential privacy: epsilon {private['epsilon']:.3g} at delta "
        f"{private['delta']:.3g} for the presence of all pictures of one {unit} in the training set, by the accountant "
        f"of {private['accountant']}. Whoever has the teacher and guesses that presence has a true positive rate of at "
        f"most {private['largest_advantage']:.3g} above the false positive rate.{vague}{both}",
        f"Taken as given are the number of {unit}s, who of them is trained on, who counts as one {unit}, and how "
        "pictures were altered before training. It covers the teacher's weights and whatever is made of them without "
        "originals, if its base holds no personal data. It does not cover the released pictures: the originals "
        "themselves decided which of the teacher's pictures were accepted, and so what the student learned; and the "
        "figures of this certificate were measured on originals. Each further training on the same originals spends "
        "epsilon again.",
    ]
