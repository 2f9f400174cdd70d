"""The kinds of items of a paper, and what each is made of. A new one is a line here, and a file in `items/`.

Imported while Snakemake parses: standard library only.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

RELEASES, READ_BENCHMARKS = "releases", "read_benchmarks"
SETTINGS: Mapping[str, Any] = MappingProxyType(
    {"columns": ["sex", "eye_side"], "per_cell": 4, "machines": 12}
)
"""Settings that only some kinds have, and what null stands for."""


class Kind(NamedTuple):
    """What a kind of item is made of.

    `of` is the map of its entries, `least` and `most` are how many of them it takes. `files` are those that it reads
    in the folder of each. `settings` are names in `SETTINGS`; a file may have one as a placeholder.
    """

    of: str
    least: int
    most: int
    files: Mapping[str, str]
    settings: tuple[str, ...] = ()


CERTIFICATE = "release/certificate.json"
STUDY = "reader_study/machines_{machines}"
KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "samples": Kind(
            RELEASES,
            1,
            4,
            {
                "pictures": "samples/student/pictures",
                "decisions": "privacy/student.decisions.parquet",
                "certificate": CERTIFICATE,
            },
            ("columns", "per_cell"),
        ),
        "calibration_border": Kind(
            RELEASES,
            1,
            1,
            {
                "plane": "privacy/settings_plane.tsv",
                "picture": "privacy/settings_plane.png",
                "calibration": "privacy/calibration.json",
            },
        ),
        "ratings": Kind(
            RELEASES,
            1,
            1,
            {"results": f"{STUDY}/results.json", "picture": f"{STUDY}/recognition.png"},
            ("machines",),
        ),
        "generators": Kind(
            RELEASES,
            2,
            8,
            {
                "metrics": "evaluation/metrics.json",
                "attacks": "attacks/attacks.json",
                "certificate": CERTIFICATE,
            },
        ),
        "distillation": Kind(
            RELEASES,
            1,
            1,
            {"frontier": "evaluation/frontier.tsv", "attacks": "attacks/attacks.json"},
        ),
        "read_removal": Kind(
            READ_BENCHMARKS, 1, 1, {"scores": "scores.tsv", "picture": "scores.png"}
        ),
        "released_set": Kind(RELEASES, 1, 1, {"certificate": CERTIFICATE}),
    }
)


def settings_of(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that an item's kind has, with what null stands for."""
    names = KINDS[item["kind"]].settings
    return {name: SETTINGS[name] if item[name] is None else item[name] for name in names}


def entries_of(item: Mapping[str, Any]) -> list[str]:
    """Return the names of the entries that an item is made of, in their order."""
    return list(item[KINDS[item["kind"]].of])


def files_of(item: Mapping[str, Any]) -> dict[str, str]:
    """Return the files that an item reads, by what they are and the place of their entry, such as `metrics_0`."""
    kind, settings = KINDS[item["kind"]], settings_of(item)
    return {
        f"{what}_{place}": f"results/{kind.of}/{name}/{path.format(**settings)}"
        for place, name in enumerate(entries_of(item))
        for what, path in kind.files.items()
    }
