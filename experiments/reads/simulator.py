"""The simulator beside its peers, in one paired run on one core each: writes results/simulator.json.

    .venv/bin/python experiments/reads/simulator.py \
        [--pairs 100000] [--bases 200000000] [--repeats 3] [--only short|long]

Every tool gets one made-up chromosome and makes as many pairs of 2 x 150, or about as many bases of
long reads (mean length 3,000, 15 % errors); rounds go through the tools in turn, so that whatever
else the machine does meets all of them. With `--only`, the file keeps the other half as it was
measured before. Rates are medians over the rounds, in reads (long reads: bases) per second of
processor time of the tool's own process, start and input included; seconds of the clock are written
beside them. Ours and ART write plain FASTQ and an alignment of every read (ART: SAM; ours: BAM
without compression, with the cause of every base, and the table of fragments, which ART does not
have); wgsim writes plain FASTQ and no alignments; pbsim writes plain FASTQ and alignments (MAF),
ours the same as for pairs. Tools that are not on PATH are named as missing.
"""

import argparse
import gzip
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "workflow" / "scripts"))
RESULT = ROOT / "benchmarks" / "results" / "simulator.json"
LENGTH, GENOME_BP, LEVEL, ERROR = 150, 5_000_000, 0.001, 0.01
LONG_MEAN, LONG_SD, LONG_ERROR = 3000, 2300, 0.15  # pbsim's own lengths
TOOLS = {
    "short": ("own", "own_compressed", "art", "wgsim", "mason", "dwgsim", "insilicoseq"),
    "long": ("own_long", "own_long_compressed", "pbsim"),
}


def own(folder: Path, count: int, compressed: bool, long: bool = False) -> list[str]:
    """The command that runs this simulator: see `child`."""
    return [
        sys.executable,
        __file__,
        "--child",
        str(folder),
        str(count),
        str(int(compressed)),
        str(int(long)),
    ]


def long_settings(count: int) -> dict[str, object]:
    """The config's `reads` of long reads, as much like pbsim's as the laws allow; neither chimeras nor junk."""
    adapter = {"share": 0.0, "sequence": "ACGT"}
    laws = {
        "length_distribution": "gamma",
        "mean_bp": LONG_MEAN,
        "sd_bp": LONG_SD,
        "min_bp": 100,
        "max_bp": 25000,
    }
    long = {**laws, "chimeras": 0.0, "junk": 0.0, "adapters": {"start": adapter, "end": adapter}}
    return {"platform": "nanopore", "pairs": count, "long": long}


def child(folder: Path, count: int, compressed: bool, long: bool) -> None:
    """Simulate one shard as the rule does, without compression or with it."""
    from avatarflow.reads import bgzf
    from avatarflow.reads.simulation import simulate
    from avatarflow.runs.context import Step

    if not compressed:
        simulate.bgzf = Plain(bgzf)  # type: ignore[attr-defined]
    paths = {name: str(folder / name) for name in ("host.fa", "microbes.fa")}
    files = {"host": paths["host.fa"], "microbes": paths["microbes.fa"]}
    files |= {name: str(folder / "person" / f"{name}.parquet") for name in ("variants", "parts")}
    profile = "nanopore" if long else "illumina"
    files["profile"] = str(ROOT / "resources" / "error_profiles" / f"{profile}.tsv")
    pairs = {"pairs": count, "length_bp": LENGTH, "fragment_mean_bp": 350.0, "fragment_sd_bp": 50.0}
    reads = long_settings(count) if long else {**pairs, "indel_ratio": 0.01}
    cell = {
        "donor": "donor",
        "error": LONG_ERROR if long else ERROR,
        "seeds": {"fragments": 1, "errors": 1},
    }
    out = {key: str(folder / "own" / key) for key in ("reads1", "reads2", "bam", "truth")}
    simulate.simulate_shard(
        files, reads, {"host_share": 1.0, "weights": {}}, cell, (0, 1), out, Step.null()
    )


class Plain:
    """FASTQ as it is, BAM in blocks without compression (a BAM must be in blocks)."""

    def __init__(self, bgzf: object) -> None:
        self.bgzf = bgzf

    def compress(self, data: memoryview) -> bytes:
        """Text stays; the rest is stored."""
        return bytes(data) if data[:1] == b"@" else self.bgzf.compress(data, 0)  # type: ignore[attr-defined]


