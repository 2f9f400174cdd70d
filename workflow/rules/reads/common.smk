# What the rules of the reads wing ask the config: settings, paths and seeds of a wildcard's benchmark, files of a grid.

from itertools import product
from pathlib import Path
from types import MappingProxyType

from snakemake.exceptions import WorkflowError

from avatarflow.reads.removal.catalogue import absent, index_owner

RELEASE_BENCHMARKS = MappingProxyType(release_benchmarks(config))
"""The benchmark that each read release runs, by the release's name; no entry of `read_benchmarks` has such a name."""


def benchmark_of(wildcards):
    """The settings of a read benchmark: one of the user's, or that of a read release."""
    if wildcards.name in RELEASE_BENCHMARKS:
        return RELEASE_BENCHMARKS[wildcards.name]
    return entry("read_benchmarks", wildcards.name)


def read_seed(wildcards, purpose):
    """The seed of one purpose: the entry's own, else the configuration's."""
    own = benchmark_of(wildcards)["seeds"][purpose]
    return config["seed"] if own is None else own


def reference_file(wildcards):
    """The host's FASTA, where one is given."""
    fasta = benchmark_of(wildcards)["reference"]["fasta"]
    return {"reference": data(fasta)} if fasta else {}


def reference_settings(*keys):
    """A params function: settings of the host."""
    return lambda wildcards: {key: benchmark_of(wildcards)["reference"][key] for key in keys}


def present_genomes(wildcards):
    """The configured microbes; an optional one only where its file is there."""
    genomes = benchmark_of(wildcards)["microbes"]["genomes"]
    return {
        taxon: part
        for taxon, part in genomes.items()
        if not part["optional"] or Path(data(part["fasta"])).is_file()
    }


def regions_of(wildcards):
    """Class of places to its BED file, as configured."""
    return benchmark_of(wildcards)["reference"]["regions"]


def panel_file(wildcards):
    """The panel of a donor who has one."""
    panel = panel_of(wildcards, wildcards.donor)
    return {"panel": panel["vcf"]} if panel else {}


def panel_sample(wildcards):
    """The panel's column that a donor is; None for a mosaic, and without a panel."""
    panel = panel_of(wildcards, wildcards.donor)
    return panel["sample"] if panel else None


def panel_of(wildcards, donor):
    """A donor's panel, configured or simulated: its path, and a column or none for a mosaic; none without a panel."""
    part = benchmark_of(wildcards)["donors"][donor]
    if part["coalescent"]:
        vcf = f"results/read_benchmarks/{wildcards.name}/people/panel.vcf.gz"
        return {"vcf": vcf, "sample": f"person{part['coalescent']['person']}"}
    return (
        {"vcf": data(part["panel"]["vcf"]), "sample": part["panel"]["sample"]}
        if part["panel"]
        else None
    )


def mixture_of(wildcards):
    """Host share and the weight of each microbe, or depths; and what is spiked in."""
    settings = benchmark_of(wildcards)
    microbes = settings["microbes"]
    made_up = {f"microbe{number}": 1.0 for number in range(1, microbes["generated"]["count"] + 1)}
    weights = {
        taxon: part["weight"] for taxon, part in present_genomes(wildcards).items()
    } or made_up
    more = {key: settings[key] for key in ("depths", "spike_ins")}
    return {"host_share": settings["host_share"], "weights": weights, **more}


def layout_of(wildcards):
    """Only what one cell's reads depend on: a longer grid must not simulate the old cells again."""
    reads = benchmark_of(wildcards)["reads"]
    return {key: value for key, value in reads.items() if key not in ("error", "variation")}


PROFILES = Path(workflow.basedir).parent / "resources" / "error_profiles"


def error_profile(wildcards):
    """The file of the configured error profile."""
    reads = benchmark_of(wildcards)["reads"]
    if reads["fit"]:
        return f"results/read_benchmarks/{wildcards.name}/profile.tsv"
    profile = reads["profile"] or reads["platform"]
    known = sorted(path.stem for path in PROFILES.glob("*.tsv"))
    if profile not in known:
        where = f"config read_benchmarks.{wildcards.name}.reads.profile"
        if wildcards.name in RELEASE_BENCHMARKS:
            where = f"config read_releases.{wildcards.name}.spike_ins.profile"
        raise WorkflowError(f"{where}: no profile {profile!r}; take one of {', '.join(known)}")
    return str(PROFILES / f"{profile}.tsv")


