"""The exports by name. A new one is a file with `write`, a line here, one in `names.py` and one in the schema."""

from . import croissant, dcat_ap, dicom, ro_crate
from .interface import Content, Export

EXPORTS: dict[str, Export] = {
    "dicom": dicom.write,
    "croissant": croissant.write,
    "dcat_ap": dcat_ap.write,
    "ro_crate": ro_crate.write,
}
"""In the order in which they are written: the RO-Crate lists the files of the others."""


def write_exports(content: Content) -> None:
    """Write the exports that `release.exports` asks for."""
    for name, write in EXPORTS.items():
        if name in content.settings["exports"]:
            write(content)
