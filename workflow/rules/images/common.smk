# What the images wing asks the config: sources, bases, training settings, templates. Functions only.

from functools import partial


def originals(wildcards):
    """Where the originals of a release or an audit are declared."""
    part = config[wildcards.map][wildcards.name]
    return part["source"] if wildcards.map == "releases" else part["originals"]


def originals_manifest(wildcards):
    """The manifest as an input, or none for DICOM files and procedural eyes."""
    manifest = originals(wildcards)["manifest"]
    if manifest and not Path(data(manifest)).is_file():
        where = f"config {wildcards.map}.{wildcards.name}: manifest {data(manifest)}"
        found = "a folder, not a file" if Path(data(manifest)).is_dir() else "no such file"
        raise refuse(where, found, "check it, data_root and AVATARFLOW_DATA")
    return {"manifest": data(manifest)} if manifest else {}


def originals_root(wildcards):
    """The folder that the originals lie in."""
    part = originals(wildcards)
    return data(part.get("dicom") or part.get("root") or ".")


def listed_files(source):
    """A params function: digest of a manifest and of the files that it lists, where `source(wildcards)` names them.

    Of a folder of DICOM files it is a digest of all that lies in it. FHIR files and withdrawals count, too.
    """

    def digest(wildcards):
        part = source(wildcards)
        more = [] if source is not originals else named_beside(wildcards)
        return _digest_of_pictures(part) + (contents_digest(more) if more else "")

    return digest


def _digest_of_pictures(part):
    # pandas: only where an intake is planned
    if part["manifest"]:
        from avatarflow.intake.listed_files import digest_of_listed

        return digest_of_listed(data(part["manifest"]), data(part.get("root") or "."))
    if part.get("dicom"):
        from avatarflow.intake.sources.dicom import digest_of_folder

        return digest_of_folder(data(part["dicom"]))
    return ""


INTAKE_KEYS = (
    "source",
    "patient_id_columns",
    "eye_columns",
    "row_filter",
    "conditions",
    "cameras",
    "constant_per_person",
    "size_px",
    "fit",
    "limits",
    "split",
)


def intake_settings(wildcards):
    """Only what intake depends on: a changed training setting must not read the originals again."""
    part = config[wildcards.map][wildcards.name]
    # every original of an audit may have been trained on: none may be left out quietly
    whole = {"whole": True} if wildcards.map == "audits" else {}
    consent = {"consent": part["consent"]} if has_consents(wildcards) else {}
    return {key: part[key] for key in INTAKE_KEYS if key in part} | whole | consent


def base_model(wildcards):
    """The model that fine-tuning and distillation start from: pretrained here, or a local folder."""
    base = config["releases"][wildcards.name]["base"]
    if base["pretrain"] is not None:
        return {"base": f"results/bases/{base_id(config, wildcards.name)}/model_index.json"}
    return (
        {"base": f"{data(base['folder'])}/model_index.json"} if base["folder"] is not None else {}
    )


def training_settings(name, stage):
    """What a training of a release depends on; `stage` is finetune or distill."""
    part = config["releases"][name]
    private = part["differential_privacy"] if stage == "finetune" else None
    training = part[stage] | ({"differential_privacy": private} if private else {})
    return {
        "conditions": part["conditions"],
        "generator": part["generator"],
        "network": part["network"],
        "training": training,
        "tuning": part["base"]["tuning"],
        "hub": part["base"]["hub"],
        "network_access": config["network_access"],
        "compute": config["compute"],
        "seed": config["seed"],
    }


def template_digest(*files):
    """A page's templates as part of its code: an edited one makes the page again."""
    folder = Path(workflow.basedir) / "report" / "templates"
    return "".join(config_digest((folder / file).read_text(encoding="utf-8")) for file in files)


DOSSIER_PARTS = tuple(
    f"dossier/{part}"
    for part in ("page.html.j2", "style.html.j2", "sheets.typ", "de.yaml", "en.yaml")
)  # shared by the dossiers of pictures and of reads


def dossier(folder):
    """The outputs of a dossier: in each language a page and a PDF, all of them in the report."""
    named = {"de": "Deutsch", "en": "English"}
    return {
        f"{language}{key}": report(
            f"{folder}/{language}.{ending}",
            category="Release",
            caption="../../report/dossier.rst",
            labels={"entry": "{name}", "document": f"dossier ({name}{what})"},
        )
        for language, name in named.items()
        for key, ending, what in (("", "html", ""), ("_pdf", "pdf", ", PDF"))
    }


def signing_of_pictures(wildcards):
    """A params function: as `signing`, and a pixel is signed where pictures are to have C2PA manifests."""
    part = signing(wildcards)
    if part and "c2pa" in entry("releases", wildcards.name)["release"]["exports"]:
        from avatarflow.release.exports.c2pa import try_signer
        from avatarflow.release.signing import read_signer

        try_signer(read_signer(part))
    return part


