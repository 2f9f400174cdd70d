# Reads: the pool, accepted student pictures. Writes: results/releases/<name>/reader_study/ (shown pictures, key, power); internal only.
# Config: reader_study, conditions, seed. Only where an entry asks for it. `make reader-study` serves it, and reads the folder shown/ alone.


rule make_reader_study:
    """Choose the pictures that readers see, balanced and blinded, apart from the key of what they are."""
    input:
        pool="results/releases/{name}/pool/pictures",
        samples="results/releases/{name}/samples/student/pictures",
        decisions="results/releases/{name}/privacy/student.decisions.parquet",
    output:
        shown=directory("results/releases/{name}/reader_study/shown"),
        key="results/releases/{name}/reader_study/key.parquet",
        power="results/releases/{name}/reader_study/power.json",
    log:
        "logs/releases/{name}/make_reader_study.log",
    benchmark:
        "results/benchmarks/releases/{name}/make_reader_study.tsv"
    conda:
        "../../../envs/quality.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code_digest("avatarflow.reader_study.material"),
        entry="releases/{name}",
        settings=lambda wildcards: {
            "reader_study": config["releases"][wildcards.name]["reader_study"],
            "conditions": config["releases"][wildcards.name]["conditions"],
            "seed": config["seed"],
        },
    script:
        "../../scripts/images/make_reader_study.py"
