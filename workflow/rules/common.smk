# Shared by all: the checked config, digests, paths of data, the final outputs per map.
# Parsed again by every cluster job: keep it light.

import sys
from types import MappingProxyType

from snakemake.exceptions import WorkflowError

sys.path.append(str(Path(workflow.current_basedir).parent / "scripts"))

from avatarflow.config.loading import MAPS, base_id, base_settings, load, release_benchmarks
from avatarflow.config.file_text import check_text
from avatarflow.core.digest import code_digest, config_digest, contents_digest, files_digest
from avatarflow.core.errors import AvatarflowError, Problems, refuse
from avatarflow.runs.locks import clear_stale
from avatarflow.core.paths import data_path
from avatarflow.reads.removal.catalogue import kind_of
from avatarflow.withdrawal.journal import refuse_begun

try:
    if workflow.is_main_process:
        check_text(workflow.configfiles)
        refuse_begun()
    config = load(config)
except AvatarflowError as error:
    raise WorkflowError(str(error)) from None

if workflow.is_main_process and clear_stale(Path(".snakemake")):
    logger.warning("a killed run left its lock behind; removed")

BASES = {
    base_id(config, name): name
    for name, entry in config["releases"].items()
    if entry["base"]["pretrain"]
}


wildcard_constraints:
    map="releases|audits",
    name="[A-Za-z0-9_-]+",
    stage="teacher|student|foreign",
    base="[0-9a-f]{16}",


scattergather:
    sample=1,


def settings(*keys):
    """A params function: the part of the wildcards' config entry under `keys`."""

    def part(wildcards):
        value = config[getattr(wildcards, "map", "releases")][wildcards.name]
        for key in keys:
            value = value[key]
        return value

    return part


def entry(map_name, name):
    """One config entry."""
    return config[map_name][name]


def data(path):
    """A configured data path as a usable one."""
    return data_path(path, config["data_root"])


def signing(wildcards):
    """A params function: where the site's key and certificate lie, both checked, and which certificate it is."""
    part = config["signing"]
    if part["key"] is None:
        return {}
    from avatarflow.release.signing import read_signer  # only where a release is planned

    return {**part, "fingerprint": read_signer(part).fingerprint}


SCORES = ("scores.tsv", "scores.png", "scores.html", "mcnemar.tsv")
CALLS = ("calls.tsv", "agreement.png")
DOSSIER = ("dossier/de.html", "dossier/en.html", "dossier/de.pdf", "dossier/en.pdf")
FINAL = MappingProxyType(
    {
        "releases": (
            "release/certificate.json",
            "report.html",
            *DOSSIER,
            "privacy/decisions.parquet",
        ),
        "read_benchmarks": (*SCORES, "risk.tsv", "risk.png"),
        "own_reads": CALLS,
        "own_truth": (*CALLS, *SCORES),
        "read_releases": ("certificate.json", "report.html", *DOSSIER),
        "audits": ("decisions.parquet", "report.html", "audit.json"),
        "tables": ("certificate.json", "report.html"),
        "papers": ("index.html", "index.json", "{name}.pdf"),
    }
)
"""What entries of each kind end in, inside their folder; `kind_of` says of which kind an entry is."""


def final_outputs(*maps):
    """What the configured entries of the maps (all by default) end in."""
    return [
        f"results/{map_name}/{name}/{file}".replace("{name}", name)
        for map_name in maps or MAPS
        for name, part in config[map_name].items()
        for file in FINAL[kind_of(map_name, part)]
    ]
