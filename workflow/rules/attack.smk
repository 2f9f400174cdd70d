# Reads: the pool, candidates and verdicts, both generators. Writes: results/releases/<name>/attacks/.
# Config: attacks, conditions, compute. Generators and fingerprints (torch) are attacked apart from what is searched (faiss).


wildcard_constraints:
    target="teacher|student|release",


rule plant_leaks:
    """Make the leak that attacks on pictures must catch: altered copies of strangers, who were never trained on."""
    input:
        pool="results/releases/{name}/pool/pictures",
        encoder="results/releases/{name}/privacy/encoder.safetensors",
    output:
        pictures=directory("results/releases/{name}/attacks/leaks/pictures"),
        fingerprints="results/releases/{name}/attacks/leaks.safetensors",
    log:
        "logs/releases/{name}/plant_leaks.log",
    benchmark:
        "benchmarks/releases/{name}/plant_leaks.tsv"
    conda:
        "../../envs/privacy.yaml"
    threads: config["compute"]["threads"]
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        code=code_digest("avatarflow.privacy.attacks.leaks"),
        entry="releases/{name}",
        compute=config["compute"],
        seed=config["seed"],
    script:
        "../scripts/plant_leaks.py"


rule attack_pictures:
    """Ask of pictures alone whom the generator was trained on; twice, with the cone's fingerprints and with pixels."""
    input:
        pool="results/releases/{name}/pool/pictures",
        samples=lambda wildcards: f"results/releases/{wildcards.name}/samples/{attacked(wildcards)}/pictures",
        verdicts=lambda wildcards: f"results/releases/{wildcards.name}/privacy/{attacked(wildcards)}.verdicts.parquet",
        encoder="results/releases/{name}/privacy/encoder.safetensors",
        originals="results/releases/{name}/privacy/originals.safetensors",
        fingerprints=lambda wildcards: f"results/releases/{wildcards.name}/privacy/{attacked(wildcards)}.safetensors",
        leaks="results/releases/{name}/attacks/leaks/pictures",
        leaks_fingerprints="results/releases/{name}/attacks/leaks.safetensors",
    output:
        results="results/releases/{name}/attacks/{target}.pictures.json",
    log:
        "logs/releases/{name}/attack_pictures.{target}.log",
    benchmark:
        "benchmarks/releases/{name}/attack_pictures.{target}.tsv"
    conda:
        "../../envs/privacy.yaml"
    threads: config["compute"]["threads"]
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        code=code_digest("avatarflow.privacy.attacks.released_station"),
        entry="releases/{name}",
        attacks=settings("attacks"),
        conditions=settings("conditions"),
        seed=config["seed"],
    script:
        "../scripts/attack_pictures.py"


rule attack_generator:
    """Ask a generator whom it was trained on; a copy that is taught strangers on purpose must give them away."""
    input:
        pool="results/releases/{name}/pool/pictures",
        model="results/releases/{name}/{stage}/model_index.json",
    output:
        results="results/releases/{name}/attacks/{stage}.generator.json",
    log:
        "logs/releases/{name}/attack_generator.{stage}.log",
    benchmark:
        "benchmarks/releases/{name}/attack_generator.{stage}.tsv"
    conda:
        "../../envs/images.yaml"
    threads: config["compute"]["threads"]
    resources:
        mem_mb=6000,
        runtime=240,
    params:
        code=code_digest("avatarflow.privacy.attacks.generator_station"),
        entry="releases/{name}",
        settings=lambda wildcards: {
            "conditions": config["releases"][wildcards.name]["conditions"],
            "attacks": config["releases"][wildcards.name]["attacks"],
            "compute": config["compute"],
        },
        seed=config["seed"],
        state="results/state/releases/{name}/attack-{stage}",
    script:
        "../scripts/attack_generator.py"


rule join_attacks:
    """Put all attacks side by side: the release decides by them whether the student's generator may leave."""
    input:
        parts=expand(
            "results/releases/{{name}}/attacks/{part}.json",
            part=[
                "teacher.generator",
                "student.generator",
                "teacher.pictures",
                "student.pictures",
                "release.pictures",
            ],
        ),
    output:
        results="results/releases/{name}/attacks/attacks.json",
        figure=report(
            "results/releases/{name}/attacks/attacks.png",
            category="Privacy",
            caption="../report/attacks.rst",
            labels={"entry": "{name}", "figure": "attacks"},
        ),
    log:
        "logs/releases/{name}/join_attacks.log",
    benchmark:
        "benchmarks/releases/{name}/join_attacks.tsv"
    conda:
        "../../envs/privacy.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code_digest("avatarflow.privacy.attacks.summary"),
        entry="releases/{name}",
        attacks=settings("attacks"),
    script:
        "../scripts/join_attacks.py"
