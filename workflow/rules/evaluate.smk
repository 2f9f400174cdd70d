# Reads: the pool, accepted student pictures. Writes: results/releases/<name>/evaluation/.
# Config: evaluate, conditions.


rule evaluate:
    """Measure what the accepted pictures are worth: close to strangers' pictures, varied, showing what was asked."""
    input:
        pool="results/releases/{name}/pool/pictures",
        samples="results/releases/{name}/samples/student/pictures",
        verdicts="results/releases/{name}/privacy/student.verdicts.parquet",
    output:
        metrics="results/releases/{name}/evaluation/metrics.json",
        overview=report(
            "results/releases/{name}/evaluation/overview.png",
            category="Quality",
            caption="../report/overview.rst",
            labels={"entry": "{name}", "figure": "fidelity and agreement"},
        ),
    log:
        "logs/releases/{name}/evaluate.log",
    benchmark:
        "benchmarks/releases/{name}/evaluate.tsv"
    conda:
        "../../envs/quality.yaml"
    threads: config["compute"]["threads"]
    resources:
        mem_mb=6000,
        runtime=120,
    params:
        code=code_digest("avatarflow.quality.evaluation"),
        entry="releases/{name}",
        evaluate=settings("evaluate"),
        columns=lambda wildcards: list(config["releases"][wildcards.name]["conditions"]),
        seed=config["seed"],
    script:
        "../scripts/evaluate.py"


rule nearest_pairs:
    """Show the riskiest accepted pictures beside the originals they come closest to; for the officer, never released."""
    input:
        pool="results/releases/{name}/pool/pictures",
        samples="results/releases/{name}/samples/student/pictures",
        verdicts="results/releases/{name}/privacy/student.verdicts.parquet",
    output:
        pairs="results/releases/{name}/evaluation/nearest_pairs.png",
    log:
        "logs/releases/{name}/nearest_pairs.log",
    benchmark:
        "benchmarks/releases/{name}/nearest_pairs.tsv"
    conda:
        "../../envs/quality.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code_digest("avatarflow.quality.pairs"),
        entry="releases/{name}",
        pairs=settings("evaluate", "pairs"),
    script:
        "../scripts/nearest_pairs.py"
