"""What a picture is asked to show: label columns, missing values included, as class ids of the generator."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from avatarflow.core.errors import refuse

NULL = 1000
"""The class of no condition at all; `diffusers.DiTPipeline` has this number built in."""

CLASSES = NULL + 1
ANY = "any"

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Conditions:
    """Label columns and their values; every combination, with or without missing values, has a class id.

    >>> eyes = Conditions({"sex": ["female", "male"], "eye_side": ["left", "right"]})
    >>> eyes.label(1), eyes.label(5), eyes.label(8)
    ('female right', 'male', 'any')

    Parameters
    ----------
    columns : mapping of str to list of str
        Column name to its values. The order is part of the class ids.

    Raises
    ------
    AvatarflowError
        If there are more than 1000 combinations, or a value is repeated, empty or holds a comma.
    """

    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for column, values in self.columns.items():
            if len(set(values)) < len(values) or any(
                not value.strip() or "," in value for value in values
            ):
                raise refuse(
                    f"condition {column}", "a value is repeated, empty or holds a comma",
                    "give distinct values without commas (a comma separates labels in the released generator)",
                )  # fmt: skip
        if len(self) > NULL:
            raise refuse(
                "conditions",
                f"{len(self)} combinations, missing values included",
                f"ask for at most {NULL}",
            )

    def __len__(self) -> int:
        return int(np.prod([len(values) + 1 for values in self.columns.values()], dtype=np.int64))

    @cached_property
    def radix(self) -> Ids:
        """(columns,) weight of each column's code in the class id."""
        sizes = [len(values) + 1 for values in self.columns.values()]
        return np.array(
            [np.prod(sizes[place + 1 :], dtype=np.int64) for place in range(len(sizes))], np.int64
        )

    @cached_property
    def missing(self) -> Ids:
        """(columns,) code that stands for a missing value."""
        return np.array([len(values) for values in self.columns.values()], np.int64)

    @cached_property
    def _named(self) -> bool:
        """Whether labels need the column's name, because two columns share a value."""
        values = [value for column in self.columns.values() for value in column]
        return len(set(values)) < len(values) or ANY in values

    def codes(self, table: pd.DataFrame) -> Ids:
        """Place of each value in its column's list, (rows, columns); a missing value has the place after the last.

        Raises
        ------
        AvatarflowError
            If a column is absent or holds a value that was not announced. The value is not quoted.
        """
        found = np.empty((len(table), len(self.columns)), np.int64)
        for place, (column, values) in enumerate(self.columns.items()):
            if column not in table:
                raise refuse(f"condition {column}", "no such column", "name a column of the table")
            known = {value: code for code, value in enumerate(values)}
            texts = table[column].map(
                lambda value: None if pd.isna(value) or value == "" else str(value)
            )
            codes = texts.map(known)
            strange = codes.isna() & texts.notna()
            if strange.any():
                raise refuse(
                    f"condition {column}", f"{int(strange.sum())} rows with a value that is not in its list",
                    "add the value to the condition or leave it empty",
                )  # fmt: skip
            found[:, place] = codes.fillna(len(values)).astype(np.int64)
        return found

    def encode(self, codes: Ids) -> Ids:
        """Class ids (rows,) of codes (rows, columns)."""
        return (
            (codes @ self.radix).astype(np.int64)
            if len(self.radix)
            else np.zeros(len(codes), np.int64)
        )

    def ids(self, table: pd.DataFrame) -> Ids:
        """Class ids (rows,) of a table with these columns."""
        return self.encode(self.codes(table))

    def values(self, class_id: int) -> dict[str, str | None]:
        """Return the column values that a class id stands for; None where missing."""
        if not 0 <= class_id < len(self):
            raise refuse(
                "conditions", f"class {class_id}", f"give a class from 0 to {len(self) - 1}"
            )
        picked: dict[str, str | None] = {}
        for (column, values), weight in zip(self.columns.items(), self.radix, strict=True):
            code = int(class_id // weight) % (len(values) + 1)
            picked[column] = values[code] if code < len(values) else None
        return picked

    def label(self, class_id: int) -> str:
        """Return a class id in words, such as "female right"; "any" where everything is missing."""
        words = [
            f"{column}={value}" if self._named else value
            for column, value in self.values(class_id).items()
            if value is not None
        ]
        return " ".join(words) or ANY

    def labels(self) -> dict[int, str]:
        """Every class id and its label, as `DiTPipeline` wants it for `id2label`."""
        return {class_id: self.label(class_id) for class_id in range(len(self))}

    def words(self) -> dict[str, str]:
        """Labels by class id as text, as JSON holds them."""
        return {str(class_id): label for class_id, label in self.labels().items()}

    def refuse_others(self, trained: Mapping[str, str], attacked: bool = False) -> None:
        """Refuse a generator that was trained with other labels.

        Parameters
        ----------
        trained : as from `words`
        attacked : bool
            Whether an attack opens the generator; the advice is another one then.

        Raises
        ------
        AvatarflowError
            If they are not those of these conditions.
        """
        if trained == self.words():
            return
        if attacked:
            found = "trained with other conditions"
            raise refuse("attacked generator", found, "attack it with its own")
        found = "not those that the generator was trained with"
        raise refuse("conditions", found, "train it again or ask as it was trained")

    def complete(self) -> list[int]:
        """Class ids without a missing value, in order; the one class there is when there are no columns."""
        every = itertools.product(*(range(len(values)) for values in self.columns.values()))
        return [int(self.encode(np.array([codes], np.int64).reshape(1, -1))[0]) for codes in every]

    def table(self, class_ids: Sequence[int] | Ids) -> pd.DataFrame:
        """Return the condition columns of class ids, one row each, None where missing."""
        rows: list[dict[str, Any]] = [self.values(int(class_id)) for class_id in class_ids]
        return pd.DataFrame(rows, columns=list(self.columns), dtype=object)
