# Removal tool minimap2. Reads: the prepared host and the reads. Writes: results/read_benchmarks/<name>/removal/minimap2/.
# Config: read_benchmarks.<name>: tools (settings below), mate_rule.

REMOVAL["minimap2"] = {
    "needs": ["minimap2"],
    "version": "minimap2 --version",
    "index": "minimap2 {options} -t {threads} -d {index}/host.mmi {host}",
    "remove": "minimap2 -a {options} -t {threads} {index}/host.mmi {reads1} {reads2} > {answer}",
    "verdicts": "sam",
    "settings": {"sr": "-x sr"},
}


rule index_minimap2:
    """Index the host for minimap2, measured apart from the runs that use it."""
    input:
        host="results/read_benchmarks/{name}/genome/host.fa",
    output:
        index=directory("results/read_benchmarks/{name}/removal/minimap2/{setting}/index"),
        usage="results/read_benchmarks/{name}/removal/minimap2/{setting}/index.json",
    log:
        "logs/read_benchmarks/{name}/index_minimap2.{setting}.log",
    benchmark:
        "benchmarks/read_benchmarks/{name}/index_minimap2.{setting}.tsv"
    conda:
        "../../../envs/reads.yaml"
    threads: 2
    resources:
        mem_mb=8000,
        runtime=120,
    params:
        code=code_digest("avatarflow.reads.removal"),
        entry="read_benchmarks/{name}",
        name="minimap2",
        tool=lambda wildcards: REMOVAL["minimap2"],
    script:
        "../../scripts/index_host.py"


rule remove_with_minimap2:
    """Map pairs with minimap2; a mate is human when it maps."""
    input:
        index="results/read_benchmarks/{name}/removal/minimap2/{setting}/index",
        reads1="results/read_benchmarks/{name}/reads/{donor}/e{error}_v{variation}/reads_1.fastq.gz",
        reads2="results/read_benchmarks/{name}/reads/{donor}/e{error}_v{variation}/reads_2.fastq.gz",
    output:
        verdicts="results/read_benchmarks/{name}/removal/minimap2/{setting}/{donor}/e{error}_v{variation}/verdicts.parquet",
        usage="results/read_benchmarks/{name}/removal/minimap2/{setting}/{donor}/e{error}_v{variation}/run.json",
    log:
        "logs/read_benchmarks/{name}/remove_with_minimap2.{setting}.{donor}.e{error}_v{variation}.log",
    benchmark:
        "benchmarks/read_benchmarks/{name}/remove_with_minimap2.{setting}.{donor}.e{error}_v{variation}.tsv"
    conda:
        "../../../envs/reads.yaml"
    threads: 2
    resources:
        mem_mb=8000,
        runtime=120,
    params:
        code=code_digest("avatarflow.reads.removal"),
        entry="read_benchmarks/{name}",
        name="minimap2",
        tool=lambda wildcards: REMOVAL["minimap2"],
        mate_rule=lambda wildcards: benchmark_of(wildcards)["mate_rule"],
    script:
        "../../scripts/remove_reads.py"
