# Reads: truth and calls of every cell. Writes: results/read_benchmarks/<name>/scores.tsv, scores.png.
# Config: read_benchmarks.<name>: tools, donors, reads.error, reads.variation.


rule score_removal:
    """Compare every tool's calls with the truth: sensitivity and specificity with intervals, by stratum."""
    input:
        truth=cell_files("truth"),
        calls=cell_files("calls"),
        usage=cell_files("usage"),
        index=index_usages,
        regions="results/read_benchmarks/{name}/genome/regions.parquet",
    output:
        scores=report(
            "results/read_benchmarks/{name}/scores.tsv",
            category="Reads",
            caption="../../report/scores.rst",
            labels={"benchmark": "{name}", "table": "scores"},
        ),
    log:
        "logs/read_benchmarks/{name}/score_removal.log",
    benchmark:
        "results/benchmarks/read_benchmarks/{name}/score_removal.tsv"
    conda:
        "../../../envs/reads.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        code=code_digest("avatarflow.reads.scoring.cells", "avatarflow.reads.scoring.score"),
        entry="read_benchmarks/{name}",
        cells=score_cells,
    script:
        "../../scripts/reads/removal/score_removal.py"


rule plot_removal:
    """Draw sensitivity against sequencing error for every tool, so that a reader sees where each breaks."""
    input:
        scores="results/read_benchmarks/{name}/scores.tsv",
    output:
        plot=report(
            "results/read_benchmarks/{name}/scores.png",
            category="Reads",
            caption="../../report/scores.rst",
            labels={"benchmark": "{name}", "table": "plot"},
        ),
    log:
        "logs/read_benchmarks/{name}/plot_removal.log",
    benchmark:
        "results/benchmarks/read_benchmarks/{name}/plot_removal.tsv"
    conda:
        "../../../envs/reads.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_digest("avatarflow.reads.scoring.figure"),
        entry="read_benchmarks/{name}",
    script:
        "../../scripts/reads/removal/plot_removal.py"


rule compare_tools:
    """Test every pair of tools on the same fragments (McNemar), because intervals of two tools that share reads mislead."""
    input:
        truth=cell_files("truth"),
        calls=cell_files("calls"),
        usage=cell_files("usage"),
    output:
        pairs="results/read_benchmarks/{name}/mcnemar.tsv",
        alleles="results/read_benchmarks/{name}/allele_bias.tsv",
        mates="results/read_benchmarks/{name}/mate_rules.tsv",
    log:
        "logs/read_benchmarks/{name}/compare_tools.log",
    benchmark:
        "results/benchmarks/read_benchmarks/{name}/compare_tools.tsv"
    conda:
        "../../../envs/reads.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        code=code_digest(
            "avatarflow.reads.scoring.cells",
            "avatarflow.reads.scoring.mcnemar",
            "avatarflow.reads.scoring.alleles",
            "avatarflow.reads.scoring.mate_rules",
        ),
        entry="read_benchmarks/{name}",
        cells=score_cells,
    script:
        "../../scripts/reads/removal/compare_tools.py"


rule present_scores:
    """Show the scores so that a reader can choose a tool: other host shares, a Pareto picture, a page, a MultiQC table."""
    input:
        scores="results/read_benchmarks/{name}/scores.tsv",
    output:
        residuals="results/read_benchmarks/{name}/residual_share.tsv",
        pareto=report(
            "results/read_benchmarks/{name}/pareto.png",
            category="Reads",
            caption="../../report/scores.rst",
            labels={"benchmark": "{name}", "table": "pareto"},
        ),
        page="results/read_benchmarks/{name}/scores.html",
        multiqc="results/read_benchmarks/{name}/removal_mqc.tsv",
    log:
        "logs/read_benchmarks/{name}/present_scores.log",
    benchmark:
        "results/benchmarks/read_benchmarks/{name}/present_scores.tsv"
    conda:
        "../../../envs/reads.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_digest("avatarflow.reads.scoring.pages", "avatarflow.reads.scoring.residual"),
        entry="read_benchmarks/{name}",
        host_shares=lambda wildcards: benchmark_of(wildcards)["host_shares"],
    script:
        "../../scripts/reads/removal/present_scores.py"
