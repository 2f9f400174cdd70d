# Reads: genomes and individuals. Writes: results/read_benchmarks/<name>/reads/<donor>/e<error>_v<variation>/.
# Config: read_benchmarks.<name>: host_share, microbes (weights), reads, shards, seeds.


rule fit_profile:
    """Fit an error profile from real alignments, where the config asks for one, so that reads err as a machine at hand does."""
    input:
        unpack(fitted_from),
    output:
        profile="results/read_benchmarks/{name}/profile.tsv",
        summary="results/read_benchmarks/{name}/profile.json",
    log:
        "logs/read_benchmarks/{name}/fit_profile.log",
    benchmark:
        "results/benchmarks/read_benchmarks/{name}/fit_profile.tsv"
    conda:
        "../../../envs/reads.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        code=code_digest("avatarflow.reads.profiles.fit"),
        entry="read_benchmarks/{name}",
        platform=lambda wildcards: benchmark_of(wildcards)["reads"]["platform"],
    script:
        "../../scripts/reads/simulation/fit_profile.py"


rule simulate_reads:
    """Simulate one shard of the reads of one cell of the grid, with the truth beside them."""
    input:
        host="results/read_benchmarks/{name}/genome/host.fa",
        microbes="results/read_benchmarks/{name}/genome/microbes.fa",
        variants="results/read_benchmarks/{name}/individuals/{donor}/v{variation}/variants.parquet",
        parts="results/read_benchmarks/{name}/individuals/{donor}/v{variation}/parts.parquet",
        profile=error_profile,
    output:
        reads1=temp(
            "results/read_benchmarks/{name}/reads/{donor}/e{error}_v{variation}/shards/{shard}/reads_1.bgzf"
        ),
        reads2=temp(
            "results/read_benchmarks/{name}/reads/{donor}/e{error}_v{variation}/shards/{shard}/reads_2.bgzf"
        ),
        bam=temp(
            "results/read_benchmarks/{name}/reads/{donor}/e{error}_v{variation}/shards/{shard}/truth.bgzf"
        ),
        truth=temp(
            "results/read_benchmarks/{name}/reads/{donor}/e{error}_v{variation}/shards/{shard}/truth.parquet"
        ),
    log:
        "logs/read_benchmarks/{name}/simulate_reads.{donor}.e{error}_v{variation}.{shard}.log",
    benchmark:
        "results/benchmarks/read_benchmarks/{name}/simulate_reads.{donor}.e{error}_v{variation}.{shard}.tsv"
    wildcard_constraints:
        shard="[0-9]+",
    conda:
        "../../../envs/reads.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        code=code_digest("avatarflow.reads.simulation.simulate"),
        entry="read_benchmarks/{name}",
        reads=layout_of,
        mixture=mixture_of,
        shards=lambda wildcards: benchmark_of(wildcards)["shards"],
        sex=lambda wildcards: benchmark_of(wildcards)["donors"][wildcards.donor]["sex"],
        seeds=lambda wildcards: {key: read_seed(wildcards, key) for key in ("fragments", "errors")},
    script:
        "../../scripts/reads/simulation/simulate_reads.py"


rule join_reads:
    """Put the shards of one cell together; the bytes do not depend on how many there were."""
    input:
        reads1=shard_files("reads_1.bgzf"),
        reads2=shard_files("reads_2.bgzf"),
        bam=shard_files("truth.bgzf"),
        truth=shard_files("truth.parquet"),
    output:
        reads1="results/read_benchmarks/{name}/reads/{donor}/e{error}_v{variation}/reads_1.fastq.gz",
        reads2="results/read_benchmarks/{name}/reads/{donor}/e{error}_v{variation}/reads_2.fastq.gz",
        bam="results/read_benchmarks/{name}/reads/{donor}/e{error}_v{variation}/truth.bam",
        truth="results/read_benchmarks/{name}/reads/{donor}/e{error}_v{variation}/truth.parquet",
    log:
        "logs/read_benchmarks/{name}/join_reads.{donor}.e{error}_v{variation}.log",
    benchmark:
        "results/benchmarks/read_benchmarks/{name}/join_reads.{donor}.e{error}_v{variation}.tsv"
    conda:
        "../../../envs/reads.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        code=code_digest("avatarflow.reads.simulation.joining"),
        entry="read_benchmarks/{name}",
    script:
        "../../scripts/reads/simulation/join_reads.py"
