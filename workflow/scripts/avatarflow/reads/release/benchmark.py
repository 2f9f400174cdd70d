"""The benchmark that a read release runs: tools on the user's reads, with simulated people's reads mixed in.

Imported while Snakemake parses: standard library only.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from avatarflow.reads.user_reads.choices import own_read_problems


def benchmark_of_release(release: Mapping[str, Any]) -> dict[str, Any]:
    """Return the benchmark, without its defaults, that gives a release its reads, donors and calls."""
    spikes, panel = release["spike_ins"], release["panel"]
    mosaic = {"vcf": panel["vcf"], "mosaic": True} if panel else None
    tools = [*release["remove"], *release["detection_tools"]]
    return {
        "reference": release["reference"],
        "microbes": {"generated": {"count": 1, "length_bp": 10_000}},
        "own_reads": release["own_reads"],
        "donors": {
            f"spike{number}": {"panel": mosaic} for number in range(1, spikes["donors"] + 1)
        },
        "reads": {
            "variation": [spikes["variation"]],
            "platform": spikes["platform"],
            "profile": spikes["profile"],
        },
        "rates": release["rates"],
        "tools": [tool for number, tool in enumerate(tools) if tool not in tools[:number]],
        "mate_rule": release["mate_rule"],
        "seeds": {"genome": release["seed"], "variation": release["seed"]},
    }


def release_problems(
    name: str, release: Mapping[str, Any], benchmarks: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    """What a schema cannot say about a release: where, what was found, what to do."""
    where = f"config read_releases.{name}"
    if release["own_reads"] is None:
        yield f"{where}.own_reads", "no reads", "name your FASTQ under own_reads.fastq1"
    yield from own_read_problems(where, release)
    if name in benchmarks:
        yield (
            where,
            "the name of a read benchmark too",
            "give one of them another name: both write to results/read_benchmarks/<name>/",
        )
    if release["donor"] and not release["panel"]:
        yield (
            f"{where}.donor",
            "no panel",
            "give the panel too: bits are measured with its allele frequencies",
        )
    both = [tool for tool in release["detection_tools"] if tool in release["remove"]]
    if both:
        names = ", ".join(f"{tool['tool']} {tool['setting']}" for tool in both)
        yield (
            f"{where}.detection_tools",
            f"{names}, which removes already",
            "detect with other tools, or other settings",
        )
