#!/usr/bin/env python3
"""Does the bound on the bits that a cleaned FASTQ leaves hold, and how tight is it beside the truth.

    AVATARFLOW_DATA=../shared/data PYTHONPATH=workflow/scripts .venv/bin/python experiments/reads/read_release.py

People of a real panel (chr20:1-4 Mb) give reads, mixed with E. coli. Each tool of `CLEANERS` cleans
them, the `DETECTORS` look at what is left, spike-ins come from mosaics of the panel, and the
release's own code counts, measures and bounds. The truth is known here: every human fragment that
was left in, at its true place, held against the donor with the mosaic model over all sites. Writes
`results/read_release.json`, a row per donor, error and cleaner.
"""

import argparse
import functools
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from avatarflow.config.loading import load, release_benchmarks
from avatarflow.core.paths import replacing
from avatarflow.reads.donors.individual import Donor, make_individual, outputs_in
from avatarflow.reads.donors.variation import Rates
from avatarflow.reads.genomes.genome import read_fasta
from avatarflow.reads.genomes.prepare import prepare_genomes
from avatarflow.reads.release import assess as assess_module
from avatarflow.reads.release import donor as donor_module
from avatarflow.reads.release.assess import assess, is_spike, votes
from avatarflow.reads.release.spike_in import spike_in
from avatarflow.reads.removal.catalogue import shipped_tools
from avatarflow.reads.removal.run import ToolSetting, build_index, remove_reads
from avatarflow.reads.risk.genetic_map import read_map
from avatarflow.reads.risk.identity import bits
from avatarflow.reads.risk.match import Model, ratios_of
from avatarflow.reads.risk.panel import Panel, read_panel
from avatarflow.reads.risk.placing import aligned_observations
from avatarflow.reads.simulation.joining import join_shards
from avatarflow.reads.simulation.simulate import simulate_shard
from avatarflow.reads.user_reads.take import take_reads
from avatarflow.runs.context import Step

RESULT = Path(__file__).parent / "results" / "read_release.json"
PROFILES = Path(__file__).parents[2] / "resources" / "error_profiles"
CLEANERS = (("minimap2", "sr"), ("bowtie2", "end-to-end"), ("kraken2", "default"), ("bwa", "mem"))
DETECTORS = (
    ("bowtie2", "very-sensitive-local-unpaired"),
    ("bwa", "mem"),
    ("minimap2", "sr"),
    ("kraken2", "default"),
)
WEAK = (("bowtie2", "end-to-end"), ("minimap2", "sr"))
KINDS = ("measured", "panel", "spectrum")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    data = Path(os.environ.get("AVATARFLOW_DATA", "../shared/data")) / "genomes"
    parser.add_argument("--data", type=Path, default=data)
    parser.add_argument("--donors", nargs="+", default=["HG00096", "HG00262", "HG01519"])
    parser.add_argument("--errors", type=float, nargs="+", default=[0.01, 0.06])
    parser.add_argument("--pairs", type=int, default=4_000)
    parser.add_argument("--spike-ins", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--weak",
        action="store_true",
        help="clean and detect with weak tools, so that much stays unseen",
    )
    parser.add_argument(
        "--append", action="store_true", help="keep the rows that the result has already"
    )
    parser.add_argument("--out", type=Path, default=RESULT)
    return parser.parse_args()