def fitted_from(wildcards):
    """The BAM that a profile is fitted from, and its reference where one is named."""
    fit = benchmark_of(wildcards)["reads"]["fit"]
    return {key: data(fit[key]) for key in ("bam", "reference") if fit[key]}


def shard_files(kind):
    """An input function: one kind of file of every shard of a cell."""
    folder = (
        "results/read_benchmarks/{w.name}/reads/{w.donor}/e{w.error}_v{w.variation}/shards/{shard}/"
    )
    return lambda wildcards: [
        folder.format(w=wildcards, shard=shard) + kind
        for shard in range(benchmark_of(wildcards)["shards"])
    ]


def own_read_files(wildcards):
    """The files of a user's reads: mates and truth where they are given."""
    own = benchmark_of(wildcards)["own_reads"]
    return {key: data(own[key]) for key in ("fastq1", "fastq2", "truth") if own[key]}


def read_files(wildcards):
    """What a removal tool is given: both files of pairs, else the first alone (the second is empty)."""
    folder = f"results/read_benchmarks/{wildcards.name}/reads/{wildcards.donor}/{wildcards.cell}"
    reads, own = benchmark_of(wildcards)["reads"], benchmark_of(wildcards)["own_reads"]
    single = (
        own["fastq2"] is None
        if own
        else reads["ends"] == "single" or reads["platform"] == "nanopore"
    )
    mates = (1,) if single else (1, 2)
    return [f"{folder}/reads_{mate}.fastq.gz" for mate in mates]


def tool_of(wildcards):
    """The declaration of a removal tool."""
    return config["removal_tools"][wildcards.tool]


def declared(*keys):
    """A params function: what one rule needs of a tool's declaration, so that a new setting reruns no other."""

    def part(wildcards):
        tool = tool_of(wildcards)
        chosen = {key: tool[key] for key in ("needs", "version", *keys)}
        return {**chosen, "settings": {wildcards.setting: tool["settings"][wildcards.setting]}}

    return part


def index_folder(wildcards, tool, setting):
    """Where the index lies that a tool's setting uses; settings with equal index options share one."""
    owner = index_owner(config["removal_tools"][tool], setting)
    return f"results/read_benchmarks/{wildcards.name}/removal/{tool}/{owner}"


def index_files(wildcards):
    """The index that a tool's setting uses, and what it took."""
    folder = index_folder(wildcards, wildcards.tool, wildcards.setting)
    return {"index": f"{folder}/index", "index_usage": f"{folder}/index.json"}


def score_cells(wildcards):
    """Every tool, setting, error and variation with its donors; `cell_files` lists files in this order."""
    settings = benchmark_of(wildcards)
    if settings["own_reads"]:  # nobody knows the rates of a user's reads
        levels, donors = [(None, None)], ["own"]
    else:
        levels = [*product(settings["reads"]["variation"], settings["reads"]["error"])]
        donors = [*settings["donors"]]
    return [
        {**choice, "error": error, "variation": variation, "donors": donors}
        for choice in settings["tools"]
        for variation, error in levels
    ]


CELL_FILES = {
    "truth": "results/read_benchmarks/{name}/reads/{donor}/{level}/truth.parquet",
    "bam": "results/read_benchmarks/{name}/reads/{donor}/{level}/truth.bam",
    "calls": "results/read_benchmarks/{name}/removal/{tool}/{setting}/{donor}/{level}/calls.parquet",
    "usage": "results/read_benchmarks/{name}/removal/{tool}/{setting}/{donor}/{level}/run.json",
}


def cell_files(kind):
    """An input function: one kind of file, for every donor of every cell."""
    return lambda wildcards: [
        CELL_FILES[kind].format(name=wildcards.name, donor=donor, level=level_of(cell), **cell)
        for cell in score_cells(wildcards)
        for donor in cell["donors"]
    ]


def level_of(cell):
    """The name of a cell's level of error and variation in paths."""
    if cell["error"] is None:
        return "own"
    return f"e{cell['error']:g}_v{cell['variation']:g}"


def index_usages(wildcards):
    """What the index took that each cell uses, one file per cell."""
    return [
        f"{index_folder(wildcards, cell['tool'], cell['setting'])}/index.json"
        for cell in score_cells(wildcards)
    ]
