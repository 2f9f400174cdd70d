"""The catalogue as a table that the row filter of manifests can select from."""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from avatarflow.intake.tables.manifest import ROW

from .checks import USE_CASES
from .entries import Source

NUMBERS = ("patients", "items", "size_gb")
TEXTS = (
    "name", "indication", "modality", "identity", "laterality", "sex", "licence", "conditions", "derivatives",
    "access", "anonymity", "format", "metadata_standard", "address", "looked_at",
)  # fmt: skip


def catalogue_table(sources: Iterable[Source], unverified: bool = False) -> pd.DataFrame:
    """Return one row per source, lists as text with commas.

    Parameters
    ----------
    sources : iterable of Source
    unverified : bool
        Whether values that no page supports count. Otherwise they are empty, so that no
        comparison keeps a source for them, `<>` neither.

    Returns
    -------
    DataFrame
        Columns `id`, `area`, the keys of an entry, one per use case with its grade (empty where
        the use case takes other data), and `unverified`.
    """
    rows = [
        {ROW: place, **_cells(source, unverified)} for place, source in enumerate(sources, start=1)
    ]
    return pd.DataFrame(rows).astype(dict.fromkeys(NUMBERS, "Float64"))


def _cells(source: Source, unverified: bool) -> dict[str, Any]:
    """Return the row of one source."""
    entry = source.entry
    values = {
        key: entry[key] if unverified or source.is_verified(key) else None
        for key in (*NUMBERS, *TEXTS)
    }
    grades = {use_case: entry["fitness"].get(use_case, {}).get("grade") for use_case in USE_CASES}
    return {
        "id": source.identifier,
        "area": source.area,
        **{key: _cell(value) for key, value in values.items()},
        **grades,
        "unverified": ", ".join(entry["unverified"]),
    }


def _cell(value: Any) -> Any:
    return ", ".join(value) if isinstance(value, list) else value
