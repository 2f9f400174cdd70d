# Reads: truth and verdicts of every cell. Writes: results/read_benchmarks/<name>/scores.tsv, scores.png.
# Config: read_benchmarks.<name>: tools, donors, reads.error, reads.variation.

from snakemake.exceptions import WorkflowError


def check_tool(tool, setting):
    """Refuse a tool without a file here, or a setting that its file does not define."""
    if tool not in REMOVAL:
        raise WorkflowError(f"tools: no tool {tool!r}; take one of {', '.join(sorted(REMOVAL))}")
    if setting not in REMOVAL[tool]["settings"]:
        known = ", ".join(sorted(REMOVAL[tool]["settings"]))
        raise WorkflowError(f"tools: {tool} has no setting {setting!r}; take one of {known}")


def score_cells(wildcards):
    """Every tool, setting, error and variation, with the files of its donors."""
    settings = benchmark_of(wildcards)
    folder = f"results/read_benchmarks/{wildcards.name}"
    cells = []
    for choice in settings["tools"]:
        check_tool(choice["tool"], choice["setting"])
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


rule score_removal:
    """Compare every tool's verdicts with the truth: sensitivity and specificity with intervals, by stratum."""
    input:
        truth=score_files("truth"),
        verdicts=score_files("verdicts"),
        usage=score_files("usage"),
        index=lambda wildcards: sorted({cell["index"] for cell in score_cells(wildcards)}),
    output:
        scores=report(
            "results/read_benchmarks/{name}/scores.tsv",
            category="Reads",
            caption="../report/scores.rst",
            labels={"benchmark": "{name}", "table": "scores"},
        ),
    log:
        "logs/read_benchmarks/{name}/score_removal.log",
    benchmark:
        "benchmarks/read_benchmarks/{name}/score_removal.tsv"
    conda:
        "../../envs/reads.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        code=code_digest("avatarflow.reads.score"),
        entry="read_benchmarks/{name}",
        cells=score_cells,
    script:
        "../scripts/score_removal.py"


rule plot_removal:
    """Draw sensitivity against sequencing error for every tool, so that a reader sees where each breaks."""
    input:
        scores="results/read_benchmarks/{name}/scores.tsv",
    output:
        plot=report(
            "results/read_benchmarks/{name}/scores.png",
            category="Reads",
            caption="../report/scores.rst",
            labels={"benchmark": "{name}", "table": "plot"},
        ),
    log:
        "logs/read_benchmarks/{name}/plot_removal.log",
    benchmark:
        "benchmarks/read_benchmarks/{name}/plot_removal.tsv"
    conda:
        "../../envs/reads.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_digest("avatarflow.reads.plot"),
        entry="read_benchmarks/{name}",
    script:
        "../scripts/plot_removal.py"
