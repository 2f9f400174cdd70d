# Reads: the manifest and the pictures it names (or nothing: procedural eyes), and what was downloaded from FHIR servers. Writes: results/<map>/<name>/pool/, refused.csv.
# The consents of the patients, where an entry names their files.
# Config: source (originals, candidates), patient_id_columns, eye_columns, row_filter, consent, withdrawn, conditions, constant_per_person, size_px, fit, limits, split.


rule intake:
    """Validate every original, strip its metadata, and divide persons, so that nothing behind this rule meets a raw file."""
    input:
        unpack(originals_manifest),
        unpack(consent_files),
        unpack(label_files),
        unpack(withdrawn_list),
    output:
        pictures=directory("results/{map}/{name}/pool/pictures"),
        summary="results/{map}/{name}/pool/summary.json",
    log:
        "logs/{map}/{name}/intake.log",
    benchmark:
        "results/benchmarks/{map}/{name}/intake.tsv"
    conda:
        "../../../envs/images.yaml"
    threads: config["compute"]["threads"]
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        code=code_digest("avatarflow.intake.step", "avatarflow.intake.fhir.uses"),
        entry="{map}/{name}",
        files=listed_files(originals),
        settings=intake_settings,
        root=originals_root,
        seed=config["seed"],
        consent_state=consent_state,
        downloads=downloads,  # undeclared: they are removed once the pool is made
        day=consent_day,
        day_record=DAY_RECORD,  # undeclared: the day must outlive the outputs that were made for it
        refused="results/{map}/{name}/refused.csv",  # undeclared: it must outlive a run that stops for refusals
    script:
        "../../scripts/images/intake.py"


rule intake_candidates:
    """Read the foreign pictures of an audit; a row that cannot be read stays, to be refused by name."""
    input:
        manifest=lambda wildcards: data(config["audits"][wildcards.name]["candidates"]["manifest"]),
    output:
        pictures=directory("results/audits/{name}/samples/foreign/pictures"),
        summary="results/audits/{name}/samples/foreign/summary.json",
    log:
        "logs/audits/{name}/intake_candidates.log",
    benchmark:
        "results/benchmarks/audits/{name}/intake_candidates.tsv"
    conda:
        "../../../envs/images.yaml"
    threads: config["compute"]["threads"]
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        code=code_digest("avatarflow.intake.candidates"),
        entry="audits/{name}",
        files=listed_files(lambda wildcards: config["audits"][wildcards.name]["candidates"]),
        settings=lambda wildcards: {
            key: config["audits"][wildcards.name][key]
            for key in ("size_px", "fit", "limits", "conditions", "cameras")
        },
        root=lambda wildcards: data(config["audits"][wildcards.name]["candidates"]["root"]),
    script:
        "../../scripts/images/intake_candidates.py"
