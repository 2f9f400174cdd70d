"""How long planning takes for 100, 1,000 and 10,000 jobs, and what a scripted rule costs beyond Snakemake's own share.

    .venv/bin/python experiments/machine/planning.py [jobs ...]

Writes results/planning.json. Wall and processor seconds: the first is what a user waits, the second
is not lengthened by what else the machine does.
"""

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
RESULT = ROOT / "benchmarks" / "results" / "planning.json"
PER_RELEASE = 25  # jobs of one small release with its sampling in two shards, about
ENTRY = {
    "source": {"generate": {"kind": "fundus", "persons": 40}},
    "gates": {},
    "conditions": {"sex": ["female", "male"], "eye_side": ["left", "right"]},
    "size_px": 32,
}
RULES = """

rule all:
    input: expand("{{kind}}/{{n}}.txt", kind=["bare", "step"], n=range({count}))
rule bare:
    output: "bare/{{n}}.txt"
    script: "bare.py"
rule step:
    output: "step/{{n}}.txt"
    log: "logs/{{n}}.log"
    benchmark: "benchmarks/{{n}}.tsv"
    params: entry="releases/none"
    script: "step.py"
"""
BARE = "from pathlib import Path\nPath(snakemake.output[0]).touch()\n"
STEP = f"""import sys
sys.path.append({str(ROOT / "workflow" / "scripts")!r})
from pathlib import Path
from avatarflow.runs.context import step
with step(snakemake) as run:
    run.metric("loss", 1.0)
    Path(snakemake.output[0]).touch()
"""


def timed(command, folder):
    """Run a command; wall and processor seconds of it and its children, and what it wrote."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr[-3000:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall_s": round(wall, 2), "cpu_s": round(cpu, 2)}, done.stdout


def snakemake(*arguments):
    """A command line of Snakemake."""
    return [sys.executable, "-m", "snakemake", *arguments]


def plan(jobs, folder):
    """A dry run of as many small releases as make that many jobs."""
    releases = {f"r{number:05d}": ENTRY for number in range(max(1, round(jobs / PER_RELEASE)))}
    config = folder / "config.yaml"
    config.write_text(
        yaml.dump({"seed": 1, "releases": releases}, Dumper=NoAliases), encoding="utf-8"
    )
    used, said = timed(
        snakemake("-s", str(ROOT / "workflow" / "Snakefile"), "--configfile", str(config), "--directory", str(folder),
                  "--dry-run", "--quiet", "rules", "--set-scatter", "sample=2", "--scheduler", "greedy", "-c", "2"),
        folder,
    )  # fmt: skip
    total = next(line for line in said.splitlines() if line.startswith("total"))
    return {"asked": jobs, "releases": len(releases), "jobs": int(total.split()[1]), **used}


class NoAliases(yaml.SafeDumper):
    """YAML in which equal entries are written out, as a user's are."""

    def ignore_aliases(self, data):
        """Never."""
        return True


def overhead(folder, count=10):
    """Seconds per job of rules with and without `step`, run one at a time."""
    (folder / "Snakefile").write_text(RULES.format(count=count), encoding="utf-8")
    (folder / "bare.py").write_text(BARE, encoding="utf-8")
    (folder / "step.py").write_text(STEP, encoding="utf-8")
    seconds = {"bare": [], "step": []}
    for _ in range(2):  # in turn, so that a busy machine slows both
        for kind, walls in seconds.items():
            targets = [f"{kind}/{number}.txt" for number in range(count)]
            used, _ = timed(
                snakemake("--cores", "1", "--forcerun", kind, "--quiet", "all", "--", *targets),
                folder,
            )
            walls.append(used["wall_s"] / count)
    per_job = {kind: round(statistics.median(walls), 3) for kind, walls in seconds.items()}
    return {
        **per_job,
        "beyond_snakemake_s": round(per_job["step"] - per_job["bare"], 3),
        "jobs": count,
        "rounds": seconds,
    }


def main():
    """Measure, show, write."""
    sizes = [int(word) for word in sys.argv[1:]] or [100, 1000, 10000]
    with tempfile.TemporaryDirectory() as folder:
        per_job = overhead(Path(folder))
    planned = []
    for jobs in sizes:
        with tempfile.TemporaryDirectory() as folder:
            planned.append(plan(jobs, Path(folder)))
            print(planned[-1], flush=True)
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    machine = {
        "cores": os.cpu_count(),
        "load_at_the_end": os.getloadavg()[0],
        "python": platform.python_version(),
    }
    RESULT.write_text(
        json.dumps({"planning": planned, "per_job": per_job, "machine": machine}, indent=1) + "\n"
    )
    print(json.dumps(per_job))


if __name__ == "__main__":
    main()
