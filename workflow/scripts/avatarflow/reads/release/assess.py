"""What is left of the donor in cleaned reads: fragments found and not seen, and their bits, measured or bounded."""

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.parquet as pq

from avatarflow.core.arrays import Floats, Mask
from avatarflow.core.errors import refuse
from avatarflow.core.paths import read_json, write_json
from avatarflow.core.seeds import generator
from avatarflow.core.statistics import Estimate
from avatarflow.reads.genomes.genome import read_fasta
from avatarflow.reads.removal.run import OK
from avatarflow.reads.risk.genetic_map import GeneticMap, read_map
from avatarflow.reads.risk.identity import anonymity_set, posterior
from avatarflow.reads.risk.panel import Panel, read_panel
from avatarflow.reads.simulation.records import DIGITS
from avatarflow.runs.context import Step

from .donor import with_donor
from .fingerprint import Signs, human_signs, share_in
from .information import DONORS, Information, Layout, bits_of, from_panel, from_spectrum
from .observed import align, measured_bits, placed, sex_shown
from .own_qualities import clean_kmers, quality_class
from .spike_in import blocks, bodies
from .strata import Strata
from .undetected import Counts, enrichment, undetected

ALPHA = 0.05 / 4  # of each of four upper ends, so that all hold together in 95 %
MEASURED, PANEL, SPECTRUM = (
    "measured",
    "bounded with a panel's frequencies",
    "bounded with a neutral spectrum",
)


Runs = Mapping[str, Sequence[Mapping[str, Any]]]


def tool_runs(
    tools: Mapping[str, Sequence[Mapping[str, str]]], calls: Sequence[str], usage: Sequence[str]
) -> dict[str, list[dict[str, str]]]:
    """Return the tools of each role with the paths of their `calls` and `usage`.

    Parameters
    ----------
    tools : mapping
        `remove` and `detection_tools`: per tool `tool` and `setting`.
    calls, usage : sequence of path
        One per tool, in the order of the roles and their tools.
    """
    runs: dict[str, list[dict[str, str]]] = {role: [] for role in tools}
    choices = [(role, tool) for role, chosen in tools.items() for tool in chosen]
    for (role, tool), path, used in zip(choices, calls, usage, strict=True):
        runs[role].append({**tool, "calls": path, "usage": used})
    return runs


def votes(runs: Sequence[Mapping[str, Any]], fragments: int) -> tuple[Mask, list[str]]:
    """Fragments that any of these tools calls human, and the tools that gave no calls."""
    human, silent = np.zeros(fragments, bool), []
    for run in runs:
        name = f"{run['tool']} {run['setting']}"
        if read_json(run["usage"])["status"] != OK:
            silent.append(name)
            continue
        calls = pq.read_table(run["calls"], columns=["fragment", "removed"])
        if len(calls) != fragments:
            raise refuse(name, "calls on other fragments than were given", "remove the reads again")
        human |= calls.column("removed").to_numpy(zero_copy_only=False)
    return human, silent


def is_spike(table: pd.DataFrame, fragments: int) -> Mask:
    """Which fragments of the spiked files are ours."""
    spike = np.zeros(fragments, bool)
    spike[table["number"].to_numpy()] = True
    return spike


