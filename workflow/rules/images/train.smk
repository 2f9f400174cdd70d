# Reads: generated eyes, the training set, a base. Writes: results/bases/<base>/, results/releases/<name>/teacher/ (diffusers folders).
# Config: base, network, finetune, conditions, compute. State that survives a killed job: results/state/.


rule pretrain:
    """Learn what an eye looks like from generated eyes, so that the public base holds no personal data."""
    output:
        model="results/bases/{base}/model_index.json",
    log:
        "logs/bases/{base}/pretrain.log",
    benchmark:
        "results/benchmarks/bases/{base}/pretrain.tsv"
    conda:
        "../../../envs/images.yaml"
    threads: config["compute"]["threads"]
    resources:
        mem_mb=6000,
        runtime=720,
    params:
        code=code_digest("avatarflow.generators.steps", "avatarflow.imaging.phantom.eyes"),
        entry=lambda wildcards: f"releases/{BASES[wildcards.base]}",
        settings=lambda wildcards: base_settings(config, BASES[wildcards.base]),
        state="results/state/bases/{base}",  # undeclared: checkpoints must outlive a failed or killed job
    script:
        "../../scripts/images/pretrain.py"


rule finetune:
    """Teach the base the originals: the teacher, which is internal only."""
    input:
        unpack(base_model),
        training="results/releases/{name}/training/pictures",
    output:
        model="results/releases/{name}/teacher/model_index.json",
    log:
        "logs/releases/{name}/finetune.log",
    benchmark:
        "results/benchmarks/releases/{name}/finetune.tsv"
    conda:
        "../../../envs/images.yaml"
    threads: config["compute"]["threads"]
    resources:
        mem_mb=6000,
        runtime=720,
    params:
        code=code_digest("avatarflow.generators.steps"),
        entry="releases/{name}",
        settings=lambda wildcards: training_settings(wildcards.name, "finetune"),
        state="results/state/releases/{name}/finetune",
    script:
        "../../scripts/images/finetune.py"
