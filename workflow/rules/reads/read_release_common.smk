# What the rules of read releases ask the config. Functions only.


def release_of(wildcards):
    """The config entry of a read release: its paths made usable, its seed settled."""
    part = entry("read_releases", wildcards.name)
    donor, panel = part["donor"], part["panel"]
    if donor:
        donor = {**donor, "vcf": data(donor["vcf"])}
    if panel:
        panel = {
            **panel,
            "vcf": data(panel["vcf"]),
            "map": data(panel["map"]) if panel["map"] else None,
        }
    seed = config["seed"] if part["seed"] is None else part["seed"]
    return {**part, "donor": donor, "panel": panel, "seed": seed}


ASSESSED = ("donor", "panel", "risk", "spike_ins", "y_contigs", "seed")


def assessed(wildcards):
    """Only what an assessment depends on: a changed limit must not make it again."""
    part = release_of(wildcards)
    return {key: part[key] for key in ASSESSED}


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
    donor, panel = part["donor"], part["panel"]
    found = {"donor": donor["vcf"]} if donor else {}
    found |= {"panel": panel["vcf"]} if panel else {}
    return found | ({"map": panel["map"]} if panel and panel["map"] else {})


def spiked_reads(wildcards):
    """The user's reads with the spike-ins among them: one file, or two with mates."""
    mates = (1,) if release_of(wildcards)["own_reads"]["fastq2"] is None else (1, 2)
    return [
        f"results/read_benchmarks/{wildcards.name}/reads/own/spiked/reads_{mate}.fastq.gz"
        for mate in mates
    ]


def release_runs(wildcards):
    """The files of every tool that removes, and of every one that watches."""
    part, folder = release_of(wildcards), f"results/read_benchmarks/{wildcards.name}/removal"
    place = f"{folder}/{{tool}}/{{setting}}/own/spiked/"
    return {
        role: [
            {
                **choice,
                "verdicts": place.format(**choice) + "verdicts.parquet",
                "usage": place.format(**choice) + "run.json",
            }
            for choice in part[role]
        ]
        for role in ("remove", "detection_tools")
    }


def release_files(wildcards, kind):
    """One kind of file of every tool."""
    return [run[kind] for runs in release_runs(wildcards).values() for run in runs]
