# Reads: generators, candidates, cones of a release. Writes: results/releases/<name>/canaries/, attacks/canaries.{json,tsv,png}.
# Config: canaries (null: none of these rules runs), conditions, size_px, cone, compute.


rule make_canaries:
    """Draw eyes that are nobody's, so that what a generator keeps of a picture can be measured with known ones."""
    output:
        pictures=directory("results/releases/{name}/canaries/pictures"),
    log:
        "logs/releases/{name}/make_canaries.log",
    benchmark:
        "results/benchmarks/releases/{name}/make_canaries.tsv"
    conda:
        "../../../envs/images.yaml"
    threads: config["compute"]["threads"]
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code_digest("avatarflow.intake.canaries"),
        entry="releases/{name}",
        canaries=settings("canaries"),
        conditions=settings("conditions"),
        size_px=settings("size_px"),
        seed=config["seed"],
    script:
        "../../scripts/attacks/make_canaries.py"


rule fingerprint_canaries:
    """Fingerprints of canaries and of their perturbations: they get cones as originals do, so that the filter can catch them."""
    input:
        canaries="results/releases/{name}/canaries/pictures",
        encoder="results/releases/{name}/privacy/encoder.safetensors",
    output:
        fingerprints="results/releases/{name}/canaries/fingerprints.safetensors",
        own="results/releases/{name}/canaries/perturbations.own.safetensors",
    log:
        "logs/releases/{name}/fingerprint_canaries.log",
    benchmark:
        "results/benchmarks/releases/{name}/fingerprint_canaries.tsv"
    conda:
        "../../../envs/privacy.yaml"
    threads: config["compute"]["threads"]
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        code=code_digest("avatarflow.privacy.canaries.fingerprinting"),
        entry="releases/{name}",
        cone=settings("cone"),
        compute=config["compute"],
        seed=config["seed"],
    script:
        "../../scripts/attacks/fingerprint_canaries.py"


rule expose_generator:
    """Ask a generator for the canaries, by every attack on it."""
    input:
        canaries="results/releases/{name}/canaries/pictures",
        model="results/releases/{name}/{stage}/model_index.json",
    output:
        results="results/releases/{name}/canaries/{stage}.generator.json",
    log:
        "logs/releases/{name}/expose_generator.{stage}.log",
    benchmark:
        "results/benchmarks/releases/{name}/expose_generator.{stage}.tsv"
    conda:
        "../../../envs/images.yaml"
    threads: config["compute"]["threads"]
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        code=code_digest("avatarflow.privacy.canaries.model_step"),
        entry="releases/{name}",
        settings=lambda wildcards: {
            "conditions": config["releases"][wildcards.name]["conditions"],
            "generator": config["releases"][wildcards.name]["generator"],
            "compute": config["compute"],
        },
        seed=config["seed"],
    script:
        "../../scripts/attacks/expose_generator.py"


rule expose_pictures:
    """Look for the canaries in a set of pictures: by their own cones, by the matcher, by the attacks that need no generator."""
    input:
        canaries="results/releases/{name}/canaries/pictures",
        canaries_fingerprints="results/releases/{name}/canaries/fingerprints.safetensors",
        samples=attacked("samples/{stage}/pictures"),
        fingerprints=attacked("privacy/{stage}.safetensors"),
        decisions=attacked("privacy/{stage}.decisions.parquet"),
        cones="results/releases/{name}/privacy/cones.safetensors",
    output:
        results="results/releases/{name}/canaries/{target}.pictures.json",
    log:
        "logs/releases/{name}/expose_pictures.{target}.log",
    benchmark:
        "results/benchmarks/releases/{name}/expose_pictures.{target}.tsv"
    conda:
        "../../../envs/privacy.yaml"
    threads: config["compute"]["threads"]
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        code=code_digest("avatarflow.privacy.canaries.picture_step"),
        entry="releases/{name}",
        kind=settings("canaries", "kind"),
        seed=config["seed"],
    script:
        "../../scripts/attacks/expose_pictures.py"


rule join_canaries:
    """Set out what is found of the canaries over how often they were trained on: the exposure curves."""
    input:
        canaries="results/releases/{name}/canaries/pictures",
        parts=expand(
            "results/releases/{{name}}/canaries/{part}.json",
            part=[
                "teacher.generator",
                "student.generator",
                "teacher.pictures",
                "student.pictures",
                "release.pictures",
            ],
        ),
    output:
        results="results/releases/{name}/attacks/canaries.json",
        rows="results/releases/{name}/attacks/canaries.tsv",
        figure=report(
            "results/releases/{name}/attacks/canaries.png",
            category="Privacy",
            caption="../../report/canaries.rst",
            labels={"entry": "{name}", "figure": "canaries"},
        ),
    log:
        "logs/releases/{name}/join_canaries.log",
    benchmark:
        "results/benchmarks/releases/{name}/join_canaries.tsv"
    conda:
        "../../../envs/privacy.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code_digest("avatarflow.privacy.canaries.summary"),
        entry="releases/{name}",
        canaries=settings("canaries"),
        seed=config["seed"],
    script:
        "../../scripts/attacks/join_canaries.py"