def commands(folder: Path, pairs: int, bases: int) -> dict[str, list[str]]:
    """Each peer's command, for as many reads or about as many bases."""
    host, size = str(folder / "host.fa"), str(LENGTH)
    coverage = f"{2 * pairs * LENGTH / GENOME_BP:.6f}"
    out = str(folder)
    art = [
        "art_illumina",
        "-ss",
        "HS25",
        "-i",
        host,
        "-p",
        "-l",
        size,
        "-f",
        coverage,
        "-m",
        "350",
        "-s",
        "50",
    ]
    wgsim = [
        "wgsim",
        "-N",
        str(pairs),
        "-1",
        size,
        "-2",
        size,
        "-d",
        "350",
        "-s",
        "50",
        "-e",
        str(ERROR),
    ]
    model = "/usr/share/pbsim/models/model_qc_clr"
    mason = [
        shutil.which("mason_simulator") or "/usr/lib/seqan/bin/mason_simulator",
        "-ir",
        host,
        "-n",
        str(pairs),
    ]
    dwgsim = [
        "dwgsim",
        "-N",
        str(pairs),
        "-1",
        size,
        "-2",
        size,
        "-d",
        "350",
        "-e",
        str(ERROR),
        "-E",
        str(ERROR),
    ]
    iss = [
        "iss",
        "generate",
        "--genomes",
        host,
        "--model",
        "hiseq",
        "--n_reads",
        str(2 * pairs),
        "--cpus",
        "1",
    ]
    accuracy = [
        "--accuracy-mean",
        str(1 - LONG_ERROR),
        "--length-mean",
        str(LONG_MEAN),
        "--length-sd",
        str(LONG_SD),
    ]
    pbsim = [
        "pbsim",
        "--data-type",
        "CLR",
        "--depth",
        f"{bases / GENOME_BP:g}",
        "--model_qc",
        model,
        *accuracy,
    ]
    return {
        "own": own(folder, pairs, False),
        "own_compressed": own(folder, pairs, True),
        "art": [*art, "-rs", "1", "-sam", "-na", "-q", "-o", f"{out}/art"],
        "wgsim": [*wgsim, "-r", str(LEVEL), "-S", "1", host, f"{out}/w1.fq", f"{out}/w2.fq"],
        "mason": [
            *mason,
            "-o",
            f"{out}/m1.fq",
            "-or",
            f"{out}/m2.fq",
            "-oa",
            f"{out}/m.sam",
            "--illumina-read-length",
            size,
            "--fragment-mean-size",
            "350",
            "--seed",
            "1",
            "--num-threads",
            "1",
        ],
        "dwgsim": [
            *dwgsim,
            "-r",
            str(LEVEL),
            "-y",
            "0",
            "-z",
            "1",
            "-o",
            "1",
            host,
            f"{out}/dwgsim",
        ],
        "insilicoseq": [*iss, "--seed", "1", "--output", f"{out}/iss"],
        "own_long": own(folder, bases // LONG_MEAN, False, True),
        "own_long_compressed": own(folder, bases // LONG_MEAN, True, True),
        "pbsim": [*pbsim, "--seed", "1", "--prefix", f"{out}/pbsim", host],
    }


def timed(command: list[str], folder: Path) -> tuple[float, float]:
    """Seconds of processor time and of the clock that a command takes."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(command, cwd=folder, check=True, capture_output=True, env=environment)
    after, clock = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - began
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, clock


def prepare(folder: Path) -> None:
    """One chromosome, one person."""
    from avatarflow.reads.donors.individual import Donor, make_individual, outputs_in
    from avatarflow.reads.donors.variation import Rates
    from avatarflow.reads.genomes.genome import write_fasta
    from avatarflow.reads.genomes.random_genomes import random_genome
    from avatarflow.runs.context import Step

    write_fasta(folder / "host.fa", random_genome("chr1", GENOME_BP, 0.41, 0.3, 1))
    write_fasta(folder / "microbes.fa", random_genome("m:m", 10_000, 0.5, 0.0, 1))
    rates = {"indel_share": 0.1, "indel_mean_bp": 2.5, "homozygous_share": 0.35, "ti_tv": 2.1}
    make_individual(
        str(folder / "host.fa"),
        Donor("donor", LEVEL, Rates.of(rates), 1),
        outputs_in(folder / "person"),
        Step.null(),
    )
    (folder / "own").mkdir()


def reads_in(path: Path) -> tuple[int, int]:
    """Reads and bases of a FASTQ file."""
    count = bases = 0
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
        for number, line in enumerate(file):
            if number % 4 == 1:
                count, bases = count + 1, bases + len(line) - 1
    return count, bases


def made(tool: str, folder: Path, plain: dict[str, tuple[int, int]]) -> tuple[int, int]:
    """Reads and bases that a tool's last run wrote; counted, or those of the same run without compression."""
    files = {
        "own": ["own/reads1", "own/reads2"], "art": ["art1.fq", "art2.fq"], "wgsim": ["w1.fq", "w2.fq"],
        "mason": ["m1.fq", "m2.fq"], "dwgsim": ["dwgsim.bwa.read1.fastq.gz", "dwgsim.bwa.read2.fastq.gz"],
        "insilicoseq": ["iss_R1.fastq", "iss_R2.fastq"],
        "own_long": ["own/reads1"], "pbsim": ["pbsim_0001.fastq"],
    }  # fmt: skip
    if tool not in files:
        return plain[tool.removesuffix("_compressed")]
    counts = [reads_in(folder / name) for name in files[tool]]
    return sum(count for count, _ in counts), sum(bases for _, bases in counts)


def version(tool: str) -> str:
    """What a Debian tool's package says it is."""
    package = {
        "art": "art-nextgen-simulation-tools",
        "wgsim": "samtools",
        "pbsim": "pbsim",
        "mason": "seqan-apps",
        "dwgsim": "dwgsim",
    }.get(tool)
    if package is None or shutil.which("dpkg-query") is None:
        return "this repository"
    done = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True
    )
    return f"{package} {done.stdout}" if done.returncode == 0 else "unknown"


def measure(pairs: int, bases: int, repeats: int, half: str) -> dict[str, object]:
    """The rounds of short or long reads, their medians and the ratios."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        todo = {
            tool: part
            for tool, part in commands(folder, pairs, bases).items()
            if tool in TOOLS[half]
        }
        missing = [tool for tool, command in todo.items() if shutil.which(command[0]) is None]
        todo = {tool: command for tool, command in todo.items() if tool not in missing}
        # the first start compiles
        subprocess.run(own(folder, 10, False, half == "long"), check=True)
        start = timed(own(folder, 10, False, half == "long"), folder)[0]
        rounds: dict[str, list[tuple[float, float]]] = {tool: [] for tool in todo}
        amounts: dict[str, tuple[int, int]] = {}
        for number in range(repeats):
            for tool, command in todo.items():
                if tool == "own_long_compressed" and number:
                    continue  # a minute each, nearly all of it in zlib: once
                rounds[tool].append(timed(command, folder))
                amounts[tool] = made(tool, folder, amounts)
    tools = {tool: row(tool, rounds[tool], *amounts[tool]) for tool in todo}
    return {
        **({"pairs": pairs} if half == "short" else {"bases": bases}),
        "repeats": repeats,
        "missing": missing,
        "own_start_s": round(start, 3),
        "tools": tools,
        **ratios(tools),
    }


def row(tool: str, times: list[tuple[float, float]], reads: int, bases: int) -> dict[str, object]:
    """One tool's figures."""
    processor = statistics.median(one for one, _ in times)
    return {
        "version": version(tool),
        "reads": reads,
        "bases": bases,
        "processor_s": [round(one, 3) for one, _ in times],
        "clock_s": [round(one, 3) for _, one in times],
        "reads_per_s": round(reads / processor),
        "bases_per_s": round(bases / processor),
    }


def ratios(tools: dict[str, dict[str, object]]) -> dict[str, float]:
    """Our rate over a peer's."""
    value: Callable[[str, str], float] = lambda tool, what: float(str(tools[tool][what]))  # noqa: E731
    out = {}
    for peer in ("art", "wgsim", "mason", "dwgsim", "insilicoseq"):
        if peer in tools:
            out[f"ratio_to_{peer}"] = round(
                value("own", "reads_per_s") / value(peer, "reads_per_s"), 3
            )
            if "own_compressed" in tools:
                packed = value("own_compressed", "reads_per_s") / value(peer, "reads_per_s")
                out[f"compressed_ratio_to_{peer}"] = round(packed, 3)
    if "pbsim" in tools:
        for name, mine in (
            ("ratio_to_pbsim", "own_long"),
            ("compressed_ratio_to_pbsim", "own_long_compressed"),
        ):
            out[name] = round(value(mine, "bases_per_s") / value("pbsim", "bases_per_s"), 3)
    return out


def main() -> None:
    """Read the arguments, measure, write."""
    if "--child" in sys.argv:
        folder, count, compressed, long = sys.argv[-4:]
        child(Path(folder), int(count), compressed == "1", long == "1")
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--bases", type=int, default=200_000_000)
    parser.add_argument(
        "--only", choices=list(TOOLS), help="measure pairs alone, or long reads alone"
    )
    arguments = parser.parse_args()
    result = json.loads(RESULT.read_text()) if RESULT.is_file() else {}
    short = {key: value for key, value in result.items() if key != "long"}
    long = result.get("long", {})
    if arguments.only != "long":
        short = measure(arguments.pairs, arguments.bases, arguments.repeats, "short")
    if arguments.only != "short":
        long = measure(arguments.pairs, arguments.bases, arguments.repeats, "long")
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps({**short, "long": long}, indent=1) + "\n")
    for half in (short, long):
        print(json.dumps({key: value for key, value in half.items() if key != "tools"}))


if __name__ == "__main__":
    main()
