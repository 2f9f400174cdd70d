# Reads: a user's FASTQ and, where there is one, its truth table; calls of every tool on them.
# Writes: results/read_benchmarks/<name>/reads/own/own/, calls.tsv, agreement.tsv, agreement.png. Config: read_benchmarks.<name>.own_reads.


rule take_reads:
    """Check a user's reads to the last line and give them neutral names, so that no tool and no output ever sees the old ones."""
    input:
        unpack(own_read_files),
    output:
        reads1="results/read_benchmarks/{name}/reads/own/own/reads_1.fastq.gz",
        reads2="results/read_benchmarks/{name}/reads/own/own/reads_2.fastq.gz",
        truth="results/read_benchmarks/{name}/reads/own/own/truth.parquet",
        summary="results/read_benchmarks/{name}/reads/own/own/summary.json",
    log:
        "logs/read_benchmarks/{name}/take_reads.log",
    benchmark:
        "results/benchmarks/read_benchmarks/{name}/take_reads.tsv"
    conda:
        "../../../envs/reads.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=240,
    params:
        code=code_digest("avatarflow.reads.user_reads.take"),
        entry="read_benchmarks/{name}",
        files=lambda wildcards: files_digest(own_read_files(wildcards).values()),
        shortest_bp=lambda wildcards: benchmark_of(wildcards)["own_reads"]["shortest_bp"],
        short=lambda wildcards: benchmark_of(wildcards)["own_reads"]["short"],
        quality_offset=lambda wildcards: benchmark_of(wildcards)["own_reads"]["quality_offset"],
    script:
        "../../scripts/reads/release/take_reads.py"


rule compare_calls:
    """Say how many fragments each tool calls human and how far tools agree, since without a truth nothing else can be said."""
    input:
        calls=cell_files("calls"),
        usage=cell_files("usage"),
        index=index_usages,
    output:
        calls=report(
            "results/read_benchmarks/{name}/calls.tsv",
            category="Reads",
            caption="../../report/calls.rst",
            labels={"benchmark": "{name}", "table": "calls"},
        ),
        agreement="results/read_benchmarks/{name}/agreement.tsv",
        plot=report(
            "results/read_benchmarks/{name}/agreement.png",
            category="Reads",
            caption="../../report/calls.rst",
            labels={"benchmark": "{name}", "table": "agreement"},
        ),
    log:
        "logs/read_benchmarks/{name}/compare_calls.log",
    benchmark:
        "results/benchmarks/read_benchmarks/{name}/compare_calls.tsv"
    conda:
        "../../../envs/reads.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        code=code_digest(
            "avatarflow.reads.scoring.agreement",
            "avatarflow.reads.scoring.agreement_figure",
            "avatarflow.reads.scoring.cells",
        ),
        entry="read_benchmarks/{name}",
        cells=score_cells,
    script:
        "../../scripts/reads/release/compare_calls.py"
