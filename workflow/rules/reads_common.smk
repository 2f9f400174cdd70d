# What the rules of the reads wing ask the config: settings, paths and seeds of a wildcard's benchmark, files of a grid.

from pathlib import Path

from snakemake.exceptions import WorkflowError

REMOVAL = {}  # tool to its commands and settings: each file of removal/ adds its own


def benchmark_of(wildcards):
    """The config entry of a read benchmark."""
    return entry("read_benchmarks", wildcards.name)


def read_seed(wildcards, purpose):
    """The seed of one purpose: the entry's own, else the configuration's."""
    own = benchmark_of(wildcards)["seeds"][purpose]
    return config["seed"] if own is None else own


def reference_settings(wildcards):
    """The host as configured, its path made usable."""
    settings = benchmark_of(wildcards)["reference"]
    return {**settings, "fasta": data(settings["fasta"]) if settings["fasta"] else None}


def microbe_settings(wildcards):
    """The microbes as configured, their paths made usable; weights belong to the mixture."""
    settings = benchmark_of(wildcards)["microbes"]
    genomes = {taxon: {"fasta": data(part["fasta"])} for taxon, part in settings["genomes"].items()}
    return {**settings, "genomes": genomes}


def genome_files(wildcards):
    """Every configured genome file."""
    microbes = microbe_settings(wildcards)["genomes"]
    fasta = reference_settings(wildcards)["fasta"]
    return [*([fasta] if fasta else []), *(part["fasta"] for part in microbes.values())]


def panel_of(wildcards):
    """The donor's panel as configured, its path made usable; none for a donor from rates alone."""
    panel = benchmark_of(wildcards)["donors"][wildcards.donor]["panel"]
    return {**panel, "vcf": data(panel["vcf"])} if panel else None


def mixture_of(wildcards):
    """Host share and the weight of each microbe."""
    settings = benchmark_of(wildcards)
    microbes = settings["microbes"]
    made_up = {f"microbe{number}": 1.0 for number in range(1, microbes["generated"]["count"] + 1)}
    weights = {taxon: part["weight"] for taxon, part in microbes["genomes"].items()} or made_up
    return {"host_share": settings["host_share"], "weights": weights}


def layout_of(wildcards):
    """Only what one cell's reads depend on: a longer grid must not simulate the old cells again."""
    reads = benchmark_of(wildcards)["reads"]
    return {key: value for key, value in reads.items() if key not in ("error", "variation")}


PROFILES = Path(workflow.current_basedir).parent.parent / "resources" / "error_profiles"


def error_profile(wildcards):
    """The file of the configured error profile."""
    profile = benchmark_of(wildcards)["reads"]["profile"]
    known = sorted(path.stem for path in PROFILES.glob("*.tsv"))
    if profile not in known:
        where = f"config read_benchmarks.{wildcards.name}.reads.profile"
        raise WorkflowError(f"{where}: no profile {profile!r}; take one of {', '.join(known)}")
    return str(PROFILES / f"{profile}.tsv")


def shard_files(kind):
    """An input function: one kind of file of every shard of a cell."""
    folder = "results/read_benchmarks/{w.name}/reads/{w.donor}/e{w.error}_v{w.variation}/shards/{shard}/"
    return lambda wildcards: [
        folder.format(w=wildcards, shard=shard) + kind for shard in range(benchmark_of(wildcards)["shards"])
    ]


def checked_tools(wildcards):
    """The configured tools; those without a file in removal/, or with a setting that it does not define, are all named."""
    known = {f"{tool} {setting}" for tool, parts in REMOVAL.items() for setting in parts["settings"]}
    tools = benchmark_of(wildcards)["tools"]
    unknown = sorted({f"{choice['tool']} {choice['setting']}" for choice in tools} - known)
    if unknown:
        where = f"config read_benchmarks.{wildcards.name}.tools"
        raise WorkflowError(f"{where}: unknown {', '.join(unknown)}; take some of {', '.join(sorted(known))}")
    return tools


def score_cells(wildcards):
    """Every tool, setting, error and variation, with the files of its donors."""
    settings = benchmark_of(wildcards)
    folder = f"results/read_benchmarks/{wildcards.name}"
    cells = []
    for choice in checked_tools(wildcards):
        tool = f"{folder}/removal/{choice['tool']}/{choice['setting']}"
        for variation in settings["reads"]["variation"]:
            for error in settings["reads"]["error"]:
                runs = [score_run(folder, tool, donor, f"e{error:g}_v{variation:g}") for donor in settings["donors"]]
                numbers = {"error": error, "variation": variation}
                cells.append({**choice, **numbers, "index": f"{tool}/index.json", "runs": runs})
    return cells


def score_run(folder, tool, donor, cell):
    """The files of one donor in one cell."""
    return {
        "donor": donor,
        "truth": f"{folder}/reads/{donor}/{cell}/truth.parquet",
        "verdicts": f"{tool}/{donor}/{cell}/verdicts.parquet",
        "usage": f"{tool}/{donor}/{cell}/run.json",
    }


def score_files(kind):
    """An input function: one kind of file of every cell and donor."""
    return lambda wildcards: sorted({run[kind] for cell in score_cells(wildcards) for run in cell["runs"]})
