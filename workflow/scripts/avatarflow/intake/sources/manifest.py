"""Source `manifest`: a table with one row per picture."""

from collections.abc import Sequence

import pandas as pd

from avatarflow.intake.tables.manifest import read_manifest

from .rows import Place


def read(
    place: Place, columns: list[str], if_there: Sequence[str], row_filter: str
) -> pd.DataFrame:
    """Read a manifest; see `manifest.read_manifest`."""
    return read_manifest(place.manifest or "", columns, if_there, row_filter)