class Work:
    """Genomes, panel and indexes, made once in a folder."""

    def __init__(self, asked: argparse.Namespace, folder: Path) -> None:
        self.asked, self.folder, self.step = asked, folder, Step.null()
        self.cleaners, self.detectors = (WEAK, WEAK) if asked.weak else (CLEANERS, DETECTORS)
        self.vcf = str(asked.data / "panel/1kgp3_eur300_chr20_1-4Mb.phased.vcf.gz")
        self.map = str(asked.data / "panel/chr20_b37.gmap.gz")
        self.host, self.microbes = str(folder / "host.fa"), str(folder / "microbes.fa")
        reference = {
            "fasta": str(asked.data / "human/chr20_b37.fa.gz"),
            "region": "20:1000001-4000000",
        }
        microbes = {"Escherichia_coli": str(asked.data / "microbes/Ecoli_MG1655.fasta.gz")}
        prepare_genomes(reference, microbes, {}, asked.seed, self.host, self.microbes, self.step)
        genome = read_fasta(self.host)
        self.panel, self.lengths = read_panel(self.vcf, genome), read_map(self.map, genome)
        cached = functools.cache(lambda path, fewest: read_panel(path, genome, fewest))
        # one genome, one panel: read once, and not by every assessment
        for module in (assess_module, donor_module):
            module.read_panel = lambda path, genome, fewest=2: cached(str(path), fewest)  # type: ignore[attr-defined]
        config = load({"removal_tools": {}})
        self.tools = {name: config["removal_tools"][name] for name in shipped_tools()}
        for tool, setting in {*self.cleaners, *self.detectors}:
            index = folder / "index" / tool / setting
            paths = (self.host, str(index / "index"), str(index / "index.json"))
            chosen = ToolSetting(tool, self.tools[tool], setting)
            build_index(chosen, *paths, asked.threads, self.step)

    def settings(self, panel: bool, donor: str | None) -> dict[str, Any]:
        """A release's config entry with its defaults."""
        entry = {
            "own_reads": {"fastq1": "1", "fastq2": "2"}, "seed": self.asked.seed, "reference": {"fasta": self.host},
            "gates": {"reference_match": 0},  # a part of one chromosome
            "panel": {"vcf": self.vcf, "map": self.map} if panel else None,
            "donor": {"vcf": self.vcf, "sample": donor} if donor else None,
            "spike_ins": {"pairs": self.asked.spike_ins},
        }  # fmt: skip
        return dict(load({"read_releases": {"r": entry}})["read_releases"]["r"])

    def known_files(self, settings: Mapping[str, Any]) -> dict[str, str | None]:
        """What is known about the donor and the population, where the settings say so."""
        panel = settings["panel"] is not None
        return {
            "donor": self.vcf if settings["donor"] else None,
            "panel": self.vcf if panel else None,
            "map": self.map if panel else None,
        }

    def individual(self, name: str, panel: Mapping[str, Any]) -> dict[str, str]:
        """Somebody's variants."""
        place = self.folder / "people" / name
        if not place.is_dir():
            config = load(
                {
                    "read_releases": {
                        "r": {"own_reads": {"fastq1": "1"}, "reference": {"fasta": "1"}}
                    }
                }
            )
            rates = release_benchmarks(config)["r"]["rates"]
            make_individual(
                self.host,
                Donor(name, 0.0, Rates.of(rates), self.asked.seed, **panel),
                outputs_in(place),
                self.step,
            )
        return {key: str(place / f"{key}.parquet") for key in ("variants", "parts")}


def cell(work: Work, donor: str, error: float) -> Iterator[dict[str, Any]]:
    """One donor at one error: reads, spike-ins, all tools, and a row per cleaner."""
    asked, step = work.asked, work.step
    place = work.folder / donor / f"{error:g}"
    place.mkdir(parents=True)
    own = work.individual(donor, {"panel": work.vcf, "sample": donor})
    genomes = {
        "host": work.host,
        "microbes": work.microbes,
        "profile": str(PROFILES / "illumina.tsv"),
        **own,
    }
    reads = {
        "pairs": asked.pairs,
        "length_bp": 150,
        "fragment_mean_bp": 350,
        "fragment_sd_bp": 50,
        "indel_ratio": 0.01,
    }
    shard = {key: str(place / f"shard.{key}") for key in ("reads1", "reads2", "bam", "truth")}
    whole = {key: str(place / f"true.{key}") for key in shard}
    seeds = {"fragments": asked.seed + 1000, "errors": asked.seed + 1000}
    mixture = {"host_share": 0.9, "weights": {"Escherichia_coli": 1.0}}
    simulate_shard(
        genomes,
        reads,
        mixture,
        {"donor": donor, "error": error, "seeds": seeds},
        (0, 1),
        shard,
        step,
    )
    join_shards({key: [path] for key, path in shard.items()}, whole)
    taken = {key: str(place / f"own.{key}") for key in ("reads1", "reads2", "truth", "summary")}
    take_reads({"fastq1": whole["reads1"], "fastq2": whole["reads2"]}, 35, False, None, taken, step)
    spikes = [work.individual(f"spike{n}", {"panel": work.vcf, "sample": None}) for n in (1, 2, 3)]
    spiked = {key: str(place / f"spiked.{key}") for key in ("reads1", "reads2", "spikes")}
    more = {key: [one[key] for one in spikes] for key in ("variants", "parts")}
    inputs = {**genomes, **taken, **more}
    spike_in(inputs, work.settings(True, None)["spike_ins"], False, asked.seed, spiked, step)
    runs = {
        choice: classified(work, place, choice, spiked)
        for choice in {*work.cleaners, *work.detectors}
    }
    truth = pd.read_parquet(whole["truth"])
    for cleaner in work.cleaners:
        roles = {
            "remove": [runs[cleaner]],
            "detection_tools": [runs[choice] for choice in work.detectors if choice != cleaner],
        }
        given = {"reads": [spiked["reads1"], spiked["reads2"]], "spikes": spiked["spikes"],
                 "summary": taken["summary"], "host": work.host}  # fmt: skip
        row = {"donor": donor, "error": error, "cleaner": " ".join(cleaner),
               "detection_tools": len(roles["detection_tools"]), "pairs": asked.pairs,
               "spike_ins": asked.spike_ins}  # fmt: skip
        yield (
            row
            | known_truth(work, donor, truth, whole["bam"], roles, spiked["spikes"])
            | {
                kind: shortened(
                    assess(
                        {**given, **work.known_files(settings)},
                        roles,
                        settings,
                        place / "assessment.json",
                        asked.threads,
                        step,
                    )
                )
                for kind, settings in zip(
                    KINDS,
                    (
                        work.settings(True, donor),
                        work.settings(True, None),
                        work.settings(False, None),
                    ),
                    strict=True,
                )
            }
        )


