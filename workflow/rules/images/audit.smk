# Reads: originals and foreign candidates. Writes: results/audits/<name>/decisions.parquet, baselines.tsv, report.html, internal.html, audit.json.
# Config: audits. Fingerprint, cones and decisions come from privacy.smk, stage `foreign`; the attacks from attack.smk.


rule audit_decisions:
    """Hand over the decisions on somebody else's pictures: one row per row of the candidates' manifest."""
    input:
        decisions="results/audits/{name}/privacy/foreign.decisions.parquet",
    output:
        decisions=report(
            "results/audits/{name}/decisions.parquet",
            category="Privacy",
            caption="../../report/decisions.rst",
            labels={"entry": "{name}", "table": "decisions"},
        ),
    log:
        "logs/audits/{name}/audit_decisions.log",
    benchmark:
        "results/benchmarks/audits/{name}/audit_decisions.tsv"
    conda:
        "../../../envs/privacy.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code_digest("avatarflow.privacy.cones.decide_step"),
        entry="audits/{name}",
    script:
        "../../scripts/images/audit/audit_decisions.py"


rule weigh_candidates:
    """Put the decisions into figures, and ask the cone's baselines about the same candidates: one rule alone is no evidence."""
    input:
        unpack(verifications_of_audit),
        pool="results/audits/{name}/pool/pictures",
        candidates="results/audits/{name}/samples/foreign/pictures",
        cones="results/audits/{name}/privacy/cones.safetensors",
        originals="results/audits/{name}/privacy/originals.safetensors",
        risks="results/audits/{name}/privacy/risks.safetensors",
        fingerprints="results/audits/{name}/privacy/foreign.safetensors",
        decisions="results/audits/{name}/decisions.parquet",
        baselines="results/audits/{name}/privacy/baselines.tsv",
    output:
        weighed="results/audits/{name}/privacy/foreign.json",
        baselines=report(
            "results/audits/{name}/baselines.tsv",
            category="Privacy",
            caption="../../report/foreign_baselines.rst",
            labels={"entry": "{name}", "table": "baselines on the candidates"},
        ),
        figure=report(
            "results/audits/{name}/privacy/risks.png",
            category="Privacy",
            caption="../../report/risks.rst",
            labels={"entry": "{name}", "figure": "risks"},
        ),
    log:
        "logs/audits/{name}/weigh_candidates.log",
    benchmark:
        "results/benchmarks/audits/{name}/weigh_candidates.tsv"
    conda:
        "../../../envs/privacy.yaml"
    threads: config["compute"]["threads"]
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        code=code_digest("avatarflow.audit.step"),
        entry="audits/{name}",
        settings=lambda wildcards: {
            key: config["audits"][wildcards.name][key] for key in ("cone", "conditions", "cameras")
        },
        seed=config["seed"],
    script:
        "../../scripts/images/audit/weigh_candidates.py"


use rule nearest_pairs as audit_pairs with:
    input:
        pool="results/audits/{name}/pool/pictures",
        samples="results/audits/{name}/samples/foreign/pictures",
        decisions="results/audits/{name}/decisions.parquet",
    output:
        pairs="results/audits/{name}/privacy/nearest_pairs.png",
    log:
        "logs/audits/{name}/audit_pairs.log",
    benchmark:
        "results/benchmarks/audits/{name}/audit_pairs.tsv"
    params:
        code=code_digest("avatarflow.quality.pairs"),
        entry="audits/{name}",
        selection="judged",  # for the auditor, rejected candidates too, on the internal page only
        pairs=lambda wildcards: config["audits"][wildcards.name]["pairs"],


rule audit_report:
    """One page that the privacy officer can read: what was asked, what was found, what could not be judged. And once more with originals."""
    input:
        unpack(verifier_figures_of_audit),
        originals="results/audits/{name}/pool/summary.json",
        candidates="results/audits/{name}/samples/foreign/summary.json",
        calibrated="results/audits/{name}/privacy/calibration.json",
        weighed="results/audits/{name}/privacy/foreign.json",
        attacks="results/audits/{name}/attacks/attacks.json",
        risks="results/audits/{name}/privacy/risks.png",
        plane="results/audits/{name}/privacy/settings_plane.png",
        baselines="results/audits/{name}/privacy/baselines.png",
        attacks_figure="results/audits/{name}/attacks/attacks.png",
        pairs="results/audits/{name}/privacy/nearest_pairs.png",
    output:
        page=report(
            "results/audits/{name}/report.html",
            category="Release",
            caption="../../report/audit_report.rst",
            labels={"entry": "{name}", "document": "officer's page"},
        ),
        internal="results/audits/{name}/internal.html",
        plain="results/audits/{name}/audit.json",
    log:
        "logs/audits/{name}/audit_report.log",
    benchmark:
        "results/benchmarks/audits/{name}/audit_report.tsv"
    conda:
        "../../../envs/quality.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code_digest("avatarflow.audit.report")
        + template_digest("audit_report.html.j2", *PAGE_PARTS),
        entry="audits/{name}",
        settings=lambda wildcards: entry("audits", wildcards.name),
    script:
        "../../scripts/images/audit/audit_report.py"
