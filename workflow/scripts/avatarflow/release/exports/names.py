"""Names of the exports and what each needs to be told; no imports, since the config is checked with it."""

NEEDS: dict[str, tuple[str, ...]] = {
    "dicom": (),
    "c2pa": (),
    "croissant": ("publisher", "date", "url"),
    "dcat_ap": ("publisher", "date", "url", "contact"),
    "health_dcat_ap": (
        "publisher", "date", "url", "contact", "health.categories", "health.legislation",
        "health.access_body.name", "health.access_body.contact",
    ),
    "ro_crate": ("publisher", "date"),
}  # fmt: skip
"""Keys of `release` that must not be empty, by export, in the order in which exports are written."""

PICTURES_ONLY = ("dicom", "c2pa")

CONTENTS = {
    "dicom": "`dicom/`: one DICOM Secondary Capture per picture, marked as synthetic, under new UIDs",
    "c2pa": "`c2pa/`: one PNG per picture with a signed C2PA manifest that says how it was made (saving anew loses it)",
    "croissant": "`croissant.json`: Croissant 1.1 with its responsible-AI part, for loaders of data sets",
    "dcat_ap": "`dcat-ap.jsonld`: DCAT-AP 3, for data portals",
    "health_dcat_ap": "`health-dcat-ap.jsonld`: HealthDCAT-AP (release 8), for the European Health Data Space",
    "ro_crate": "`ro-crate-metadata.json`: RO-Crate 1.1 with the run that made this release (Process Run Crate)",
}
"""What an export adds to the release, for the card."""

C2PA_PACKAGE, C2PA_VERSION = "c2pa-python", "0.38.1"
"""What the export c2pa runs with; it is not in the lock (decision 0063)."""
