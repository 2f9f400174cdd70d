# Reads: the pool, candidates. Writes: results/releases/<name>/anatomy/ (limits, a row per candidate); internal only.
# Config: anatomy, conditions. Only where an entry asks for it.


rule set_anatomy_limits:
    """Set what each finding may be on held-out patients' pictures, so that right pictures pass, and measure it on others."""
    input:
        pool="results/releases/{name}/pool/pictures",
    output:
        limits="results/releases/{name}/anatomy/limits.json",
    log:
        "logs/releases/{name}/set_anatomy_limits.log",
    benchmark:
        "results/benchmarks/releases/{name}/set_anatomy_limits.tsv"
    conda:
        "../../../envs/privacy.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        code=code_digest("avatarflow.quality.anatomy.step"),
        entry="releases/{name}",
        anatomy=settings("anatomy"),
        columns=lambda wildcards: list(config["releases"][wildcards.name]["conditions"]),
    script:
        "../../scripts/images/set_anatomy_limits.py"


rule check_anatomy:
    """Look in every candidate for what belongs into it: what cannot be found or measured refuses the picture."""
    input:
        candidates="results/releases/{name}/samples/{stage}/pictures",
        limits="results/releases/{name}/anatomy/limits.json",
    output:
        checked="results/releases/{name}/anatomy/{stage}.parquet",
    log:
        "logs/releases/{name}/check_anatomy.{stage}.log",
    benchmark:
        "results/benchmarks/releases/{name}/check_anatomy.{stage}.tsv"
    conda:
        "../../../envs/privacy.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=120,
    params:
        code=code_digest("avatarflow.quality.anatomy.step"),
        entry="releases/{name}",
        columns=lambda wildcards: list(config["releases"][wildcards.name]["conditions"]),
    script:
        "../../scripts/images/check_anatomy.py"
