"""The decision about cleaned reads, and the folder that leaves: whole where every gate passes, else not there."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from itertools import compress, islice
from pathlib import Path
from typing import IO, Any

import pandas as pd

from avatarflow.core.arrays import Mask
from avatarflow.core.errors import refuse
from avatarflow.core.outcomes import PASS
from avatarflow.core.paths import read_json, replacing_folder, write_text
from avatarflow.reads import bgzf
from avatarflow.reads.user_reads.take import BLOCK
from avatarflow.release.certificate import as_json, record, remove_earlier
from avatarflow.release.checksums import CHECKSUMS, write_checksums
from avatarflow.release.exports.names import CONTENTS
from avatarflow.release.exports.reads import write_exports
from avatarflow.release.gates.other_thresholds import shown_gates
from avatarflow.release.signing import Signer, read_signer
from avatarflow.release.templates import fill
from avatarflow.runs.context import Step

from .assess import is_spike, votes
from .certificate import certificate
from .counts import STEPS, read_counts
from .gates import figures_of, hold_all, passed
from .spike_in import bodies, write_numbered


def release_reads(
    name: str, inputs: Mapping[str, Any], runs: Mapping[str, Sequence[Mapping[str, Any]]], settings: Mapping[str, Any],
    outputs: Mapping[str, str], folder: str | Path, step: Step,
) -> dict[str, Any]:  # fmt: skip
    """Decide, write the certificate and the officer's page, and on a pass the release folder.

    Parameters
    ----------
    name : str
        The release's name in the config.
    inputs : mapping
        Paths: `reads` (the spiked files), `spikes`, `summary`, `assessment`.
    runs : mapping
        `remove` and `detection_tools`, as `assess.assess` takes them.
    settings : mapping
        The release's config entry, and `signing` of the config where a key signs what is released.
    outputs : mapping
        Paths: `certificate`, `page`.
    folder : path
        `release/`: whatever lay there is gone, first of all.
    step : Step
    """
    remove_earlier(folder)
    found, summary = (read_json(inputs[key]) for key in ("assessment", "summary"))
    detection_tools = [
        run
        for run in runs["detection_tools"]
        if f"{run['tool']} {run['setting']}" not in found["tools"]["without_verdicts"]
    ]
    gates = hold_all(figures_of(found, len(detection_tools)), settings["gates"])
    decided = certificate(name, gates, found, summary, settings)
    if decided["decision"] == PASS and passed(gates, settings["gates"]):
        fragments = _write_folder(
            Path(folder),
            decided,
            _kept(inputs, runs, summary, found),
            inputs["reads"],
            settings["release"],
            _versions(runs),
            read_signer(settings.get("signing")),
        )
        step.info("%d fragments released", fragments)
    write_text(outputs["certificate"], as_json(decided))
    write_text(outputs["page"], _page(decided))
    for gate in gates:
        step.info(
            "gate %s: %s (%s %s %s)",
            gate.name,
            gate.result,
            gate.value,
            gate.direction,
            gate.threshold,
        )
    record(decided, gates, step)
    return decided


def _kept(
    inputs: Mapping[str, Any], runs: Mapping[str, Sequence[Mapping[str, Any]]], summary: Mapping[str, Any],
    found: Mapping[str, Any],
) -> Mask:  # fmt: skip
    """Which fragments of the spiked files leave: the user's that no cleaning tool calls human.

    Raises
    ------
    AvatarflowError
        If the calls are not those that were assessed.
    """
    spikes = pd.read_parquet(inputs["spikes"])
    total = summary["fragments"] + len(spikes)
    spike = is_spike(spikes, total)
    removed, silent = votes(runs["remove"], total)
    if silent or int((removed & ~spike).sum()) != found["counts"]["removed"]:
        raise refuse(
            "assessment", "made of other calls than there are now", "assess the reads again"
        )
    return ~removed & ~spike


def _write_folder(
    folder: Path,
    decided: Mapping[str, Any],
    kept: Mask,
    reads: Sequence[str],
    settings: Mapping[str, Any],
    versions: Mapping[str, str],
    signer: Signer | None,
) -> int:
    """Write reads under new running numbers, since gaps in the old ones would tell where fragments were taken out.

    Returns how many fragments they are.
    """
    fragments = int(kept.sum())
    with replacing_folder(folder) as target:
        with ExitStack() as stack:
            names = [target / f"reads_{mate}.fastq.gz" for mate, _ in enumerate(reads, start=1)]
            _write_reads(reads, kept, [stack.enter_context(path.open("wb")) for path in names])
        (target / "certificate.json").write_text(as_json(decided), encoding="utf-8")
        card = fill(
            "read_card.md.j2",
            certificate=decided,
            settings=settings,
            fragments=fragments,
            exports=[text for name, text in CONTENTS.items() if name in settings["exports"]],
            signed_by=signer.fingerprint if signer else None,
        )
        (target / "README.md").write_text(card, encoding="utf-8")
        write_exports(target, decided, settings, fragments, versions, signer is not None)
        write_checksums(target, CHECKSUMS, signer)
    return fragments


def _versions(runs: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, str]:
    """Return what each tool that gave calls says of its version."""
    every = [run for role in ("remove", "detection_tools") for run in runs[role]]
    return {run["tool"]: read_json(run["usage"])["version"] for run in every}


def _write_reads(reads: Sequence[str], kept: Mask, files: Sequence[IO[bytes]]) -> None:
    fragments, number = compress(bodies(reads), kept.tolist()), 0
    while block := list(islice(fragments, BLOCK)):
        write_numbered(block, number, files)
        number += len(block)
    for file in files:
        file.write(bgzf.EOF)


def _page(decided: Mapping[str, Any]) -> str:
    return fill(
        "read_report.html.j2",
        certificate=decided,
        steps=STEPS,
        counts=read_counts(decided),
        **shown_gates(decided["gates"]),
    )
