# Reads: truth, reads and verdicts of every cell, the donors' variants and panels. Writes: results/read_benchmarks/<name>/risk.tsv, risk.png.
# Config: read_benchmarks.<name>: risk, donors, tools, reads.error, reads.variation.


def risk_cells(wildcards):
    """The cells of the scores, each donor's run with its reads and variants."""
    folder = f"results/read_benchmarks/{wildcards.name}"
    cells = []
    for cell in score_cells(wildcards):
        runs = []
        for run in cell["runs"]:
            reads = run["truth"].rpartition("/")[0]
            variants = f"{folder}/individuals/{run['donor']}/v{cell['variation']:g}/variants.parquet"
            files = {"reads1": f"{reads}/reads_1.fastq.gz", "reads2": f"{reads}/reads_2.fastq.gz"}
            runs.append({key: run[key] for key in ("donor", "truth", "verdicts")} | files | {"variants": variants})
        cells.append({key: cell[key] for key in ("tool", "setting", "error", "variation")} | {"runs": runs})
    return cells


def risk_files(kind):
    """An input function: one kind of file of every cell and donor."""
    return lambda wildcards: sorted({run[kind] for cell in risk_cells(wildcards) for run in cell["runs"]})


def risk_donors(wildcards):
    """Each donor's VCF and sample, none where there is no panel."""
    donors = benchmark_of(wildcards)["donors"]
    return {
        donor: {"vcf": data(part["panel"]["vcf"]), "sample": part["panel"]["sample"]} if part["panel"] else None
        for donor, part in donors.items()
    }


def risk_settings(wildcards):
    """The entry's `risk`, the map's path made usable."""
    settings = benchmark_of(wildcards)["risk"]
    return {**settings, "map": data(settings["map"]) if settings["map"] else None}


rule measure_risk:
    """Measure what each tool's misses tell about their donor: bits, rank, anonymity set, kin."""
    input:
        truth=risk_files("truth"),
        verdicts=risk_files("verdicts"),
        reads1=risk_files("reads1"),
        reads2=risk_files("reads2"),
        variants=risk_files("variants"),
        host="results/read_benchmarks/{name}/genome/host.fa",
        panels=lambda wildcards: sorted({part["vcf"] for part in risk_donors(wildcards).values() if part}),
    output:
        risk=report(
            "results/read_benchmarks/{name}/risk.tsv",
            category="Reads",
            caption="../report/risk.rst",
            labels={"benchmark": "{name}", "table": "risk"},
        ),
    log:
        "logs/read_benchmarks/{name}/measure_risk.log",
    benchmark:
        "benchmarks/read_benchmarks/{name}/measure_risk.tsv"
    conda:
        "../../envs/reads.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        code=code_digest("avatarflow.reads.risk.table"),
        entry="read_benchmarks/{name}",
        cells=risk_cells,
        donors=risk_donors,
        settings=risk_settings,
        seed=config["seed"],
    script:
        "../scripts/measure_risk.py"


rule plot_risk:
    """Draw bits and rank against residual fragments, so that a reader sees when a donor is found."""
    input:
        risk="results/read_benchmarks/{name}/risk.tsv",
    output:
        plot=report(
            "results/read_benchmarks/{name}/risk.png",
            category="Reads",
            caption="../report/risk.rst",
            labels={"benchmark": "{name}", "table": "risk plot"},
        ),
    log:
        "logs/read_benchmarks/{name}/plot_risk.log",
    benchmark:
        "benchmarks/read_benchmarks/{name}/plot_risk.tsv"
    conda:
        "../../envs/reads.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_digest("avatarflow.reads.risk.picture"),
        entry="read_benchmarks/{name}",
    script:
        "../scripts/plot_risk.py"
