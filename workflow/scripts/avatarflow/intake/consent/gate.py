"""The gate: which rows of a manifest their patients' consents let in, and for what the others are refused."""

import re
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import networkx as nx
import pandas as pd

from avatarflow.core.errors import refuse
from avatarflow.intake.tables.manifest import ROW
from avatarflow.runs.context import Step

from ..fhir.days import covers, in_all
from ..refusals import CONSENT
from .decisions import NONE, PERMIT, WORST_FIRST, Days, Decision, worst
from .register import Asked, Register, read_register

TAKEN = re.compile(
    r"(\d{4})(-?)(\d\d)\2(\d\d)(?:[T ]([01]\d|2[0-4]):?[0-5]\d(:?[0-5]\d([.,]\d+)?)?(Z|[+-]\d\d:?\d\d)?)?",
    re.ASCII,
)
NO_DAY = f"{CONSENT}: the day of the picture is missing, or no full date"
AHEAD = f"{CONSENT}: the day of the picture lies in the future"
OUTSIDE = f"{CONSENT}: the picture was taken outside the permitted days"
SHOWN = 5


@dataclass(frozen=True)
class ConsentFiles:
    """What the gate reads besides the configuration."""

    files: Sequence[str]
    day: str
    """The day to judge for, YYYY-MM-DD."""
    record: str
    """Where `day.write_day` notes it."""
    state: str
    """Digest of all that decisions depend on but the day."""
    folder: str | None = None
    """Where they lie while they are read, as for `Database`."""


@dataclass
class Gate:
    """The consents of an entry, applied to the rows of its manifest."""

    settings: Mapping[str, Any]
    register: Register
    summary: dict[str, Any]
    """Counts that may be shown anywhere; filled by `refused`."""
    next_change: int | None = None
    """The first day on which a decision may become another one."""

    def columns(self) -> list[str]:
        """Return the columns that the manifest must have."""
        return columns_of(self.settings)

    def refused(
        self,
        every: pd.DataFrame,
        key: "pd.Series[Any]",
        same: Sequence[tuple[Hashable, Hashable]],
        wanted: Iterable[int],
    ) -> dict[int, str]:
        """Return the manifest rows that no consent lets in, with the reason.

        Parameters
        ----------
        every : every row of the manifest
            Also those that are not wanted: they may hold an identifier of a patient.
        key : (n rows)
            Who stands in each, as from `persons.identify`.
        same : pairs of keys
            Patients who share a picture: each of them must have permitted.
        wanted : rows
            Numbers of the rows to judge.
        """
        rows = every.loc[every[ROW].isin(set(wanted)) & key.notna()]
        decisions = self._by_key(every, key)
        groups = nx.Graph()
        groups.add_nodes_from(decisions)
        groups.add_edges_from(pair for pair in same if None not in pair)
        whole: dict[Hashable, tuple[int, Decision]] = {}
        for number, group in enumerate(nx.connected_components(groups)):
            decision = _joint([decisions[one] for one in group])
            whole.update(dict.fromkeys(group, (number, decision)))
        refused: dict[int, str] = {}
        for row, who, taken in zip(rows[ROW], key.loc[rows.index], self._taken(rows), strict=True):
            if reason := self._reason(whole[who][1], taken):
                refused[int(row)] = reason
        judged = dict(whole[who] for who in key.loc[rows.index])
        self._count(judged, refused)
        return refused

    def _by_key(self, every: pd.DataFrame, key: "pd.Series[Any]") -> dict[Hashable, Decision]:
        """Decide for each patient by all identifiers that stand in any of his rows."""
        column = every[self.settings["patient_column"]]
        known = {value: self.register.decide(value) for value in column.dropna().unique()}
        decisions = {}
        for who, values in column.groupby(key, sort=False, dropna=True):
            decisions[who] = _joint([known[value] for value in values.dropna().unique()])
        return decisions

    def _taken(self, rows: pd.DataFrame) -> list[int | None]:
        """Return the days of the pictures; None where there is none."""
        column = self.settings["acquired_column"]
        if self.settings["collected"] is None:
            return [None] * len(rows)
        return [_day(value) for value in rows[column]]

    def _reason(self, decision: Decision, taken: int | None) -> str:
        if decision.outcome != PERMIT:
            return f"{CONSENT}: {decision.outcome}"
        if self.settings["collected"] is None:
            return ""
        if taken is None:
            return NO_DAY
        if taken > self.register.asked.days.today:
            self.next_change = min(self.next_change or taken, taken)
            return AHEAD
        return "" if covers(decision.collected, taken, taken) else OUTSIDE

    def _count(self, judged: Mapping[int, Decision], refused: Mapping[int, str]) -> None:
        outcomes = Counter(decision.outcome for decision in judged.values())
        reasons = Counter(reason.removeprefix(f"{CONSENT}: ") for reason in refused.values())
        self.summary |= {
            "patients": {name: outcomes[name] for name in WORST_FIRST if outcomes[name]},
            "pictures_refused": dict(sorted(reasons.items())),
        }


def open_gate(settings: Mapping[str, Any], given: ConsentFiles, step: Step) -> Gate:
    """Read the consents of an entry.

    Parameters
    ----------
    settings : mapping
        `consent` of the config.
    given : ConsentFiles
    step : Step

    Raises
    ------
    AvatarflowError
        If a file cannot be read, a consent does not say whose it is, or the last day of use is past.
    """
    today = date.fromisoformat(given.day)
    until = date.fromisoformat(settings["until"]) if settings["until"] else today
    if until < today:
        found = f"the last day of use is {until}, and consents are judged for {today}"
        raise refuse("config consent.until", found, "set a later day, or stop using the data")
    asked = Asked(
        tuple(settings["require"]),
        settings["collected"],
        frozenset(settings["purposes"]),
        Days(today.toordinal(), until.toordinal()),
    )
    register = read_register(list(given.files), settings["identifier_system"], asked, given.folder)
    for problem, places in sorted(register.unknown().items()):
        more = ", ..." if len(places) > SHOWN else ""
        step.warning(
            "%d consents are unknown, %s: %s%s",
            len(places),
            problem,
            "; ".join(places[:SHOWN]),
            more,
        )
    summary = {
        "day": given.day,
        "until": until.isoformat(),
        "require": sorted(settings["require"]),
        "collected": settings["collected"],
        "consents": register.n_resources,
    }
    days = [register.next_change(), asked.days.until + 1 if settings["until"] else None]
    return Gate(settings, register, summary, min(filter(None, days), default=None))


def columns_of(settings: Mapping[str, Any]) -> list[str]:
    """Return the columns of the manifest that the gate reads."""
    acquired = [settings["acquired_column"]] if settings["collected"] is not None else []
    return [settings["patient_column"], *acquired]


def _joint(decisions: Sequence[Decision]) -> Decision:
    """Return what several decisions permit together: the worst of them, and the days that all allow."""
    outcome = worst(decision.outcome for decision in decisions)
    if outcome == NONE or not decisions:
        return Decision(NONE)
    return Decision(outcome, tuple(in_all(decision.collected for decision in decisions)))


def _day(value: str | None) -> int | None:
    match = TAKEN.fullmatch(value.strip()) if isinstance(value, str) else None
    try:
        return date(*map(int, match.group(1, 3, 4))).toordinal() if match else None
    except ValueError:
        return None