def dossier_settings(wildcards):
    """What a dossier says of the release besides its figures; `generated`: its originals belong to nobody."""
    part = config["releases"][wildcards.name]
    return {
        **part["release"],
        "consent": part["consent"]["declared_by"],
        "generated": part["source"]["generate"] is not None,
    }


PAGE_PARTS = tuple(
    f"parts/{part}.html.j2"
    for part in ("style", "attacks", "verifier", "counts", "gates", "subgroups")
)  # shared by the pages of releases and audits


FILTERED = {
    "release": "student",
    "accepted": "foreign",
}  # what the cone accepted, and of which candidates


def attacked(path):
    """An input function: a file of the stage whose candidates a target is made of."""

    def file(wildcards):
        stage = FILTERED.get(wildcards.target, wildcards.target)
        return f"results/{getattr(wildcards, 'map', 'releases')}/{wildcards.name}/{path.format(stage=stage)}"

    return file


ATTACKED = {
    "releases": (
        "teacher.generator",
        "student.generator",
        "teacher.pictures",
        "student.pictures",
        "release.pictures",
    ),
    "audits": ("foreign.pictures", "accepted.pictures"),
}


def attack_parts(wildcards):
    """The attacks of a release or an audit, one file per target and access."""
    return [
        f"results/{wildcards.map}/{wildcards.name}/attacks/{part}.json"
        for part in ATTACKED[wildcards.map]
    ]


def has_canaries(wildcards):
    """Whether canaries are put into this entry's training; only releases train."""
    return (
        wildcards.get("map", "releases") == "releases"
        and config["releases"][wildcards.name]["canaries"] is not None
    )


def only_if(asked, **files):
    """An input function: files of an entry by name, where `asked(wildcards)` says that it has them, else none."""

    def part(wildcards):
        named = dict(wildcards.items())
        return (
            {key: path.format(**named) for key, path in files.items()} if asked(wildcards) else {}
        )

    return part


CANARIES = "results/releases/{name}/canaries/pictures"
canary_pictures = only_if(has_canaries, canaries=CANARIES)
canary_results = only_if(has_canaries, canaries="results/releases/{name}/attacks/canaries.json")
canary_figure = only_if(has_canaries, canaries="results/releases/{name}/attacks/canaries.png")
canary_fingerprints = only_if(
    has_canaries,
    canaries=CANARIES,
    canaries_fingerprints="results/releases/{name}/canaries/fingerprints.safetensors",
    canaries_own="results/releases/{name}/canaries/perturbations.own.safetensors",
)


def has_verifier(wildcards, of="releases"):
    """Whether an entry asks for a verifier; `of` is its map where the wildcards do not say it."""
    return config[getattr(wildcards, "map", of)][wildcards.name]["verifier"]["matcher"] != "none"


of_audit = partial(has_verifier, of="audits")
verifier_trial = only_if(has_verifier, trial="results/{map}/{name}/privacy/verifier.json")
verification_of = only_if(
    has_verifier, verifier="results/{map}/{name}/privacy/{stage}.verifier.parquet"
)
verifications_of_audit = only_if(
    of_audit, verifier="results/audits/{name}/privacy/foreign.verifier.parquet"
)
verifier_figures_of_audit = only_if(
    of_audit, verifier="results/audits/{name}/privacy/foreign.verifier.json"
)
verifier_figures = only_if(
    has_verifier,
    teacher_verifier="results/releases/{name}/privacy/teacher.verifier.json",
    student_verifier="results/releases/{name}/privacy/student.verifier.json",
)


def has_anatomy(wildcards):
    """Whether the pictures' anatomy is checked; only releases are."""
    return (
        wildcards.get("map", "releases") == "releases"
        and config["releases"][wildcards.name]["anatomy"] is not None
    )


anatomy_of = only_if(has_anatomy, anatomy="results/releases/{name}/anatomy/{stage}.parquet")
anatomy_limits = only_if(has_anatomy, anatomy="results/releases/{name}/anatomy/limits.json")


def is_private(wildcards):
    """Whether the teacher's training guarantees differential privacy."""
    return config["releases"][wildcards.name]["differential_privacy"] is not None


# its folder says what that cost
private_teacher = only_if(is_private, private="results/releases/{name}/teacher/model_index.json")


def near_duplicates(wildcards):
    """The figure of near-duplicates, or nothing where none are made."""
    figure = f"results/releases/{wildcards.name}/privacy/near_duplicates.png"
    return (
        {"near_duplicates": figure}
        if config["releases"][wildcards.name]["near_duplicates"]["persons"]
        else {}
    )


def reader_study_keys():
    """The keys of the reader studies that the config asks for; their pictures come with them."""
    return [
        f"results/releases/{name}/reader_study/key.parquet"
        for name, part in config["releases"].items()
        if part["reader_study"] is not None
    ]
