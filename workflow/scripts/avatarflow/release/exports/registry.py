"""The exports of both parts. A new one is a file with `write`, a line here, one in `names.py`, and one per schema."""

from collections.abc import Mapping

from . import croissant, dcat_ap, health_dcat_ap, ro_crate
from .interface import Content, Export

EXPORTS: dict[str, Export] = {
    "croissant": croissant.write,
    "dcat_ap": dcat_ap.write,
    "health_dcat_ap": health_dcat_ap.write,
    "ro_crate": ro_crate.write,
}
"""In the order in which they are written: the RO-Crate lists the files of the others."""


def write_all(content: Content, exports: Mapping[str, Export]) -> None:
    """Write those of the exports that `release.exports` asks for."""
    for name, write in exports.items():
        if name in content.settings["exports"]:
            write(content)
