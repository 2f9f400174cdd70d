# Reads: the pool. Writes: results/releases/<name>/training/, the pictures the teacher learns from.
# Config: augment.


rule augment:
    """Vary the training originals (never the held-out subjects) so that the generator sees poses and light, not files."""
    input:
        unpack(canary_pictures),
        pool="results/releases/{name}/pool/pictures",
    output:
        pictures=directory("results/releases/{name}/training/pictures"),
    log:
        "logs/releases/{name}/augment.log",
    benchmark:
        "results/benchmarks/releases/{name}/augment.tsv"
    conda:
        "../../../envs/images.yaml"
    threads: config["compute"]["threads"]
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        code=code_digest("avatarflow.generators.training_data"),
        entry="releases/{name}",
        augment=settings("augment"),
        seed=config["seed"],
    script:
        "../../scripts/images/augment.py"
