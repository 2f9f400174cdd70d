# Removal tool bowtie2. Reads: the prepared host and the reads. Writes: results/read_benchmarks/<name>/removal/bowtie2/.
# Config: read_benchmarks.<name>: tools (settings below), mate_rule.

REMOVAL["bowtie2"] = {
    "needs": ["bowtie2", "bowtie2-build"],
    "version": "bowtie2 --version | sed 's/.*bowtie2-align-s/bowtie2/'",
    "index": "bowtie2-build --quiet --threads {threads} {host} {index}/host",
    "remove": "bowtie2 {options} -p {threads} -x {index}/host -1 {reads1} -2 {reads2} -S {answer}",
    "verdicts": "sam",
    "settings": {"end-to-end": "--end-to-end", "very-sensitive-local": "--very-sensitive-local"},
}


rule index_bowtie2:
    """Index the host for bowtie2, measured apart from the runs that use it."""
    input:
        host="results/read_benchmarks/{name}/genome/host.fa",
    output:
        index=directory("results/read_benchmarks/{name}/removal/bowtie2/{setting}/index"),
        usage="results/read_benchmarks/{name}/removal/bowtie2/{setting}/index.json",
    log:
        "logs/read_benchmarks/{name}/index_bowtie2.{setting}.log",
    benchmark:
        "benchmarks/read_benchmarks/{name}/index_bowtie2.{setting}.tsv"
    conda:
        "../../../envs/reads.yaml"
    threads: 2
    resources:
        mem_mb=8000,
        runtime=120,
    params:
        code=code_digest("avatarflow.reads.removal"),
        entry="read_benchmarks/{name}",
        name="bowtie2",
        tool=lambda wildcards: REMOVAL["bowtie2"],
    script:
        "../../scripts/index_host.py"


rule remove_with_bowtie2:
    """Map pairs with bowtie2; a mate is human when it maps."""
    input:
        index="results/read_benchmarks/{name}/removal/bowtie2/{setting}/index",
        reads1="results/read_benchmarks/{name}/reads/{donor}/e{error}_v{variation}/reads_1.fastq.gz",
        reads2="results/read_benchmarks/{name}/reads/{donor}/e{error}_v{variation}/reads_2.fastq.gz",
    output:
        verdicts="results/read_benchmarks/{name}/removal/bowtie2/{setting}/{donor}/e{error}_v{variation}/verdicts.parquet",
        usage="results/read_benchmarks/{name}/removal/bowtie2/{setting}/{donor}/e{error}_v{variation}/run.json",
    log:
        "logs/read_benchmarks/{name}/remove_with_bowtie2.{setting}.{donor}.e{error}_v{variation}.log",
    benchmark:
        "benchmarks/read_benchmarks/{name}/remove_with_bowtie2.{setting}.{donor}.e{error}_v{variation}.tsv"
    conda:
        "../../../envs/reads.yaml"
    threads: 2
    resources:
        mem_mb=8000,
        runtime=120,
    params:
        code=code_digest("avatarflow.reads.removal"),
        entry="read_benchmarks/{name}",
        name="bowtie2",
        tool=lambda wildcards: REMOVAL["bowtie2"],
        mate_rule=lambda wildcards: benchmark_of(wildcards)["mate_rule"],
    script:
        "../../scripts/remove_reads.py"
