# Removal tools: two rules for all of them; what a tool is stands in removal/<tool>.yaml or under removal_tools in the config.
# Reads: the prepared host and the reads. Writes: results/read_benchmarks/<name>/removal/<tool>/<setting>/.
# Config: removal_tools; read_benchmarks.<name>: tools, mate_rule, repeats.


rule index_host:
    """Index the host for a tool, once and measured apart from the runs that use it; a tool that fails costs its own rows."""
    input:
        host="results/read_benchmarks/{name}/genome/host.fa",
    output:
        index=directory("results/read_benchmarks/{name}/removal/{tool}/{setting}/index"),
        usage="results/read_benchmarks/{name}/removal/{tool}/{setting}/index.json",
    log:
        "logs/read_benchmarks/{name}/index_host.{tool}.{setting}.log",
    benchmark:
        "results/benchmarks/read_benchmarks/{name}/index_host.{tool}.{setting}.tsv"
    conda:
        "../../../envs/reads.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards: tool_of(wildcards)["memory_mb"],
        runtime=120,
    params:
        code=code_digest("avatarflow.reads.removal.run"),
        entry="read_benchmarks/{name}",
        absent=lambda wildcards: absent(tool_of(wildcards)),
        tool=declared("index"),
    script:
        "../../scripts/reads/removal/index_host.py"


rule remove_reads:
    """Let a tool classify the reads of one cell: a call per fragment, with its time and memory."""
    input:
        unpack(index_files),
        reads=read_files,
    output:
        calls="results/read_benchmarks/{name}/removal/{tool}/{setting}/{donor}/{cell}/calls.parquet",
        usage="results/read_benchmarks/{name}/removal/{tool}/{setting}/{donor}/{cell}/run.json",
    log:
        "logs/read_benchmarks/{name}/remove_reads.{tool}.{setting}.{donor}.{cell}.log",
    benchmark:
        "results/benchmarks/read_benchmarks/{name}/remove_reads.{tool}.{setting}.{donor}.{cell}.tsv"
    conda:
        "../../../envs/reads.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards: tool_of(wildcards)["memory_mb"],
        runtime=120,
    params:
        code=code_digest("avatarflow.reads.removal.run"),
        entry="read_benchmarks/{name}",
        absent=lambda wildcards: absent(tool_of(wildcards)),
        tool=declared("remove", "verdicts"),
        mate_rule=lambda wildcards: benchmark_of(wildcards)["mate_rule"],
        repeats=lambda wildcards: benchmark_of(wildcards)["repeats"],
    script:
        "../../scripts/reads/removal/remove_reads.py"
