# Reads: the configured genomes and panel (or nothing: made-up genomes). Writes: results/read_benchmarks/<name>/{genome,people,individuals}/.
# Config: read_benchmarks.<name>: reference, microbes, donors, coalescent, rates, structural, reads.variation, seeds.


wildcard_constraints:
    donor="[A-Za-z0-9_-]+",
    variation=r"[0-9.e-]+",
    error=r"[0-9.e-]+",
    cell=r"e[0-9.e-]+_v[0-9.e-]+|own|spiked",
    tool="[a-z0-9-]+",
    setting="[A-Za-z0-9_.-]+",


rule prepare_genomes:
    """Check every genome, or make them up, and write them in one form, so that no later rule meets a raw file."""
    input:
        unpack(reference_file),
        genomes=lambda wildcards: [
            data(part["fasta"]) for part in present_genomes(wildcards).values()
        ],
    output:
        host="results/read_benchmarks/{name}/genome/host.fa",
        microbes="results/read_benchmarks/{name}/genome/microbes.fa",
    log:
        "logs/read_benchmarks/{name}/prepare_genomes.log",
    benchmark:
        "results/benchmarks/read_benchmarks/{name}/prepare_genomes.tsv"
    conda:
        "../../../envs/reads.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        code=code_digest("avatarflow.reads.genomes.prepare"),
        entry="read_benchmarks/{name}",
        reference=reference_settings("region", "generated_bp"),
        taxa=lambda wildcards: [*present_genomes(wildcards)],
        generated=lambda wildcards: benchmark_of(wildcards)["microbes"]["generated"],
        seed=lambda wildcards: read_seed(wildcards, "genome"),
    script:
        "../../scripts/reads/simulation/prepare_genomes.py"


rule find_regions:
    """Tell repeats, chrM, sex chromosomes and one's own classes of places apart, so that misses there can be counted apart."""
    input:
        unpack(reference_file),
        host="results/read_benchmarks/{name}/genome/host.fa",
        beds=lambda wildcards: [data(path) for path in regions_of(wildcards).values()],
    output:
        regions="results/read_benchmarks/{name}/genome/regions.parquet",
    log:
        "logs/read_benchmarks/{name}/find_regions.log",
    benchmark:
        "results/benchmarks/read_benchmarks/{name}/find_regions.tsv"
    conda:
        "../../../envs/reads.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        code=code_digest("avatarflow.reads.genomes.regions"),
        entry="read_benchmarks/{name}",
        reference=reference_settings("generated_bp"),
        regions=lambda wildcards: [*regions_of(wildcards)],
        seed=lambda wildcards: read_seed(wildcards, "genome"),
    script:
        "../../scripts/reads/simulation/find_regions.py"


rule simulate_panel:
    """Simulate a population on the host, so that donors and who they are told apart from need no real genotypes."""
    input:
        host="results/read_benchmarks/{name}/genome/host.fa",
    output:
        vcf="results/read_benchmarks/{name}/people/panel.vcf.gz",
        index="results/read_benchmarks/{name}/people/panel.vcf.gz.tbi",
    log:
        "logs/read_benchmarks/{name}/simulate_panel.log",
    benchmark:
        "results/benchmarks/read_benchmarks/{name}/simulate_panel.tsv"
    conda:
        "../../../envs/reads.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        code=code_digest("avatarflow.reads.donors.coalescent"),
        entry="read_benchmarks/{name}",
        settings=lambda wildcards: benchmark_of(wildcards)["coalescent"],
        rates=lambda wildcards: benchmark_of(wildcards)["rates"],
        seed=lambda wildcards: read_seed(wildcards, "variation"),
    script:
        "../../scripts/reads/simulation/simulate_panel.py"


rule make_individual:
    """Make a diploid individual from the reference: two haplotypes and the phased VCF that makes them."""
    input:
        unpack(panel_file),
        host="results/read_benchmarks/{name}/genome/host.fa",
    output:
        haplotype1="results/read_benchmarks/{name}/individuals/{donor}/v{variation}/haplotype1.fa",
        haplotype2="results/read_benchmarks/{name}/individuals/{donor}/v{variation}/haplotype2.fa",
        vcf="results/read_benchmarks/{name}/individuals/{donor}/v{variation}/variants.vcf.gz",
        index="results/read_benchmarks/{name}/individuals/{donor}/v{variation}/variants.vcf.gz.tbi",
        variants="results/read_benchmarks/{name}/individuals/{donor}/v{variation}/variants.parquet",
        parts="results/read_benchmarks/{name}/individuals/{donor}/v{variation}/parts.parquet",
    log:
        "logs/read_benchmarks/{name}/make_individual.{donor}.v{variation}.log",
    benchmark:
        "results/benchmarks/read_benchmarks/{name}/make_individual.{donor}.v{variation}.tsv"
    conda:
        "../../../envs/reads.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        code=code_digest("avatarflow.reads.donors.individual"),
        entry="read_benchmarks/{name}",
        sample=panel_sample,
        rates=lambda wildcards: benchmark_of(wildcards)["rates"],
        structural=lambda wildcards: benchmark_of(wildcards)["structural"],
        seed=lambda wildcards: read_seed(wildcards, "variation"),
    script:
        "../../scripts/reads/simulation/make_individual.py"