def assess(
    inputs: Mapping[str, Any],
    runs: Runs,
    settings: Mapping[str, Any],
    output: str | Path,
    threads: int,
    step: Step,
) -> dict[str, Any]:
    """Measure and bound what is left, and write it as JSON.

    Parameters
    ----------
    inputs : mapping
        Paths: `reads` (the spiked files, one or two), `spikes`, `summary`, `host`; and the `donor`'s VCF, the `panel`
        and its `map`, or None for what is not given.
    runs : mapping
        `remove` and `detection_tools`, as `tool_runs` makes them.
    settings : mapping
        Of the release's config entry: `donor` (`sample`, or None), `risk`, `spike_ins`, `y_contigs`, `seed`.
    output : path
    threads : int
    step : Step

    Returns
    -------
    dict
        `tools`, `counts`, `miss_rate`, `undetected`, `enrichment`, `bits` (value, low, high, n; n is spike-ins),
        `found`, `information`, `sex`, `signs`, `how`.
    """
    summary = read_json(inputs["summary"])
    spikes = pd.read_parquet(inputs["spikes"])
    total = summary["fragments"] + len(spikes)
    spike = is_spike(spikes, total)
    removed, removers_without_calls = votes(runs["remove"], total)
    detected, detectors_without_calls = votes(runs["detection_tools"], total)
    known = Known(inputs, settings, summary)
    marked, clean = looked_at(inputs["reads"])
    signs = Signs.of(share_in(known.genome), marked, removed | detected, spike, ALPHA)
    detected |= marked  # one more detector, which needs no reference
    counts = Counts.of(removed, detected, spike, spikes["variants"].to_numpy())
    called = removed | detected
    strata = Strata.of(quality_class(clean), called & ~spike, spike, ~called)
    rate = strata.miss_rate(ALPHA)
    hidden = undetected(counts.detected, rate, ALPHA)
    names = np.flatnonzero(~removed & detected & ~spike)
    with tempfile.TemporaryDirectory(dir=Path(output).parent) as place:
        found = known.look(inputs["reads"], names, Path(place), threads, step)
    sex = found.pop("sex")
    more = enrichment(counts, ALPHA, settings["risk"]["largest_enrichment"])
    left = bits_left(counts, hidden, more, found, known.information(), settings)
    people = settings["risk"]["population"]
    result = {
        "tools": {
            "asked": len(runs["remove"]) + len(runs["detection_tools"]),
            "without_verdicts": sorted({*removers_without_calls, *detectors_without_calls}),
        },
        "counts": counts.as_dict(), "strata": strata.as_dict(), "miss_rate": rate.as_dict(),
        "undetected": hidden.as_dict(),
        "enrichment": more.as_dict(), "found": found, "bits": left.as_dict(), "sex": sex, "signs": signs.as_dict(),
        "information": {"bits_per_fragment": known.information().mean}, "how": known.how, "population": people,
    }  # fmt: skip
    if left.high is not None:
        nats = left.high * np.log(2)
        result |= {
            "posterior": posterior(nats, people),
            "anonymity_set": anonymity_set(nats, people),
        }
    write_json(output, result)
    seen = "%d removed, %d found afterwards, at most %s unseen"
    step.info(seen, counts.removed, counts.found, hidden.high)
    return result


def looked_at(reads: Sequence[str]) -> tuple[Mask, Floats]:
    """Which fragments show repeats of the human genome, and how many clean k-mers each is expected to have."""
    marks, clean = [np.zeros(0, bool)], [np.zeros(0)]
    for block in blocks(bodies(reads)):
        marks.append(human_signs(block))
        clean.append(clean_kmers(block))
    return np.concatenate(marks), np.concatenate(clean)


def bits_left(
    counts: Counts, hidden: Estimate, more: Estimate, found: Mapping[str, Any], each: Information,
    settings: Mapping[str, Any],
) -> Estimate:  # fmt: skip
    """Bits that all human fragments that are left tell together; missing where nobody knows how many there are.

    Fragments whose bits were measured count with them; all others with what a fragment tells, times the enrichment.
    """
    if hidden.value is None or hidden.high is None or more.value is None or more.high is None:
        return Estimate.missing(counts.spike_ins)
    exact, rest = float(found["bits"] or 0.0), counts.found - found["measured"]
    random = generator(settings["seed"], "read-release.bits")
    high = exact + more.high * each.upper(int(np.ceil(rest + hidden.high)), ALPHA, random)
    value = exact + max(1.0, more.value) * each.mean * (rest + hidden.value)
    return Estimate(min(value, high), exact, high, counts.spike_ins)


