"""Which pictures a reader study shows: balanced over conditions, no picture twice, real ones only where allowed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from avatarflow.core import seeds
from avatarflow.core.arrays import Integers, Pictures
from avatarflow.core.errors import Problems
from avatarflow.quality.samples import Sample

from .encode import name_of, name_of_pair

CLINICAL, ORIGIN, SIMILARITY = "clinical", "origin", "similarity"
PARTS = (CLINICAL, ORIGIN, SIMILARITY)
"""In the order in which they are asked: the first must end before the second speaks of synthetic pictures."""
REAL, SYNTHETIC = "real", "synthetic"
NEAREST, RANDOM, SAME_EYE = "nearest", "random", "same_eye"
TRUE = "true_"
"""Begins the key's columns for conditions, which may be called anything."""
KEY = [
    "part",
    "question",
    "picture",
    "other",
    "origin",
    "guidance",
    "sort",
    "risk",
    "candidate",
    "row",
    "other_row",
]
"""Columns of the key; those of the conditions follow. `row` and `other_row` are rows of the manifest."""


class Chooser:
    """Takes pictures out of accepted synthetic ones and of the pool, each one once.

    Parameters
    ----------
    synthetic : Sample
        Accepted candidates with `candidate`, `guidance`, `risk`, `matched_original` and the conditions.
    pool : Sample
        Originals with `row`, `role`, `person`, `eye` and the conditions.
    columns : sequence of str
        The condition columns.
    settings : mapping
        `reader_study` of the configuration.
    where : str
        The entry, for messages.
    seed : int
    """

    def __init__(
        self,
        synthetic: Sample,
        pool: Sample,
        columns: Sequence[str],
        settings: Mapping[str, Any],
        where: str,
        seed: int,
    ) -> None:
        self.synthetic, self.pool, self.columns = synthetic, pool, list(columns)
        self.settings, self.where, self.seed = settings, where, seed
        self.salt = f"reader study {seed}"
        self.pictures: dict[str, Pictures] = {}
        self.rows: list[dict[str, Any]] = []
        self._persons: set[Any] = set()  # held-out subjects who are shown in clinical or origin

    def choose(self) -> pd.DataFrame:
        """Return the key of the study; `pictures` then holds what it names.

        Raises
        ------
        AvatarflowError
            If there are too few pictures; all problems at once.
        """
        with Problems() as problems:
            # pairs first: they need certain pictures, the other parts any
            if SIMILARITY in self.settings["parts"]:
                self._pairs(problems)
            for part in (CLINICAL, ORIGIN):
                if part in self.settings["parts"]:
                    self._synthetic_pictures(part, problems)
                    if self.settings["show_real"]:
                        self._real_pictures(part, problems)
        key = pd.DataFrame(self.rows, columns=[*KEY, *(TRUE + column for column in self.columns)])
        # by name, which is a digest of the pixels: the order says no more than they do
        return key.sort_values(["part", "question"], ignore_index=True)

    def _synthetic_pictures(self, part: str, problems: Problems) -> None:
        table, wanted = self.synthetic.table, int(self.settings["pictures_per_scale"])
        for guidance in sorted(table["guidance"].unique()):
            of_scale = np.flatnonzero((table["guidance"] == guidance).to_numpy())
            taken = 0
            for place in balanced(table, of_scale, self.columns, self._random(part, guidance)):
                if taken < wanted and (name := self._take(self.synthetic, place)):
                    self._add(part, name, self._of_synthetic(int(place)))
                    taken += 1
            if taken < wanted:
                found = f"{wanted}, and {taken} accepted pictures of guidance {guidance:g} are left"
                where = f"{self.where}.pictures_per_scale"
                problems.add(where, f"{found} for {part}", "ask for fewer, or sample more")

    def _real_pictures(self, part: str, problems: Problems) -> None:
        table, wanted = self.pool.table, int(self.settings["real_pictures"])
        held_out = np.flatnonzero((table["role"] == "heldout").to_numpy())
        persons, taken = table["person"].to_numpy(), 0
        for place in balanced(table, held_out, self.columns, self._random(part, "real")):
            person = persons[place]
            if taken == wanted or person in self._persons:
                continue
            if name := self._take(self.pool, place):
                self._persons.add(person)
                self._add(part, name, self._of_pool(int(place)))
                taken += 1
        if taken < wanted:
            found = f"{wanted}, and {taken} held-out subjects are left for {part}"
            problems.add(f"{self.where}.real_pictures", found, "ask for fewer")

    def _pairs(self, problems: Problems) -> None:
        wanted = int(self.settings["pairs"])
        for sort, partners in ((NEAREST, self._nearest()), (RANDOM, self._any_other())):
            taken = 0
            for place, original in partners:
                taken += self._add_pair(sort, self.synthetic, place, original)
                if taken == wanted:
                    break
            if taken < wanted:
                found = f"{wanted}, and there are {taken} of sort {sort}"
                problems.add(f"{self.where}.pairs", found, "ask for fewer, or sample more")
        for one, other in self._same_eye():
            self._add_pair(SAME_EYE, self.pool, one, other)

    def _nearest(self) -> list[tuple[int, int]]:
        """Return pairs of a synthetic picture and its original, spread evenly over the ranks of the risk."""
        table = self.synthetic.table
        places = {row: place for place, row in enumerate(self.pool.table["row"])}
        risk, matched = table["risk"].to_numpy(float), table["matched_original"].to_numpy()
        pairs: dict[int, int] = {}  # by original, which is shown in one pair only
        for place in np.argsort(risk, kind="stable"):
            original = places.get(matched[place])
            if np.isfinite(risk[place]) and original is not None:
                pairs.setdefault(original, int(place))
        count = min(len(pairs), int(self.settings["pairs"]))
        ranked = [(place, original) for original, place in pairs.items()]
        spread = np.linspace(0, len(ranked) - 1, count).round().astype(int)
        # the others follow, in the place of pairs with a picture that is shown already
        rest = np.setdiff1d(np.arange(len(ranked)), spread)
        return [ranked[rank] for rank in (*spread, *rest)]

    def _any_other(self) -> Iterator[tuple[int, int]]:
        """Yield pairs of a synthetic picture and an original that is not its nearest one."""
        random = self._random(SIMILARITY, RANDOM)
        rows = self.pool.table["row"].to_numpy()
        matched = self.synthetic.table["matched_original"].to_numpy()
        synthetic, originals = self._free(self.synthetic, random), self._free(self.pool, random)
        for place, original in zip(synthetic, originals, strict=False):
            if rows[original] != matched[place]:
                yield place, original

    def _free(self, sample: Sample, random: np.random.Generator) -> Iterator[int]:
        """Yield the places of pictures that are not shown yet, in random order."""
        order = random.permutation(len(sample.table))
        return (int(place) for place in order if not self._is_taken(sample, place))

    def _same_eye(self) -> list[tuple[int, int]]:
        """Return pairs of two photographs of one eye, an eye once; none where no eye was photographed twice."""
        table = self.pool.table
        if "eye" not in table:
            return []
        of_eye: dict[int, list[int]] = {}
        for place in np.flatnonzero(table["eye"].to_numpy() >= 0):
            if not self._is_taken(self.pool, int(place)):
                of_eye.setdefault(int(table["eye"].to_numpy()[place]), []).append(int(place))
        pairs = [(places[0], places[1]) for places in of_eye.values() if len(places) > 1]
        order = self._random(SIMILARITY, SAME_EYE).permutation(len(pairs))
        return [pairs[place] for place in order[: int(self.settings["pairs"])]]

    def _add_pair(self, sort: str, sample: Sample, place: int, original: int) -> bool:
        one, other = self._take(sample, place), self._take(self.pool, original)
        if not one or not other:
            self.pictures.pop(one or other, None)
            return False
        known = self._of_synthetic(place) if sample is self.synthetic else self._of_pool(place)
        row = self.pool.table["row"].to_numpy()[original]
        if sort != NEAREST:
            known["risk"] = np.nan  # it is towards another original
        # the names' order, so that the synthetic picture is on either side
        first, second = sorted((one, other))
        names = {"picture": first, "other": second, "sort": sort, "other_row": row}
        self.rows.append(
            {**known, **names, "part": SIMILARITY, "question": name_of_pair(one, other)}
        )
        return True

    def _add(self, part: str, name: str, known: dict[str, Any]) -> None:
        self.rows.append({**known, "part": part, "question": name, "picture": name})

    def _of_synthetic(self, place: int) -> dict[str, Any]:
        row = self.synthetic.table.iloc[place]
        names = ("guidance", "risk", "candidate")
        return {"origin": SYNTHETIC, **{name: row[name] for name in names}, **self._labels(row)}

    def _of_pool(self, place: int) -> dict[str, Any]:
        row = self.pool.table.iloc[place]
        return {"origin": REAL, "row": row["row"], **self._labels(row)}

    def _labels(self, row: "pd.Series[Any]") -> dict[str, Any]:
        return {TRUE + column: row[column] for column in self.columns}

    def _is_taken(self, sample: Sample, place: int) -> bool:
        return name_of(np.asarray(sample.pictures[int(place)]), self.salt) in self.pictures

    def _take(self, sample: Sample, place: int) -> str:
        """Take a picture and return its name, or "" where the study has equal pixels already."""
        picture = np.asarray(sample.pictures[int(place)])
        name = name_of(picture, self.salt)
        if name in self.pictures:
            return ""
        self.pictures[name] = picture
        return name

    def _random(self, part: str, group: object) -> np.random.Generator:
        return seeds.generator(self.seed, f"reader study {part} {group}")


def balanced(
    table: pd.DataFrame, places: Integers, columns: Sequence[str], random: np.random.Generator
) -> Integers:
    """Return the places in random order, dealt out over the combinations of conditions in turn.

    Any beginning of the result holds equally many of each combination, up to one, as long as there are any.

    Parameters
    ----------
    table : (n rows)
    places : (m,) int
        Which rows.
    columns : sequence of str
    """
    shuffled = random.permutation(places)
    if not columns or not len(shuffled):
        return shuffled
    groups = table[list(columns)].iloc[shuffled].astype(str).agg("|".join, axis=1)
    turn = groups.groupby(groups.to_numpy()).cumcount().to_numpy()
    return shuffled[np.argsort(turn, kind="stable")]
