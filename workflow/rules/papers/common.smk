# What the rules of papers ask the config: items, their files, what is left out, commands. Functions only.

import shlex

from avatarflow.generators.settings import lasting
from avatarflow.papers.kinds import KINDS, entries_of, files_of, settings_of

OWN_FILES = ("fastq1", "fastq2", "truth")


def paper_item_of(wildcards):
    """The settings of an item of a paper."""
    return entry("papers", wildcards.name)["items"][wildcards.item]


def paper_item_files(wildcards):
    """What an item is made of, by name."""
    return files_of(paper_item_of(wildcards))


def data_of_item(item):
    """The files of data that the entries of an item begin with: manifests, references, genomes."""
    entries = [config[KINDS[item["kind"]].of][name] for name in entries_of(item)]
    paths = []
    for part in entries:
        if "source" in part:
            paths.append(part["source"]["manifest"])
        else:
            own, donors = part["own_reads"] or {}, part["donors"].values()
            paths += [part["reference"]["fasta"], *(own.get(key) for key in OWN_FILES)]
            paths += [genome["fasta"] for genome in part["microbes"]["genomes"].values()]
            paths += [donor["panel"]["vcf"] for donor in donors if donor["panel"]]
    return [data(path) for path in paths if path]


def left_out(item):
    """Why an item is left out, in words; empty where it is not."""
    missing = [path for path in data_of_item(item) if not Path(path).is_file()]
    if not item["needs_data"] or not missing:
        return ""
    return f"data that are not there ({len(missing)} files); set data_root or AVATARFLOW_DATA"


def shown_items(name):
    """The names of the items of a paper that are not left out, in their order."""
    return [item for item, part in entry("papers", name)["items"].items() if not left_out(part)]


def paper_item_settings(wildcards):
    """A params function: what an item depends on beside its files."""
    item = paper_item_of(wildcards)
    names, map_name = entries_of(item), KINDS[item["kind"]].of
    parts = {name: config[map_name][name] for name in names}
    return {
        "name": wildcards.item,
        "kind": item["kind"],
        "entries": names,
        "settings": settings_of(item),
        "facts": [facts_of_entry(part) for part in parts.values()],
        "digest": config_digest(
            {
                "entries": parts,
                "settings": settings_of(item),
                "seed": config["seed"],
                "compute": lasting(config["compute"]),
            }
        ),
    }


def facts_of_entry(part):
    """What an item says of an entry by the config; nothing of a benchmark."""
    if "generator" not in part:
        return {}
    generated = part["source"]["generate"]
    return {
        "family": part["generator"]["family"],
        "generated": generated and generated["kind"],
        "conditions": part["conditions"],
    }


def command_for(target):
    """The command that makes a target with this configuration; files elsewhere are named without their folders."""
    here = Path.cwd()
    files = [Path(file).resolve() for file in workflow.configfiles]
    named = [
        str(file.relative_to(here)) if file.is_relative_to(here) else file.name for file in files
    ]
    asked = ["--configfile", *named] if workflow.overwrite_configfiles else []
    return shlex.join(["snakemake", "--cores", "all", *asked, "--", target])


def paper_settings(wildcards):
    """A params function: what the page of a paper says beside its items' data."""
    part, folder = entry("papers", wildcards.name), f"results/papers/{wildcards.name}"
    why = {item: left_out(settings) for item, settings in part["items"].items()}
    return {
        "name": wildcards.name,
        "title": part["title"],
        "about": part["about"],
        "digest": config_digest(
            {
                key: value
                for key, value in config.items()
                if key not in ("data_root", "signing", "tracking")
            }
        ),
        "command": command_for("papers"),
        "items": {
            item: {
                **{key: part["items"][item][key] for key in ("title", "reported", "remark")},
                "command": command_for(f"{folder}/items/{item}.json"),
            }
            for item in shown_items(wildcards.name)
        },
        "left_out": {
            item: {"title": part["items"][item]["title"], "why": reason}
            for item, reason in why.items()
            if reason
        },
    }


def paper_files(wildcards):
    """Data and figure of each item that a page shows, by name."""
    folder = f"results/papers/{wildcards.name}/items"
    return {
        f"{item}.{ending}": f"{folder}/{item}.{ending}"
        for item in shown_items(wildcards.name)
        for ending in ("json", "png")
    }
