"""The data set's card: what it is, how it was made, what was measured, how to load it."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from .exports.names import CONTENTS
from .gates.figures import counts
from .gates.rules import RULES
from .signing import Signer
from .templates import fill

SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def card(
    certificate: Mapping[str, Any],
    settings: Mapping[str, Any],
    released: pd.DataFrame,
    conditions: Mapping[str, Sequence[str]],
    size: tuple[int, int],
    signer: Signer | None = None,
    stock: bool = True,
) -> str:
    """Return a dataset card in Markdown with YAML front matter, as dataset hubs read it.

    Parameters
    ----------
    certificate : mapping
    settings : mapping
        `release` of the config: `title`, `licence`, `sources`, `limits`, `exports`.
    released : table
        The released rows; not shown where the decision is to refuse.
    conditions : mapping of str to list of str
    size : (height, width)
    signer : Signer, optional
        Who signs the release; the card names the certificate's fingerprint alone.
    stock : bool
        Whether the generator opens with diffusers alone.
    """
    rows = (
        [(label.split(" "), count) for label, count in counts(released, conditions).items()]
        if conditions
        else []
    )
    held = {gate["name"].partition(".")[0] for gate in certificate["gates"]}
    return fill(
        "card.md.j2",
        title=settings["title"] or f"Synthetic pictures: {certificate['release']}",
        certificate=certificate,
        settings=settings,
        released=released,
        size=f"{size[1]} x {size[0]}",
        stock=stock,
        size_category=next((name for limit, name in SIZES if len(released) < limit), "n>1M"),
        columns=list(conditions),
        condition_rows=rows or [([], len(released))],
        exports=[text for name, text in CONTENTS.items() if name in settings["exports"]],
        signed_by=signer.fingerprint if signer else None,
        has_guidance="guidance" in released.columns,
        meanings=[(name, rule.meaning) for name, rule in RULES.items() if name in held],
    )
