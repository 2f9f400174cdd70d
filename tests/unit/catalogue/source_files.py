"""A catalogue of a few entries for tests."""

import yaml

ENTRY = {
    "name": "Set one",
    "indication": "glaucoma",
    "modality": ["iris"],
    "patients": 20,
    "items": 40,
    "items_of": "pictures",
    "size_gb": None,
    "identity": "patient",
    "laterality": "recorded",
    "sex": "recorded",
    "licence": "CC-BY-4.0",
    "conditions": "attribution",
    "derivatives": "permitted",
    "access": "open",
    "anonymity": None,
    "format": "PNG",
    "metadata_standard": "CSV",
    "fitness": {
        "iris_avatars": {"grade": "good", "why": "enough"},
        "identity_checks": {"grade": "unfit", "why": "one picture of each"},
    },
    "address": "https://one.example",
    "looked_at": "2026-11-29",
    "verified_by": ["https://one.example/readme"],
    "unverified": ["size_gb", "anonymity"],
}


def write(folder, identifier, **changes):
    """Write an entry that differs from `ENTRY` by the changes; a change to `...` removes the key."""
    entry = {"name": identifier, **{key: ENTRY[key] for key in ENTRY if key != "name"}, **changes}
    entry = {key: value for key, value in entry.items() if value is not ...}
    file = folder / f"{identifier}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(entry, sort_keys=False))
    return file
