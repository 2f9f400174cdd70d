# Reads: the pool, candidates. Writes: results/<map>/<name>/privacy/ (encoder, fingerprints, cones, decisions).
# Config: fingerprint, cone, verifier, compute. Fingerprints (torch) and search (faiss) never share a process: two OpenMP runtimes.


rule fit_fingerprint:
    """Learn what stays of an eye when its photograph is altered; seen: the persons of role `encoder`, nobody else."""
    input:
        pool="results/{map}/{name}/pool/pictures",
    output:
        encoder="results/{map}/{name}/privacy/encoder.safetensors",
    log:
        "logs/{map}/{name}/fit_fingerprint.log",
    benchmark:
        "results/benchmarks/{map}/{name}/fit_fingerprint.tsv"
    conda:
        "../../../envs/privacy.yaml"
    threads: config["compute"]["threads"]
    resources:
        mem_mb=6000,
        runtime=240,
    params:
        code=code_digest("avatarflow.privacy.fingerprints.step"),
        entry="{map}/{name}",
        fingerprint=settings("fingerprint"),
        families=lambda wildcards: {
            key: settings("cone", key)(wildcards) for key in ("families", "held_out_families")
        },
        compute=config["compute"],
        seed=config["seed"],
        state="results/state/{map}/{name}/fingerprint",
    script:
        "../../scripts/privacy/fit_fingerprint.py"


rule fingerprint_originals:
    """Fingerprints of every original, and of its perturbations: what the cones are measured with."""
    input:
        pool="results/{map}/{name}/pool/pictures",
        encoder="results/{map}/{name}/privacy/encoder.safetensors",
    output:
        originals="results/{map}/{name}/privacy/originals.safetensors",
        own="results/{map}/{name}/privacy/perturbations.own.safetensors",
        calibration="results/{map}/{name}/privacy/perturbations.calibration.safetensors",
        test="results/{map}/{name}/privacy/perturbations.test.safetensors",
        seen="results/{map}/{name}/privacy/perturbations.seen.safetensors",
    log:
        "logs/{map}/{name}/fingerprint_originals.log",
    benchmark:
        "results/benchmarks/{map}/{name}/fingerprint_originals.tsv"
    conda:
        "../../../envs/privacy.yaml"
    threads: config["compute"]["threads"]
    resources:
        mem_mb=6000,
        runtime=240,
    params:
        code=code_digest("avatarflow.privacy.fingerprints.step"),
        entry="{map}/{name}",
        cone=settings("cone"),
        compute=config["compute"],
        seed=config["seed"],
    script:
        "../../scripts/privacy/fingerprint_originals.py"


rule fingerprint_candidates:
    """Fingerprints of one stage's candidates."""
    input:
        candidates="results/{map}/{name}/samples/{stage}/pictures",
        encoder="results/{map}/{name}/privacy/encoder.safetensors",
    output:
        fingerprints="results/{map}/{name}/privacy/{stage}.safetensors",
    log:
        "logs/{map}/{name}/fingerprint_candidates.{stage}.log",
    benchmark:
        "results/benchmarks/{map}/{name}/fingerprint_candidates.{stage}.tsv"
    conda:
        "../../../envs/privacy.yaml"
    threads: config["compute"]["threads"]
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        code=code_digest("avatarflow.privacy.fingerprints.step"),
        entry="{map}/{name}",
        compute=config["compute"],
    script:
        "../../scripts/privacy/fingerprint_candidates.py"


rule calibrate_cones:
    """Set the cones so that every altered original of the calibration persons is rejected, and measure them on others."""
    input:
        unpack(canary_fingerprints),
        unpack(verifier_trial),
        pool="results/{map}/{name}/pool/pictures",
        encoder="results/{map}/{name}/privacy/encoder.safetensors",
        originals="results/{map}/{name}/privacy/originals.safetensors",
        own="results/{map}/{name}/privacy/perturbations.own.safetensors",
        calibration="results/{map}/{name}/privacy/perturbations.calibration.safetensors",
        test="results/{map}/{name}/privacy/perturbations.test.safetensors",
        seen="results/{map}/{name}/privacy/perturbations.seen.safetensors",
    output:
        cones="results/{map}/{name}/privacy/cones.safetensors",
        risks="results/{map}/{name}/privacy/risks.safetensors",
        calibrated="results/{map}/{name}/privacy/calibration.json",
        plane_data="results/{map}/{name}/privacy/settings_plane.tsv",
        plane=report(
            "results/{map}/{name}/privacy/settings_plane.png",
            category="Privacy",
            caption="../../report/settings_plane.rst",
            labels={"entry": "{name}", "figure": "settings plane"},
        ),
    log:
        "logs/{map}/{name}/calibrate_cones.log",
    benchmark:
        "results/benchmarks/{map}/{name}/calibrate_cones.tsv"
    conda:
        "../../../envs/privacy.yaml"
    threads: 4  # pictures that the verifier is asked about side by side
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        code=code_digest("avatarflow.privacy.cones.calibration"),
        entry="{map}/{name}",
        cone=settings("cone"),
        seed=config["seed"],
    script:
        "../../scripts/privacy/calibrate_cones.py"


