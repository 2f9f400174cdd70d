"""Whether readers who do not know that there are synthetic pictures answer differently about them."""

import pandas as pd

from avatarflow.core.statistics import Estimate

from ..choose import TRUE
from ..fields import LABEL
from .answers import by_group


def blinded_task(clinical: pd.DataFrame, seed: int) -> dict[str, dict[str, Estimate]]:
    """Return of each group the share of right labels, of discs seen, the mean confidence and the mean seconds.

    A synthetic picture's right label is the one that it was asked for. Where a real picture's is not known, it is not
    counted.

    Parameters
    ----------
    clinical : DataFrame
        Answers of part one beside the key, with `label_<column>` and `true_<column>`.
    """
    measured: dict[str, dict[str, Estimate]] = {}
    for name in map(str, clinical.columns):
        if name.startswith(LABEL) and clinical[name].notna().any():
            column = name.removeprefix(LABEL)
            asked = clinical[TRUE + column]
            known = clinical[asked.notna() & (asked.astype(str) != "")]
            right = known[name] == known[TRUE + column].astype(str)
            measured[f"right {column}"] = by_group(known, right, seed)
    if "disc" in clinical and clinical["disc"].notna().any():
        measured["disc seen"] = by_group(clinical, clinical["disc"] == "yes", seed)
    measured["confidence"] = by_group(clinical, clinical["confidence"], seed)
    # what was shown again was interrupted: its seconds count from the last time
    once = clinical[clinical["times_shown"] == 1]
    measured["seconds"] = by_group(once, once["seconds"], seed)
    return measured
