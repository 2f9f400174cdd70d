# Reads: originals and foreign candidates. Writes: results/audits/<name>/verdicts.parquet.
# Config: audits. The fingerprint and the cones come from the rules in privacy.smk, with every original in the gallery.


rule fingerprint_foreign:
    """Fingerprints of foreign candidates; unreadable ones get none and are refused for it."""
    input:
        candidates="results/audits/{name}/candidates/pictures",
        encoder="results/audits/{name}/privacy/encoder.safetensors",
    output:
        fingerprints="results/audits/{name}/privacy/candidates.npy",
    log:
        "logs/audits/{name}/fingerprint_foreign.log",
    benchmark:
        "benchmarks/audits/{name}/fingerprint_foreign.tsv"
    conda:
        "../../envs/privacy.yaml"
    threads: config["compute"]["threads"]
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        code=code_digest("avatarflow.privacy.fingerprints"),
        entry="audits/{name}",
        compute=config["compute"],
    script:
        "../scripts/fingerprint_candidates.py"


rule judge_foreign:
    """Judge somebody else's synthetic pictures: one verdict per row of the candidates' manifest."""
    input:
        candidates="results/audits/{name}/candidates/pictures",
        fingerprints="results/audits/{name}/privacy/candidates.npy",
        originals="results/audits/{name}/privacy/originals.npy",
        cones="results/audits/{name}/privacy/cones.safetensors",
    output:
        verdicts=report(
            "results/audits/{name}/verdicts.parquet",
            category="Privacy",
            caption="../report/verdicts.rst",
            labels={"entry": "{name}", "table": "verdicts"},
        ),
    log:
        "logs/audits/{name}/judge_foreign.log",
    benchmark:
        "benchmarks/audits/{name}/judge_foreign.tsv"
    conda:
        "../../envs/privacy.yaml"
    threads: config["compute"]["threads"]
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        code=code_digest("avatarflow.privacy.judging"),
        entry="audits/{name}",
    script:
        "../scripts/judge_candidates.py"