def classified(
    work: Work, place: Path, choice: tuple[str, str], spiked: Mapping[str, str]
) -> dict[str, str]:
    """Run a tool on the spiked reads."""
    tool, setting = choice
    index = work.folder / "index" / tool / setting
    run = {
        "calls": str(place / f"{tool}.{setting}.parquet"),
        "usage": str(place / f"{tool}.{setting}.json"),
    }
    inputs = {
        "index": str(index / "index"),
        "index_usage": str(index / "index.json"),
        "reads": [spiked["reads1"], spiked["reads2"]],
    }
    chosen = ToolSetting(tool, work.tools[tool], setting)
    remove_reads(chosen, inputs, "either", 1, run, work.asked.threads, work.step)
    return {"tool": tool, "setting": setting, **run}


def known_truth(
    work: Work, donor: str, truth: pd.DataFrame, bam: str, roles: Mapping[str, Any], spikes: str
) -> dict[str, Any]:
    """What is really left: fragments, those that no tool sees, and bits at their true places."""
    table = pd.read_parquet(spikes)
    total = len(truth) + len(table)
    spike = is_spike(table, total)
    removed, detected = (
        votes(roles[role], total)[0][~spike] for role in ("remove", "detection_tools")
    )
    human = (truth["source"] == "human").to_numpy()
    left, unseen = human & ~removed, human & ~removed & ~detected
    return {
        "human": int(human.sum()), "left": int(left.sum()), "unseen": int(unseen.sum()),
        "microbial_removed": int((removed & ~human).sum()), "bits": true_bits(work, donor, truth[left], bam),
        "bits_unseen": true_bits(work, donor, truth[unseen], bam),
    }  # fmt: skip


def true_bits(work: Work, donor: str, left: pd.DataFrame, bam: str) -> float:
    """Bits of these fragments at their true places, by the mosaic model."""
    panel: Panel = work.panel
    observed = aligned_observations(
        bam, panel, {name: row for row, name in enumerate(left["fragment"])}
    )
    ratios = ratios_of(observed, panel, panel.people.index(donor), Model(), work.lengths)
    return bits(float(ratios.linked[panel.people.index(donor)]))


def shortened(found: Mapping[str, Any]) -> dict[str, Any]:
    """What a row keeps of an assessment."""
    return {
        "bits": found["bits"], "measured_bits": found["found"]["bits"], "undetected": found["undetected"],
        "found": found["counts"]["found"], "miss_rate": found["miss_rate"], "enrichment": found["enrichment"],
        "bits_per_fragment": found["information"]["bits_per_fragment"],
    }  # fmt: skip


def main() -> None:
    """Measure and write."""
    asked = arguments()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as place:
        work = Work(asked, Path(place))
        for error in asked.errors:
            for donor in asked.donors:
                for row in cell(work, donor, error):
                    rows.append(row)
                    highs = ", ".join(f"{kind} {row[kind]['bits']['high']:.1f}" for kind in KINDS)
                    print(
                        f"{donor} e{error:g} {row['cleaner']}: left {row['left']}, unseen {row['unseen']} "
                        f"(at most {row['panel']['undetected']['high']:.0f}), bits {row['bits']:.1f}; {highs}",
                        flush=True,
                    )
    if asked.append and asked.out.is_file():
        rows = json.loads(asked.out.read_text(encoding="utf-8"))["rows"] + rows
    held = {kind: sum(row["bits"] <= row[kind]["bits"]["high"] for row in rows) for kind in KINDS}
    seen = sum(row["unseen"] <= row["panel"]["undetected"]["high"] for row in rows)
    result = {
        "seed": asked.seed,
        "held": {**held, "undetected": seen, "of": len(rows)},
        "rows": rows,
    }
    with replacing(asked.out) as path:
        path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"held: {result['held']}")


if __name__ == "__main__":
    main()
