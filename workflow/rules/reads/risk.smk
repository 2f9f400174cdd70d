# Reads: truth, reads and calls of every cell, the donors' panels. Writes: results/read_benchmarks/<name>/risk.tsv, risk.png.
# Config: read_benchmarks.<name>: risk, donors, tools, reads.error, reads.variation.


rule measure_risk:
    """Measure what each tool's misses tell about their donor: bits, rank, anonymity set, kin."""
    input:
        unpack(genetic_map),
        truth=cell_files("truth"),
        calls=cell_files("calls"),
        bam=cell_files("bam"),
        host="results/read_benchmarks/{name}/genome/host.fa",
        panels=risk_panels,
    output:
        risk=report(
            "results/read_benchmarks/{name}/risk.tsv",
            category="Reads",
            caption="../../report/risk.rst",
            labels={"benchmark": "{name}", "table": "risk"},
        ),
    log:
        "logs/read_benchmarks/{name}/measure_risk.log",
    benchmark:
        "results/benchmarks/read_benchmarks/{name}/measure_risk.tsv"
    conda:
        "../../../envs/reads.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        code=code_digest("avatarflow.reads.risk.table", "avatarflow.reads.scoring.cells"),
        entry="read_benchmarks/{name}",
        cells=score_cells,
        donors=risk_donors,
        settings=lambda wildcards: benchmark_of(wildcards)["risk"],
        seed=config["seed"],
    script:
        "../../scripts/reads/release/measure_risk.py"


rule plot_risk:
    """Draw bits and rank against residual fragments, so that a reader sees when a donor is found."""
    input:
        risk="results/read_benchmarks/{name}/risk.tsv",
    output:
        plot=report(
            "results/read_benchmarks/{name}/risk.png",
            category="Reads",
            caption="../../report/risk.rst",
            labels={"benchmark": "{name}", "table": "risk plot"},
        ),
    log:
        "logs/read_benchmarks/{name}/plot_risk.log",
    benchmark:
        "results/benchmarks/read_benchmarks/{name}/plot_risk.tsv"
    conda:
        "../../../envs/reads.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_digest("avatarflow.reads.risk.figure"),
        entry="read_benchmarks/{name}",
    script:
        "../../scripts/reads/release/plot_risk.py"
