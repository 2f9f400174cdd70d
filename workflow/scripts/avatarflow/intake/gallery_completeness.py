"""A gallery must be whole: an original that is left out of an audit is one that no candidate is compared with."""

from collections.abc import Mapping

from avatarflow.core.errors import Problems

from .pool import Pool
from .refusals import NO_PERSON, SAME_CONTENT

SHOWN = 20  # manifest rows named in one line


def refuse_gaps(pool: Pool) -> None:
    """Refuse what would leave a hole in the gallery, or put one person on two sides.

    Raises
    ------
    AvatarflowError
        All at once: originals without a person, one picture under two persons, originals of fewer than two persons.
    """
    nobody = sorted(row for row, reason in pool.refused.items() if reason == NO_PERSON)
    with Problems() as problems:
        if nobody:
            found = f"{len(nobody)} originals without a person (manifest {rows_of(nobody)})"
            problems.add("originals", found, "name their persons, or take the rows out")
        for first, second in pool.shared:
            where = f"originals in manifest rows {first} and {second}"
            problems.add(
                where, "the same picture under two persons", "name one person, or take one row out"
            )
        if (persons := pool.table["person"].nunique()) < 2:
            problems.add(
                "originals",
                f"pictures of {persons} person only",
                "give originals of at least two persons",
            )


def left_out(refused: Mapping[int, str]) -> int:
    """How many originals stand in no gallery; a repeated picture is in it once."""
    return sum(not reason.startswith(SAME_CONTENT) for reason in refused.values())


def repeats(refused: Mapping[int, str]) -> int:
    """How many originals are refused because they are in the gallery already."""
    return sum(reason.startswith(SAME_CONTENT) for reason in refused.values())


def rows_of(rows: list[int]) -> str:
    """Row numbers in words, cut where they are many."""
    text = ", ".join(str(row) for row in rows[:SHOWN])
    return (
        f"rows {text}, ..."
        if len(rows) > SHOWN
        else f"rows {text}"
        if len(rows) > 1
        else f"row {text}"
    )
