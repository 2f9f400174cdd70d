#!/usr/bin/env python3
"""How much memory making people and reads takes: flat in the number of reads, and a whole chromosome.

    PYTHONPATH=workflow/scripts .venv/bin/python experiments/reads/simulator_memory.py --fasta .../chr20_b37.fa.gz

Every step is a process of its own, as in the workflow, and its peak (resident set, MB) is the kernel's. Without
--fasta, the chromosome is made up, 63 Mb long. Writes `results/simulator_memory.json`;
takes about five minutes.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from avatarflow.core.paths import write_json
from avatarflow.reads.donors.coalescent import panel_files, simulate_panel
from avatarflow.reads.donors.individual import Donor, make_individual, outputs_in
from avatarflow.reads.donors.variation import Rates
from avatarflow.reads.genomes.genome import read_fasta
from avatarflow.reads.genomes.prepare import prepare_genomes
from avatarflow.reads.removal import run as removal
from avatarflow.reads.simulation.simulate import simulate_shard
from avatarflow.runs.context import Step

RESULT = Path(__file__).parent / "results" / "simulator_memory.json"
PROFILE = Path(__file__).resolve().parents[2] / "resources" / "error_profiles" / "illumina.tsv"
LAYOUT = {
    "length_bp": 150,
    "fragment_mean_bp": 350,
    "fragment_sd_bp": 50,
    "indel_ratio": 0.01,
    "error": 0.01,
}
RATES = {"indel_share": 0.1, "indel_mean_bp": 2.5, "homozygous_share": 0.35, "ti_tv": 2.1}
HISTORY = {"people": 200, "demography": "european", "effective_size": 10_000, "mutation_rate": 2.35e-8,
           "recombination_rate": 1.0e-8}  # fmt: skip


def genomes(place: Path, fasta: str | None, length_bp: int) -> None:
    """The step prepare_genomes."""
    reference = {"fasta": fasta, "region": None, "generated_bp": length_bp}
    generated = {"count": 3, "length_bp": 1_000_000}
    host, microbes = f"{place}/host.fa", f"{place}/microbes.fa"
    prepare_genomes(reference, {}, generated, 1, host, microbes, Step.null())


def people(place: Path) -> None:
    """The step simulate_panel."""
    simulate_panel(
        f"{place}/host.fa", HISTORY, RATES, 1, panel_files(place / "people"), Step.null()
    )


def individual(place: Path, panel: bool) -> None:
    """The step make_individual, at 0.001 from rates, or somebody of the panel."""
    source = {"panel": f"{place}/people/panel.vcf.gz", "sample": "person1"} if panel else {}
    make_individual(
        f"{place}/host.fa",
        Donor("d", 0.001, Rates.of(RATES), 1, **source),
        outputs_in(place / "person"),
        Step.null(),
    )


def reads(place: Path, pairs: int) -> None:
    """The step simulate_reads, as one shard."""
    files = {
        "host": f"{place}/host.fa",
        "microbes": f"{place}/microbes.fa",
        "profile": str(PROFILE),
    }
    files |= {name: f"{place}/person/{name}.parquet" for name in ("variants", "parts")}
    out = {"reads1": "1.bgzf", "reads2": "2.bgzf", "bam": "truth.bgzf", "truth": "truth.parquet"}
    mixture = {"host_share": 0.5, "weights": {f"microbe{number}": 1.0 for number in (1, 2, 3)}}
    cell = {"donor": "d", "error": LAYOUT["error"], "seeds": {"fragments": 1, "errors": 1}}
    outputs = {name: str(place / file) for name, file in out.items()}
    simulate_shard(files, {**LAYOUT, "pairs": pairs}, mixture, cell, (0, 1), outputs, Step.null())


STEPS = {"genomes": genomes, "people": people, "individual": individual, "reads": reads}


def measured(step: str, place: Path, **given: Any) -> Mapping[str, float]:
    """Peak and time of one step in a process of its own."""
    usage = place / "usage.json"
    own = [sys.executable, __file__, "--child", step, json.dumps({"place": str(place), **given})]
    subprocess.run(
        [sys.executable, "-I", "-S", str(removal.LAUNCHER), str(usage), *own], check=True
    )
    used = json.loads(usage.read_text())
    sys.stdout.write(
        f"{step} {given}: {used['peak_mb']:.0f} MB, {used['cpu_s']:.0f} s of processor time\n"
    )
    sys.stdout.flush()
    return {"peak_mb": round(used["peak_mb"], 1), "cpu_s": round(used["cpu_s"], 1)}


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fasta", help="chromosome of the second part")
    parser.add_argument(
        "--pairs", type=int, default=50_000, help="N; the second run has ten times as many"
    )
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        values = json.loads(given.child[1])
        STEPS[given.child[0]](Path(values.pop("place")), **values)
        return
    found: dict[str, Any] = {"flat": {}, "chromosome": {}}
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        measured("genomes", place, fasta=None, length_bp=2_000_000)
        measured("individual", place, panel=False)
        for pairs in (given.pairs, 10 * given.pairs):
            found["flat"][f"pairs_{pairs}"] = measured("reads", place, pairs=pairs)
    few, many = (part["peak_mb"] for part in found["flat"].values())
    found["flat"]["ratio"] = round(many / few, 3)
    with tempfile.TemporaryDirectory() as name:
        place, part = Path(name), found["chromosome"]
        part["genomes"] = measured("genomes", place, fasta=given.fasta, length_bp=63_000_000)
        part["bases"] = len(read_fasta(place / "host.fa").codes)
        part["individual"] = measured("individual", place, panel=False)
        part["pairs_at_1x"] = part["bases"] // (2 * LAYOUT["length_bp"])
        # half of them are microbial
        part["reads"] = measured("reads", place, pairs=2 * part["pairs_at_1x"])
        part["people"] = measured("people", place)
        part["individual_of_people"] = measured("individual", place, panel=True)
    part["largest_mb"] = max(value["peak_mb"] for value in part.values() if isinstance(value, dict))
    write_json(RESULT, found)


if __name__ == "__main__":
    main()
