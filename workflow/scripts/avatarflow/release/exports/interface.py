"""What every export is given: the folder, what the config says, and facts; nothing of an original or a removed read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .facts import Facts


@dataclass(frozen=True)
class Content:
    """A release that passed, while its folder is written.

    `folder` holds data, certificate and card already. `settings` is `release` of the config. `signed` is whether the
    list of checksums gets a signature.
    """

    folder: Path
    settings: Mapping[str, Any]
    facts: Facts
    signed: bool = False


Export = Callable[[Content], None]
"""Write one file into `content.folder`; equal contents give equal bytes."""
