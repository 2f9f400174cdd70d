# Reads: the pool, candidates and decisions, of a release also both generators. Writes: results/<map>/<name>/attacks/.
# Config: attacks, conditions, compute. Generators and fingerprints (torch) are attacked apart from what is searched (faiss).


wildcard_constraints:
    target="teacher|student|release|foreign|accepted",


rule make_positive_controls:
    """Make the leak that attacks on pictures must catch: altered copies of non-members, who were never trained on."""
    input:
        pool="results/{map}/{name}/pool/pictures",
        encoder="results/{map}/{name}/privacy/encoder.safetensors",
    output:
        pictures=directory("results/{map}/{name}/attacks/leaks/pictures"),
        fingerprints="results/{map}/{name}/attacks/leaks.safetensors",
    log:
        "logs/{map}/{name}/make_positive_controls.log",
    benchmark:
        "results/benchmarks/{map}/{name}/make_positive_controls.tsv"
    conda:
        "../../../envs/privacy.yaml"
    threads: config["compute"]["threads"]
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        code=code_digest("avatarflow.privacy.attacks.controls.leaked_pictures"),
        entry="{map}/{name}",
        compute=config["compute"],
        seed=config["seed"],
    script:
        "../../scripts/attacks/make_positive_controls.py"


rule attack_pictures:
    """Ask of pictures alone whom the generator was trained on; twice, with the cone's fingerprints and with pixels."""
    input:
        pool="results/{map}/{name}/pool/pictures",
        samples=attacked("samples/{stage}/pictures"),
        decisions=attacked("privacy/{stage}.decisions.parquet"),
        encoder="results/{map}/{name}/privacy/encoder.safetensors",
        originals="results/{map}/{name}/privacy/originals.safetensors",
        fingerprints=attacked("privacy/{stage}.safetensors"),
        leaks="results/{map}/{name}/attacks/leaks/pictures",
        leaks_fingerprints="results/{map}/{name}/attacks/leaks.safetensors",
    output:
        results="results/{map}/{name}/attacks/{target}.pictures.json",
    log:
        "logs/{map}/{name}/attack_pictures.{target}.log",
    benchmark:
        "results/benchmarks/{map}/{name}/attack_pictures.{target}.tsv"
    conda:
        "../../../envs/privacy.yaml"
    threads: config["compute"]["threads"]
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        code=code_digest("avatarflow.privacy.attacks.on_pictures.step"),
        entry="{map}/{name}",
        attacks=settings("attacks"),
        conditions=settings("conditions"),
        seed=config["seed"],
    script:
        "../../scripts/attacks/attack_pictures.py"


rule attack_generator:
    """Ask a generator whom it was trained on; a copy that is taught non-members on purpose must give them away."""
    input:
        pool="results/releases/{name}/pool/pictures",
        model="results/releases/{name}/{stage}/model_index.json",
    output:
        results="results/releases/{name}/attacks/{stage}.generator.json",
    log:
        "logs/releases/{name}/attack_generator.{stage}.log",
    benchmark:
        "results/benchmarks/releases/{name}/attack_generator.{stage}.tsv"
    conda:
        "../../../envs/images.yaml"
    threads: config["compute"]["threads"]
    resources:
        mem_mb=6000,
        runtime=240,
    params:
        code=code_digest("avatarflow.privacy.attacks.on_generator.step"),
        entry="releases/{name}",
        settings=lambda wildcards: {
            "conditions": config["releases"][wildcards.name]["conditions"],
            "generator": config["releases"][wildcards.name]["generator"],
            "attacks": config["releases"][wildcards.name]["attacks"],
            "compute": config["compute"],
        },
        seed=config["seed"],
        state="results/state/releases/{name}/attack-{stage}",
    script:
        "../../scripts/attacks/attack_generator.py"


rule join_attacks:
    """Put all attacks side by side: a release decides by them whether the student's generator may be published."""
    input:
        parts=attack_parts,
    output:
        results="results/{map}/{name}/attacks/attacks.json",
        figure=report(
            "results/{map}/{name}/attacks/attacks.png",
            category="Privacy",
            caption="../../report/attacks.rst",
            labels={"entry": "{name}", "figure": "attacks"},
        ),
    log:
        "logs/{map}/{name}/join_attacks.log",
    benchmark:
        "results/benchmarks/{map}/{name}/join_attacks.tsv"
    conda:
        "../../../envs/privacy.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code_digest("avatarflow.privacy.attacks.summary"),
        entry="{map}/{name}",
        attacks=settings("attacks"),
    script:
        "../../scripts/attacks/join_attacks.py"
