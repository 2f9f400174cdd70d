# What the rules of residual risk ask the config. Functions only.


def risk_cells(wildcards):
    """The cells of the scores, each donor's run with its true alignments."""
    cells = []
    for cell in score_cells(wildcards):
        runs = [
            {key: run[key] for key in ("donor", "truth", "verdicts")}
            | {"bam": run["truth"].removesuffix("truth.parquet") + "truth.bam"}
            for run in cell["runs"]
        ]
        cells.append({key: cell[key] for key in ("tool", "setting", "error", "variation")} | {"runs": runs})
    return cells


def risk_files(kind):
    """An input function: one kind of file of every cell and donor."""
    return lambda wildcards: sorted({run[kind] for cell in risk_cells(wildcards) for run in cell["runs"]})


def risk_donors(wildcards):
    """Each donor's VCF and sample, none where there is no panel."""
    donors = benchmark_of(wildcards)["donors"]
    return {
        donor: {"vcf": data(part["panel"]["vcf"]), "sample": part["panel"]["sample"]} if part["panel"] else None
        for donor, part in donors.items()
    }


def risk_settings(wildcards):
    """The entry's `risk`, the map's path made usable."""
    settings = benchmark_of(wildcards)["risk"]
    return {**settings, "map": data(settings["map"]) if settings["map"] else None}
