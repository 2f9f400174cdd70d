# Reads: the pool, the teacher, the cones, the matcher's threshold. Writes: results/releases/<name>/privacy/near_duplicates*.
# Config: near_duplicates, verifier. Test only: nothing here reaches an own radius or a calibration.


rule make_near_duplicates:
    """Make what published filters let through: pictures that a model made of an original, still the same eye."""
    input:
        pool="results/releases/{name}/pool/pictures",
        model="results/releases/{name}/teacher/model_index.json",
    output:
        pictures=directory("results/releases/{name}/privacy/near_duplicates/pictures"),
    log:
        "logs/releases/{name}/make_near_duplicates.log",
    benchmark:
        "results/benchmarks/releases/{name}/make_near_duplicates.tsv"
    conda:
        "../../../envs/images.yaml"
    threads: config["compute"]["threads"]
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        code=code_digest("avatarflow.privacy.near_duplicates.make"),
        entry="releases/{name}",
        settings=lambda wildcards: {
            "near_duplicates": config["releases"][wildcards.name]["near_duplicates"],
            "conditions": config["releases"][wildcards.name]["conditions"],
            "generator": config["releases"][wildcards.name]["generator"],
            "compute": config["compute"],
        },
        seed=config["seed"],
    script:
        "../../scripts/privacy/make_near_duplicates.py"


use rule fingerprint_candidates as fingerprint_near_duplicates with:
    input:
        candidates="results/releases/{name}/privacy/near_duplicates/pictures",
        encoder="results/releases/{name}/privacy/encoder.safetensors",
    output:
        fingerprints="results/releases/{name}/privacy/near_duplicates/fingerprints.safetensors",
    log:
        "logs/releases/{name}/fingerprint_near_duplicates.log",
    benchmark:
        "results/benchmarks/releases/{name}/fingerprint_near_duplicates.tsv"
    params:
        code=code_digest("avatarflow.privacy.fingerprints.step"),
        entry="releases/{name}",
        compute=config["compute"],


rule judge_near_duplicates:
    """Measure which of them the cones reject, of those that an independent matcher still takes for the original."""
    input:
        pictures="results/releases/{name}/privacy/near_duplicates/pictures",
        fingerprints="results/releases/{name}/privacy/near_duplicates/fingerprints.safetensors",
        pool="results/releases/{name}/pool/pictures",
        encoder="results/releases/{name}/privacy/encoder.safetensors",
        cones="results/releases/{name}/privacy/cones.safetensors",
        trial="results/releases/{name}/privacy/verifier.json",
    output:
        results="results/releases/{name}/privacy/near_duplicates.tsv",
        figure=report(
            "results/releases/{name}/privacy/near_duplicates.png",
            category="Privacy",
            caption="../../report/near_duplicates.rst",
            labels={"entry": "{name}", "figure": "near-duplicates"},
        ),
    log:
        "logs/releases/{name}/judge_near_duplicates.log",
    benchmark:
        "results/benchmarks/releases/{name}/judge_near_duplicates.tsv"
    conda:
        "../../../envs/privacy.yaml"
    threads: config["compute"]["threads"]
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        code=code_digest("avatarflow.privacy.near_duplicates.decide"),
        entry="releases/{name}",
        verifier=settings("verifier"),
        seed=config["seed"],
    script:
        "../../scripts/privacy/judge_near_duplicates.py"
