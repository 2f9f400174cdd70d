# What the rules of read releases ask the config. Functions only.


def release_of(wildcards):
    """The config entry of a read release, its seed settled."""
    part = entry("read_releases", wildcards.name)
    return {**part, "seed": config["seed"] if part["seed"] is None else part["seed"]}


ASSESSED = ("risk", "spike_ins", "y_contigs", "seed")
"""What an assessment depends on: a changed limit must not make it again."""

DECIDED = (*ASSESSED, "remove", "detection_tools", "mate_rule", "gates", "release")


def release_settings(keys):
    """A params function: settings of a release, and whether there is a donor's VCF and a panel; no paths."""

    def part(wildcards):
        chosen = release_of(wildcards)
        donor = {"sample": chosen["donor"]["sample"]} if chosen["donor"] else None
        settings = {key: chosen[key] for key in keys}
        return {**settings, "donor": donor, "panel": chosen["panel"] is not None}

    return part


def spike_donors(wildcards):
    """Variants of the people that spike-ins come from."""
    settings = benchmark_of(wildcards)
    (level,) = settings["reads"]["variation"]
    folder = f"results/read_benchmarks/{wildcards.name}/individuals/{{donor}}/v{level:g}/"
    donors = settings["donors"]
    return {
        "variants": [folder.format(donor=donor) + "variants.parquet" for donor in donors],
        "parts": [folder.format(donor=donor) + "parts.parquet" for donor in donors],
    }


def release_data(wildcards):
    """The donor's VCF, the panel and its map, where they are given."""
    part = release_of(wildcards)
    donor, panel = part["donor"] or {}, part["panel"] or {}
    paths = {"donor": donor.get("vcf"), "panel": panel.get("vcf"), "map": panel.get("map")}
    return {name: data(path) for name, path in paths.items() if path}


def spiked_reads(wildcards):
    """The user's reads with the spike-ins among them: one file, or two with mates."""
    mates = (1,) if release_of(wildcards)["own_reads"]["fastq2"] is None else (1, 2)
    return [
        f"results/read_benchmarks/{wildcards.name}/reads/own/spiked/reads_{mate}.fastq.gz"
        for mate in mates
    ]


def release_tools(wildcards):
    """The tools that remove, and those that look for human reads afterwards; `tool_files` lists files in this order."""
    part = release_of(wildcards)
    return {role: part[role] for role in ("remove", "detection_tools")}


def tool_files(kind):
    """An input function: one kind of file, `CELL_FILES` names them, of every tool of a release."""
    return lambda wildcards: [
        CELL_FILES[kind].format(name=wildcards.name, donor="own", level="spiked", **choice)
        for tools in release_tools(wildcards).values()
        for choice in tools
    ]
