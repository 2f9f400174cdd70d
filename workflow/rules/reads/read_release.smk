# Reads: a user's reads, spike-ins, the calls of every tool on both, the donor's VCF and a panel where they are given.
# Writes: results/read_releases/<name>/: certificate.json, report.html, dossier/, and release/ where every gate passes. Config: read_releases.


rule spike_in:
    """Mix simulated human reads into the user's, so that it can be counted how many the tools miss under the very same conditions."""
    input:
        unpack(spike_donors),
        reads1="results/read_benchmarks/{name}/reads/own/own/reads_1.fastq.gz",
        reads2="results/read_benchmarks/{name}/reads/own/own/reads_2.fastq.gz",
        summary="results/read_benchmarks/{name}/reads/own/own/summary.json",
        host="results/read_benchmarks/{name}/genome/host.fa",
        microbes="results/read_benchmarks/{name}/genome/microbes.fa",
        profile=error_profile,
    output:
        reads1="results/read_benchmarks/{name}/reads/own/spiked/reads_1.fastq.gz",
        reads2="results/read_benchmarks/{name}/reads/own/spiked/reads_2.fastq.gz",
        spikes="results/read_benchmarks/{name}/reads/own/spiked/spikes.parquet",
    log:
        "logs/read_benchmarks/{name}/spike_in.log",
    benchmark:
        "results/benchmarks/read_benchmarks/{name}/spike_in.tsv"
    conda:
        "../../../envs/reads.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        code=code_digest("avatarflow.reads.release.spike_in"),
        entry="read_releases/{name}",
        spikes=lambda wildcards: release_of(wildcards)["spike_ins"],
        single=lambda wildcards: release_of(wildcards)["own_reads"]["fastq2"] is None,
        seed=lambda wildcards: release_of(wildcards)["seed"],
    script:
        "../../scripts/reads/release/spike_in.py"


rule assess_reads:
    """Count what is left of the donor in the cleaned reads, seen and unseen, and measure or bound its bits."""
    input:
        unpack(release_data),
        reads=spiked_reads,
        spikes="results/read_benchmarks/{name}/reads/own/spiked/spikes.parquet",
        summary="results/read_benchmarks/{name}/reads/own/own/summary.json",
        host="results/read_benchmarks/{name}/genome/host.fa",
        calls=tool_files("calls"),
        usage=tool_files("usage"),
    output:
        assessment="results/read_releases/{name}/assessment.json",
    log:
        "logs/read_releases/{name}/assess_reads.log",
    benchmark:
        "results/benchmarks/read_releases/{name}/assess_reads.tsv"
    conda:
        "../../../envs/reads.yaml"
    threads: 2
    resources:
        mem_mb=8000,
        runtime=240,
    params:
        code=code_digest("avatarflow.reads.release.assess"),
        entry="read_releases/{name}",
        tools=release_tools,
        settings=release_settings(ASSESSED),
    script:
        "../../scripts/reads/release/assess_reads.py"


rule release_reads:
    """Hold every figure against its limit; write the cleaned reads with their certificate, or the refusal alone."""
    input:
        reads=spiked_reads,
        spikes="results/read_benchmarks/{name}/reads/own/spiked/spikes.parquet",
        summary="results/read_benchmarks/{name}/reads/own/own/summary.json",
        assessment="results/read_releases/{name}/assessment.json",
        calls=tool_files("calls"),
        usage=tool_files("usage"),
    output:
        certificate=report(
            "results/read_releases/{name}/certificate.json",
            category="Release",
            caption="../../report/read_certificate.rst",
            labels={"entry": "{name}", "document": "certificate"},
        ),
        page=report(
            "results/read_releases/{name}/report.html",
            category="Release",
            caption="../../report/read_certificate.rst",
            labels={"entry": "{name}", "document": "officer's page"},
        ),
    log:
        "logs/read_releases/{name}/release_reads.log",
    benchmark:
        "results/benchmarks/read_releases/{name}/release_reads.tsv"
    conda:
        "../../../envs/reads.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=240,
    params:
        code=code_digest("avatarflow.reads.release.folder")
        + template_digest("read_card.md.j2", "parts/signed.md.j2")
        + template_digest("read_report.html.j2", "parts/limits.html.j2", *PAGE_PARTS),
        entry="read_releases/{name}",
        tools=release_tools,
        settings=release_settings(DECIDED),
        signing=signing,
        folder="results/read_releases/{name}/release",
    script:
        "../../scripts/reads/release/release_reads.py"


rule read_dossier:
    """The dossier for the privacy officer, in both languages: whether the reads may be published, why, and the page to sign."""
    input:
        certificate="results/read_releases/{name}/certificate.json",
    output:
        **dossier("results/read_releases/{name}/dossier"),
    log:
        "logs/read_releases/{name}/read_dossier.log",
    benchmark:
        "results/benchmarks/read_releases/{name}/read_dossier.tsv"
    conda:
        "../../../envs/reads.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_digest("avatarflow.release.dossier.reads") + template_digest(*DOSSIER_PARTS),
        entry="read_releases/{name}",
        settings=lambda wildcards: {
            **release_of(wildcards)["release"],
            "consent": release_of(wildcards)["consent"]["declared_by"],
        },
    script:
        "../../scripts/reads/release/read_dossier.py"
