# Removal tool kraken2. Reads: the prepared host and the reads. Writes: results/read_benchmarks/<name>/removal/kraken2/.
# Config: read_benchmarks.<name>: tools (settings below), mate_rule.

REMOVAL["kraken2"] = {
    "needs": ["kraken2", "kraken2-build"],
    "version": "kraken2 --version",
    # The taxonomy is hand-written (root and human), so that nothing is downloaded; "-" as output would suppress it.
    "index": """
        mkdir {index}/taxonomy
        cp {resources}/kraken2/*.dmp {index}/taxonomy/
        sed 's/^>/>kraken:taxid|9606|/' {host} > {index}/host.fa
        kraken2-build {options} --add-to-library {index}/host.fa --db {index} --threads {threads}
        kraken2-build {options} --build --db {index} --threads {threads}
        rm -r {index}/host.fa {index}/library {index}/taxonomy
        """,
    "remove": "kraken2 --db {index} --threads {threads} --paired --output {answer} {reads1} {reads2} > {answer}.report",
    "verdicts": "kraken",
    "settings": {"default": "", "unmasked": "--no-masking"},
}


rule index_kraken2:
    """Index the host for kraken2, measured apart from the runs that use it."""
    input:
        host="results/read_benchmarks/{name}/genome/host.fa",
    output:
        index=directory("results/read_benchmarks/{name}/removal/kraken2/{setting}/index"),
        usage="results/read_benchmarks/{name}/removal/kraken2/{setting}/index.json",
    log:
        "logs/read_benchmarks/{name}/index_kraken2.{setting}.log",
    benchmark:
        "benchmarks/read_benchmarks/{name}/index_kraken2.{setting}.tsv"
    conda:
        "../../../envs/reads.yaml"
    threads: 2
    resources:
        mem_mb=8000,
        runtime=120,
    params:
        code=code_digest("avatarflow.reads.removal"),
        entry="read_benchmarks/{name}",
        name="kraken2",
        tool=lambda wildcards: REMOVAL["kraken2"],
    script:
        "../../scripts/index_host.py"


rule remove_with_kraken2:
    """Classify pairs with kraken2 against a database of the host alone; a pair is human when it is classified."""
    input:
        index="results/read_benchmarks/{name}/removal/kraken2/{setting}/index",
        reads1="results/read_benchmarks/{name}/reads/{donor}/e{error}_v{variation}/reads_1.fastq.gz",
        reads2="results/read_benchmarks/{name}/reads/{donor}/e{error}_v{variation}/reads_2.fastq.gz",
    output:
        verdicts="results/read_benchmarks/{name}/removal/kraken2/{setting}/{donor}/e{error}_v{variation}/verdicts.parquet",
        usage="results/read_benchmarks/{name}/removal/kraken2/{setting}/{donor}/e{error}_v{variation}/run.json",
    log:
        "logs/read_benchmarks/{name}/remove_with_kraken2.{setting}.{donor}.e{error}_v{variation}.log",
    benchmark:
        "benchmarks/read_benchmarks/{name}/remove_with_kraken2.{setting}.{donor}.e{error}_v{variation}.tsv"
    conda:
        "../../../envs/reads.yaml"
    threads: 2
    resources:
        mem_mb=8000,
        runtime=120,
    params:
        code=code_digest("avatarflow.reads.removal"),
        entry="read_benchmarks/{name}",
        name="kraken2",
        tool=lambda wildcards: REMOVAL["kraken2"],
        mate_rule=lambda wildcards: benchmark_of(wildcards)["mate_rule"],
    script:
        "../../scripts/remove_reads.py"
