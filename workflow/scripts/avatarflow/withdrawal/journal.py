"""A withdrawal that was begun: what it is going to delete is written down first, so that a killed one is ended.

Imported while Snakemake parses: standard library only.
"""

from pathlib import Path

from avatarflow.core.errors import refuse

FOLDER = Path("results/withdrawals")
JOURNAL = FOLDER / "begun.json"


def refuse_begun(workdir: Path = Path()) -> None:
    """Refuse to run while a withdrawal is under way: half of what it deletes may still be there, and look fresh.

    Raises
    ------
    AvatarflowError
        If one was begun and has not ended.
    """
    if (workdir / JOURNAL).exists():
        found = "one was begun and has not ended"
        raise refuse("withdrawal", found, "call make withdraw, and start again when it has ended")
