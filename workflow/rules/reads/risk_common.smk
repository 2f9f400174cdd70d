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
        cells.append(
            {key: cell[key] for key in ("tool", "setting", "error", "variation")} | {"runs": runs}
        )
    return cells


def risk_files(kind):
    """An input function: one kind of file of every cell and donor."""
    return lambda wildcards: sorted(
        {run[kind] for cell in risk_cells(wildcards) for run in cell["runs"]}
    )


def risk_donors(wildcards):
    """Each donor's panel as `panel_of` has it, and the seed that mosaics are made from; none where there is no panel."""
    panels = {donor: panel_of(wildcards, donor) for donor in benchmark_of(wildcards)["donors"]}
    seed = read_seed(wildcards, "variation")
    return {donor: {**panel, "seed": seed} if panel else None for donor, panel in panels.items()}


def risk_settings(wildcards):
    """The entry's `risk`, the map's path made usable."""
    settings = benchmark_of(wildcards)["risk"]
    return {**settings, "map": data(settings["map"]) if settings["map"] else None}
