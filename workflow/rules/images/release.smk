# Reads: accepted student pictures and every figure measured. Writes: results/releases/<name>/release/, report.html, dossier/.
# Config: gates, release. Where a gate fails there is a certificate and no data.


rule release:
    """Hold every figure against its gate; write the pictures with their certificate, or the refusal alone."""
    input:
        unpack(verifier_figures),
        unpack(canary_results),
        unpack(anatomy_limits),
        unpack(private_teacher),
        samples="results/releases/{name}/samples/student/pictures",
        decisions="results/releases/{name}/privacy/student.decisions.parquet",
        teacher_samples="results/releases/{name}/samples/teacher/pictures",
        teacher_decisions="results/releases/{name}/privacy/teacher.decisions.parquet",
        summary="results/releases/{name}/pool/summary.json",
        calibrated="results/releases/{name}/privacy/calibration.json",
        metrics="results/releases/{name}/evaluation/metrics.json",
        attacks="results/releases/{name}/attacks/attacks.json",
        model="results/releases/{name}/student/model_index.json",
    output:
        certificate=report(
            "results/releases/{name}/release/certificate.json",
            category="Release",
            caption="../../report/certificate.rst",
            labels={"entry": "{name}", "document": "certificate"},
        ),
        card="results/releases/{name}/release/README.md",
        checksums="results/releases/{name}/release/SHA256SUMS",
    log:
        "logs/releases/{name}/release.log",
    benchmark:
        "results/benchmarks/releases/{name}/release.tsv"
    conda:
        "../../../envs/quality.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        code=code_digest("avatarflow.release.step")
        + template_digest("card.md.j2", "parts/signed.md.j2"),
        entry="releases/{name}",
        settings=settings(),
        signing=signing_of_pictures,
    script:
        "../../scripts/images/release.py"


rule officer_report:
    """One page that the privacy officer can read, with every figure of the certificate and the pictures behind it."""
    input:
        unpack(near_duplicates),
        unpack(canary_figure),
        certificate="results/releases/{name}/release/certificate.json",
        plane="results/releases/{name}/privacy/settings_plane.png",
        baselines="results/releases/{name}/privacy/baselines.png",
        attacks="results/releases/{name}/attacks/attacks.json",
        attacks_figure="results/releases/{name}/attacks/attacks.png",
        overview="results/releases/{name}/evaluation/overview.png",
        frontier="results/releases/{name}/evaluation/frontier.png",
        pairs="results/releases/{name}/evaluation/nearest_pairs.png",
    output:
        page=report(
            "results/releases/{name}/report.html",
            category="Release",
            caption="../../report/officer_report.rst",
            labels={"entry": "{name}", "document": "officer's page"},
        ),
    log:
        "logs/releases/{name}/officer_report.log",
    benchmark:
        "results/benchmarks/releases/{name}/officer_report.tsv"
    conda:
        "../../../envs/quality.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code_digest("avatarflow.release.report")
        + template_digest("officer_report.html.j2", *PAGE_PARTS),
        entry="releases/{name}",
        contact_sheet="results/releases/{name}/release/contact_sheet.png",  # absent where the release was refused
    script:
        "../../scripts/images/officer_report.py"


rule release_dossier:
    """The dossier for the privacy officer, in both languages: whether the release may be published, why, and the page to sign."""
    input:
        certificate="results/releases/{name}/release/certificate.json",
        summary="results/releases/{name}/pool/summary.json",
        calibrated="results/releases/{name}/privacy/calibration.json",
        attacks="results/releases/{name}/attacks/attacks.json",
        decisions="results/releases/{name}/privacy/decisions.parquet",
    output:
        **dossier("results/releases/{name}/dossier"),
    log:
        "logs/releases/{name}/release_dossier.log",
    benchmark:
        "results/benchmarks/releases/{name}/release_dossier.tsv"
    conda:
        "../../../envs/quality.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code_digest("avatarflow.release.dossier.pictures") + template_digest(*DOSSIER_PARTS),
        entry="releases/{name}",
        settings=dossier_settings,
    script:
        "../../scripts/images/release_dossier.py"
