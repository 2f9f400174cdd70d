"""What every export is given: the released pictures and what is known of them; nothing of an original."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from avatarflow.imaging.spool import Stored


@dataclass(frozen=True)
class Content:
    """A release that passed, while its folder is written.

    `folder` holds data, certificate and card already. `table` is the public one: it has no candidate numbers and no
    risks. `settings` is `release` of the config.
    """

    folder: Path
    certificate: Mapping[str, Any]
    settings: Mapping[str, Any]
    table: pd.DataFrame
    conditions: Mapping[str, Sequence[str]]
    pictures: Stored

    @property
    def name(self) -> str:
        """Return the release's name in the config."""
        return str(self.certificate["release"])


Export = Callable[[Content], None]
"""Write files into `content.folder`; equal contents give equal bytes."""
