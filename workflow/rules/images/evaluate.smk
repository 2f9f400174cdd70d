# Reads: the pool, accepted student pictures. Writes: results/releases/<name>/evaluation/.
# Config: evaluate, conditions.


rule evaluate:
    """Measure what the accepted pictures are worth: close to held-out subjects' pictures, varied, showing what was asked."""
    input:
        pool="results/releases/{name}/pool/pictures",
        samples="results/releases/{name}/samples/student/pictures",
        decisions="results/releases/{name}/privacy/student.decisions.parquet",
    output:
        metrics="results/releases/{name}/evaluation/metrics.json",
        overview=report(
            "results/releases/{name}/evaluation/overview.png",
            category="Quality",
            caption="../../report/overview.rst",
            labels={"entry": "{name}", "figure": "fidelity and agreement"},
        ),
    log:
        "logs/releases/{name}/evaluate.log",
    benchmark:
        "results/benchmarks/releases/{name}/evaluate.tsv"
    conda:
        "../../../envs/quality.yaml"
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
        "../../scripts/images/evaluate.py"


rule nearest_pairs:
    """Show the riskiest accepted pictures beside the originals they come closest to; for the officer, never released."""
    input:
        pool="results/releases/{name}/pool/pictures",
        samples="results/releases/{name}/samples/student/pictures",
        decisions="results/releases/{name}/privacy/student.decisions.parquet",
    output:
        pairs="results/releases/{name}/evaluation/nearest_pairs.png",
    log:
        "logs/releases/{name}/nearest_pairs.log",
    benchmark:
        "results/benchmarks/releases/{name}/nearest_pairs.tsv"
    conda:
        "../../../envs/quality.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code_digest("avatarflow.quality.pairs"),
        entry="releases/{name}",
        selection="accepted",
        pairs=settings("evaluate", "pairs"),
    script:
        "../../scripts/images/nearest_pairs.py"


rule frontier:
    """Set looks and agreement against rejection and risk, over guidance scale and steps: what stronger guidance costs."""
    input:
        pool="results/releases/{name}/pool/pictures",
        teacher="results/releases/{name}/samples/teacher/pictures",
        teacher_decisions="results/releases/{name}/privacy/teacher.decisions.parquet",
        student="results/releases/{name}/samples/student/pictures",
        student_decisions="results/releases/{name}/privacy/student.decisions.parquet",
    output:
        table="results/releases/{name}/evaluation/frontier.tsv",
        figure=report(
            "results/releases/{name}/evaluation/frontier.png",
            category="Quality",
            caption="../../report/frontier.rst",
            labels={"entry": "{name}", "figure": "guidance and risk"},
        ),
    log:
        "logs/releases/{name}/frontier.log",
    benchmark:
        "results/benchmarks/releases/{name}/frontier.tsv"
    conda:
        "../../../envs/quality.yaml"
    threads: config["compute"]["threads"]
    resources:
        mem_mb=6000,
        runtime=120,
    params:
        code=code_digest("avatarflow.quality.frontier"),
        entry="releases/{name}",
        sample=settings("sample"),
        evaluate=settings("evaluate"),
        columns=lambda wildcards: list(config["releases"][wildcards.name]["conditions"]),
        seed=config["seed"],
    script:
        "../../scripts/images/frontier.py"
