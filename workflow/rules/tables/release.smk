# Reads: a table of labels, its hierarchies and population, and the key of pseudonyms, which is no input and never copied.
# Writes: results/tables/<name>/: certificate.json, report.html, and release/ where every gate passes. Config: tables.


rule release_table:
    """Replace, shift and generalise in one job, so that no file under results/ holds a patient's own labels; decide, and write the table that may be published."""
    input:
        unpack(table_files),
    output:
        certificate=report(
            "results/tables/{name}/certificate.json",
            category="Release",
            caption="../../report/table_certificate.rst",
            labels={"entry": "{name}", "document": "certificate"},
        ),
        page=report(
            "results/tables/{name}/report.html",
            category="Release",
            caption="../../report/table_certificate.rst",
            labels={"entry": "{name}", "document": "officer's page"},
        ),
    log:
        "logs/tables/{name}/release_table.log",
    benchmark:
        "results/benchmarks/tables/{name}/release_table.tsv"
    conda:
        "../../../envs/quality.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        code=code_digest("avatarflow.tables.release")
        + template_digest(
            "table_report.html.j2", "table_marginals.html.j2", "parts/limits.html.j2", *PAGE_PARTS
        ),
        entry="tables/{name}",
        settings=table_settings,
        key=table_key,
        signing=signing,
        folder="results/tables/{name}/release",
    script:
        "../../scripts/tables/release_table.py"
