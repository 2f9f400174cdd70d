# Reads: originals and foreign candidates. Writes: results/audits/<name>/verdicts.parquet.
# Config: audits. Fingerprint, cones and verdicts come from privacy.smk, with every original in the gallery and stage `foreign`.


rule audit_verdicts:
    """Hand over the verdicts on somebody else's pictures: one row per row of the candidates' manifest."""
    input:
        verdicts="results/audits/{name}/privacy/foreign.verdicts.parquet",
    output:
        verdicts=report(
            "results/audits/{name}/verdicts.parquet",
            category="Privacy",
            caption="../report/verdicts.rst",
            labels={"entry": "{name}", "table": "verdicts"},
        ),
    log:
        "logs/audits/{name}/audit_verdicts.log",
    benchmark:
        "benchmarks/audits/{name}/audit_verdicts.tsv"
    conda:
        "../../envs/privacy.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code_digest("avatarflow.privacy.verdicts"),
        entry="audits/{name}",
    script:
        "../scripts/audit_verdicts.py"
