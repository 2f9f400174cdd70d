# What the rules of residual risk ask the config. Functions only.


def risk_donors(wildcards):
    """Each donor's sex and, where there is a panel, who of it they are, or the seed that their mosaic is made from."""
    seed = read_seed(wildcards, "variation")
    donors = {}
    for donor, part in benchmark_of(wildcards)["donors"].items():
        panel = panel_of(wildcards, donor)
        chosen = {"sample": panel["sample"], "seed": seed} if panel else None
        donors[donor] = {"sex": part["sex"], "panel": chosen}
    return donors


def risk_panels(wildcards):
    """The panel of every donor who has one."""
    panels = [panel_of(wildcards, donor) for donor in benchmark_of(wildcards)["donors"]]
    return [panel["vcf"] for panel in panels if panel]


def genetic_map(wildcards):
    """The genetic map, where one is given."""
    path = benchmark_of(wildcards)["risk"]["map"]
    return {"map": data(path)} if path else {}
