# Reads: accepted teacher pictures, the public base. Writes: results/releases/<name>/student/ (a diffusers folder).
# Config: distill, network, conditions, compute.


rule distill:
    """Train a student on accepted pictures only, from the public base, so that no original ever touched its weights."""
    input:
        unpack(base_model),
        samples="results/releases/{name}/samples/teacher/pictures",
        decisions="results/releases/{name}/privacy/teacher.decisions.parquet",
    output:
        model="results/releases/{name}/student/model_index.json",
    log:
        "logs/releases/{name}/distill.log",
    benchmark:
        "results/benchmarks/releases/{name}/distill.tsv"
    conda:
        "../../../envs/images.yaml"
    threads: config["compute"]["threads"]
    resources:
        mem_mb=6000,
        runtime=720,
    params:
        code=code_digest("avatarflow.generators.steps"),
        entry="releases/{name}",
        settings=lambda wildcards: training_settings(wildcards.name, "distill"),
        state="results/state/releases/{name}/distill",
    script:
        "../../scripts/images/distill.py"