rule compare_baselines:
    """Set the cone beside the published rules at equal sensitivity: what each accepts of held-out subjects, misses of originals."""
    input:
        unpack(canary_fingerprints),
        pool="results/{map}/{name}/pool/pictures",
        cones="results/{map}/{name}/privacy/cones.safetensors",
        originals="results/{map}/{name}/privacy/originals.safetensors",
        own="results/{map}/{name}/privacy/perturbations.own.safetensors",
        calibration="results/{map}/{name}/privacy/perturbations.calibration.safetensors",
        test="results/{map}/{name}/privacy/perturbations.test.safetensors",
    output:
        baselines="results/{map}/{name}/privacy/baselines.tsv",
        figure=report(
            "results/{map}/{name}/privacy/baselines.png",
            category="Privacy",
            caption="../../report/baselines.rst",
            labels={"entry": "{name}", "figure": "cone and baselines"},
        ),
    log:
        "logs/{map}/{name}/compare_baselines.log",
    benchmark:
        "results/benchmarks/{map}/{name}/compare_baselines.tsv"
    conda:
        "../../../envs/privacy.yaml"
    threads: config["compute"]["threads"]
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        code=code_digest("avatarflow.privacy.baselines.step"),
        entry="{map}/{name}",
        seed=config["seed"],
    script:
        "../../scripts/privacy/compare_baselines.py"


rule try_verifier:
    """Set the independent matcher's threshold on pictures of two persons, and measure it, before it is asked."""
    input:
        pool="results/{map}/{name}/pool/pictures",
    output:
        trial="results/{map}/{name}/privacy/verifier.json",
    log:
        "logs/{map}/{name}/try_verifier.log",
    benchmark:
        "results/benchmarks/{map}/{name}/try_verifier.tsv"
    conda:
        "../../../envs/privacy.yaml"
    threads: 4  # pictures that the verifier is asked about side by side
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        code=code_digest("avatarflow.privacy.verifier.trial"),
        entry="{map}/{name}",
        verifier=settings("verifier"),
        families=settings("cone", "families"),
        seed=config["seed"],
    script:
        "../../scripts/privacy/try_verifier.py"


rule verify_candidates:
    """Ask the independent matcher about every candidate: a blind spot of the fingerprint must not decide alone."""
    input:
        unpack(canary_pictures),
        candidates="results/{map}/{name}/samples/{stage}/pictures",
        pool="results/{map}/{name}/pool/pictures",
        fingerprints="results/{map}/{name}/privacy/{stage}.safetensors",
        calibrated="results/{map}/{name}/privacy/calibration.json",
        encoder="results/{map}/{name}/privacy/encoder.safetensors",
        cones="results/{map}/{name}/privacy/cones.safetensors",
        trial="results/{map}/{name}/privacy/verifier.json",
    output:
        verifier="results/{map}/{name}/privacy/{stage}.verifier.parquet",
        figures="results/{map}/{name}/privacy/{stage}.verifier.json",
    log:
        "logs/{map}/{name}/verify_candidates.{stage}.log",
    benchmark:
        "results/benchmarks/{map}/{name}/verify_candidates.{stage}.tsv"
    conda:
        "../../../envs/privacy.yaml"
    threads: 4  # pictures that the verifier is asked about side by side
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        code=code_digest("avatarflow.privacy.verifier.verify"),
        entry="{map}/{name}",
        verifier=settings("verifier"),
        seed=config["seed"],
    script:
        "../../scripts/privacy/verify_candidates.py"


rule judge_candidates:
    """Decide for each candidate picture whether it may be published: cone of privacy, all originals considered."""
    input:
        unpack(verification_of),
        unpack(anatomy_of),
        candidates="results/{map}/{name}/samples/{stage}/pictures",
        fingerprints="results/{map}/{name}/privacy/{stage}.safetensors",
        encoder="results/{map}/{name}/privacy/encoder.safetensors",
        cones="results/{map}/{name}/privacy/cones.safetensors",
    output:
        decisions="results/{map}/{name}/privacy/{stage}.decisions.parquet",
    log:
        "logs/{map}/{name}/judge_candidates.{stage}.log",
    benchmark:
        "results/benchmarks/{map}/{name}/judge_candidates.{stage}.tsv"
    conda:
        "../../../envs/privacy.yaml"
    threads: config["compute"]["threads"]
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        code=code_digest("avatarflow.privacy.cones.decide_step"),
        entry="{map}/{name}",
    script:
        "../../scripts/privacy/judge_candidates.py"


rule join_decisions:
    """One table of decisions for the officer: every candidate of both stages."""
    input:
        teacher="results/releases/{name}/privacy/teacher.decisions.parquet",
        student="results/releases/{name}/privacy/student.decisions.parquet",
    output:
        decisions=report(
            "results/releases/{name}/privacy/decisions.parquet",
            category="Privacy",
            caption="../../report/decisions.rst",
            labels={"entry": "{name}", "table": "decisions"},
        ),
    log:
        "logs/releases/{name}/join_decisions.log",
    benchmark:
        "results/benchmarks/releases/{name}/join_decisions.tsv"
    conda:
        "../../../envs/privacy.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code_digest("avatarflow.privacy.cones.decide_step"),
        entry="releases/{name}",
    script:
        "../../scripts/privacy/join_decisions.py"
