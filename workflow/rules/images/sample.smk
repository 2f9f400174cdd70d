# Reads: a generator. Writes: results/releases/<name>/samples/<stage>/pictures/, the candidates, cut by picture count.
# Config: sample, conditions, compute. Shards: `--set-scatter sample=N`; the pictures do not depend on N.


wildcard_constraints:
    scatteritem="[0-9]+-of-[0-9]+",


rule sample:
    """Draw one shard of candidates; every picture has its own seed, so shards only divide the work."""
    input:
        model="results/releases/{name}/{stage}/model_index.json",
    output:
        pictures=temp("results/releases/{name}/samples/{stage}/parts/{scatteritem}.parquet"),
    log:
        "logs/releases/{name}/sample.{stage}.{scatteritem}.log",
    benchmark:
        "results/benchmarks/releases/{name}/sample.{stage}.{scatteritem}.tsv"
    conda:
        "../../../envs/images.yaml"
    threads: config["compute"]["threads"]
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        code=code_digest("avatarflow.generators.steps"),
        entry="releases/{name}",
        settings=lambda wildcards: {
            "conditions": config["releases"][wildcards.name]["conditions"],
            "family": config["releases"][wildcards.name]["generator"]["family"],
            "sample": config["releases"][wildcards.name]["sample"][wildcards.stage],
            "compute": config["compute"],
            "seed": config["seed"],
        },
        state="results/state/releases/{name}/sample-{stage}",
    script:
        "../../scripts/images/sample.py"


rule collect_samples:
    """Join the shards by picture number, so that nothing behind this rule knows how the work was divided."""
    input:
        parts=gather.sample(
            "results/releases/{{name}}/samples/{{stage}}/parts/{scatteritem}.parquet"
        ),
    output:
        pictures=directory("results/releases/{name}/samples/{stage}/pictures"),
    log:
        "logs/releases/{name}/collect_samples.{stage}.log",
    benchmark:
        "results/benchmarks/releases/{name}/collect_samples.{stage}.tsv"
    conda:
        "../../../envs/images.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code_digest("avatarflow.imaging.shards"),
        entry="releases/{name}",
    script:
        "../../scripts/images/collect_samples.py"