class Known:
    """What is known about donor and population, and so how the bits are found.

    Parameters
    ----------
    inputs, settings : mapping
        As `assess` takes them.
    summary : mapping
        Of the user's reads.
    """

    def __init__(
        self, inputs: Mapping[str, Any], settings: Mapping[str, Any], summary: Mapping[str, Any]
    ) -> None:
        self.settings, self.risk, self.host = settings, settings["risk"], inputs["host"]
        self.genome = read_fasta(self.host)
        spikes, self.longest = settings["spike_ins"], summary["length_max"]
        self.paired = summary["reads"] > summary["fragments"]
        whole = spikes["platform"] == "nanopore"
        size = ("length_mean", "length_sd") if whole else ("fragment_mean_bp", "fragment_sd_bp")
        sizes = summary if whole else spikes
        error = max(1e-3, min(summary["error"], 0.1))
        self.layout = Layout(
            summary["length_max"], self.paired, sizes[size[0]], sizes[size[1]], error, whole
        )
        self.panel: Panel | None = None
        self.lengths, self.how = GeneticMap.constant(), SPECTRUM
        if inputs.get("panel"):
            self.panel, self.how = read_panel(inputs["panel"], self.genome), PANEL
            if inputs.get("map"):
                self.lengths = read_map(inputs["map"], self.genome)
        if inputs.get("donor") and self.panel:
            self.panel = with_donor(
                self.panel, inputs["donor"], settings["donor"]["sample"], self.genome
            )
            self.how = MEASURED
        self._information: Information | None = None

    def information(self) -> Information:
        """What a fragment tells: of this donor, of the panel's people, or of anybody."""
        if self._information is None:
            random = generator(self.settings["seed"], "read-release.information")
            if self.panel is None:
                people = self.risk["population"]
                self._information = from_spectrum(
                    self.risk["diversity"], people, self.layout, random
                )
            elif self.how == MEASURED:
                own = [
                    bits_of(self.panel, len(self.panel.people) - 1, self.layout, random)
                    for _ in range(10)
                ]
                self._information = Information(np.concatenate(own)[None])
            else:
                people = len(self.panel.people)
                donors = random.choice(people, min(people, DONORS), replace=False)
                self._information = from_panel(self.panel, donors, self.layout, random)
        return self._information

    def look(
        self,
        reads: Sequence[str],
        numbers: npt.NDArray[np.int64],
        place: Path,
        threads: int,
        step: Step,
    ) -> dict[str, Any]:
        """Align the fragments found: `measured` of them on the panel with their `bits`, and the `sex` they show."""
        y = [name for name in self.genome.names if name in self.settings["y_contigs"]]
        nothing = {"measured": 0, "bits": None, "rank": None, "model": None, "sex": None}
        if not y and self.how != MEASURED:
            return nothing
        files = [str(place / f"found_{mate}.fastq") for mate, _ in enumerate(reads, start=1)]
        names = write_some(reads, numbers, files)
        answer = place / "found.sam"
        align(self.host, files, answer, self.longest, threads, step)
        where = placed(answer, self.panel, y)
        sex = sex_shown(where, self.genome, y, self.risk["bleed_through"])
        if self.how != MEASURED or self.panel is None:
            return {**nothing, "sex": sex}
        inside = [name for name in names if name in where.on_panel]
        told = measured_bits(answer, self.panel, inside, self.risk, self.lengths)
        return {**nothing, **told, "measured": len(inside), "sex": sex}


def write_some(
    reads: Sequence[str], numbers: npt.NDArray[np.int64], files: Sequence[str]
) -> list[str]:
    """Write the fragments of these numbers as plain FASTQ; their names."""
    wanted, names = iter(numbers.tolist()), []
    following = next(wanted, None)
    with ExitStack() as stack:
        outs = [stack.enter_context(Path(file).open("wb")) for file in files]
        for number, body in enumerate(bodies(reads)):
            if number != following:
                continue
            names.append(f"r{number:0{DIGITS}d}")
            for out, part in zip(outs, body, strict=True):
                out.write(f"@{names[-1]}\n".encode() + part)
            following = next(wanted, None)
    return names
