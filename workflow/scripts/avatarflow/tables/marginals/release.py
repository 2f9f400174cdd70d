"""A synthetic table from noisy marginals: read, bound each patient's part, measure with noise once, draw, decide.

Whether the table is published hangs on the configuration and the ledger alone, and what is published holds no figure
that was measured without noise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd

from avatarflow.core.arrays import Integers
from avatarflow.core.differential_privacy import largest_advantage
from avatarflow.core.digest import config_digest
from avatarflow.core.gates import Gate
from avatarflow.core.statistics import Estimate
from avatarflow.runs.context import Step
from avatarflow.tables.gates import EPSILON, hold_all
from avatarflow.tables.reading import read_labels

from . import accountant, figures
from .certificate import certificate
from .domains import Domain, coded, coded_rows, one_row_each
from .drawing import Columns, check_size, counted, drawn, measured_sets
from .ledger import Ledger, opened
from .noise import FROM_SYSTEM, Below, discrete_gaussian


@dataclass(frozen=True)
class Plan:
    """What is measured and with how much noise, from the configuration alone.

    `asked` says of which patients, and by the number of the measurement which one.
    """

    domains: tuple[Domain, ...]
    sets: tuple[Columns, ...]
    delta: float
    variance: Fraction
    asked: tuple[Any, ...] = ()

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "Plan":
        """Take an entry of the checked config."""
        part = settings["marginals"]
        names = [*settings["quasi_identifiers"], *settings["sensitive"]]
        sets = tuple(measured_sets(names, part["order"], part["sets"]))
        rho = accountant.rho_of(part["epsilon"], part["delta"])
        domains = tuple(Domain.of(name, part["domains"][name]) for name in names)
        asked = settings["source"], settings["patient_id_columns"], part["measurement"]
        return cls(domains, sets, part["delta"], accountant.variance_of(rho, len(sets)), asked)

    @property
    def shape(self) -> tuple[int, ...]:
        """How many values each column may have."""
        return tuple(len(domain.texts) for domain in self.domains)

    @property
    def rho(self) -> float:
        """What the measurement costs."""
        return accountant.cost(self.variance, len(self.sets))

    def epsilon(self, rho: float) -> float:
        """Return the epsilon of a rho at the plan's delta."""
        return accountant.epsilon_of(rho, self.delta)


def synthetic_table(
    name: str, paths: Mapping[str, Any], settings: Mapping[str, Any], step: Step
) -> tuple[dict[str, Any], dict[str, Any], list[Gate], pd.DataFrame]:
    """Measure, draw and decide.

    Parameters
    ----------
    name, paths, settings, step
        As for `tables.release.release_table`.

    Returns
    -------
    decided : dict
        The certificate, which may be published.
    internal : dict
        Figures without noise: which may not.
    gates : list of Gate
    table : DataFrame
        Without a row where nothing was measured.
    """
    where = f"config tables.{name}"
    labels = read_labels(settings, paths, where, settings["seed"], step)
    plan = Plan.of(settings)
    check_size(plan.sets, plan.shape, f"{where}.marginals")
    codes = coded_rows(labels.rows, plan.domains, where)
    true = one_row_each(labels.patients, codes)
    with opened(settings["marginals"]["ledger"], f"{where}.marginals.ledger") as ledger:
        noisy, total = measured_once(name, plan, true, ledger, settings["gates"][EPSILON])
        measurements = len(ledger.lines)
    step.info("ledger: %d measurements, epsilon %.6g in all", measurements, plan.epsilon(total))
    gates = hold_all({EPSILON: Estimate.exact(plan.epsilon(total), max(measurements, 1))}, settings)
    rows = np.zeros((0, len(plan.domains)), np.int64)
    if noisy is not None:
        sigma = float(plan.variance) ** 0.5
        rows = drawn(plan.sets, noisy, sigma, plan.shape, settings["seed"])
    table = _texts(rows, plan.domains)
    measured = {
        "mechanism": "discrete Gaussian noise on the counts of marginals; rows drawn by private-PGM (mbi)",
        "unit": "one patient more or less, with one row",
        "epsilon": plan.epsilon(plan.rho),
        "delta": plan.delta,
        "rho": plan.rho,
        "sigma": float(plan.variance) ** 0.5,
        "sets": [[plan.domains[place].column for place in columns] for columns in plan.sets],
        "rows": len(table),
        "measurement": settings["marginals"]["measurement"],
        "ledger": {"measurements": measurements, "rho": total, "epsilon": plan.epsilon(total)},
        "generated": settings["source"]["generate"] is not None,
    }
    internal: dict[str, Any] = {
        "patients": len(true),
        "rows": len(codes),
        "rows_left_out": len(codes) - len(true),
    }
    if noisy is not None:
        names = [domain.column for domain in plan.domains]
        cells = dict(zip(plan.sets, noisy, strict=True))
        internal["distances"] = figures.distances(true, rows, plan.shape, names, cells)
        if labels.others is not None:
            n_quasi = len(settings["quasi_identifiers"])
            others = labels.others[0], coded(plan.domains[:n_quasi], labels.others[1])
            patients = np.arange(len(true)), true[:, :n_quasi]
            internal["linkage"] = {
                "before": figures.linkage(patients, others, true[:, :n_quasi]),
                "after": figures.linkage(patients, others, rows[:, :n_quasi]),
                "bound": largest_advantage(plan.epsilon(total), plan.delta),
            }
    return certificate(name, gates, settings, measured), internal, gates, table


def measured_once(
    name: str, plan: Plan, true: Integers, ledger: Ledger, limit: float, below: Below = FROM_SYSTEM,
) -> tuple[Sequence[Sequence[int]] | None, float]:  # fmt: skip
    """Return the noisy counts of each set, and the rho of everything in the ledger with them.

    A measurement that the configuration asked for before has its counts in the ledger; they are taken again, whatever
    the data are now: whether they are still the same is a question to the data that nobody paid for. Where the limit
    would be exceeded nothing is measured, and the counts are None.

    Parameters
    ----------
    name : str
        The entry's.
    plan : Plan
    true : (patients, columns) int
    ledger : Ledger
    limit : float
        Largest epsilon of the ledger, with what is measured now.
    below : callable
        Where random numbers come from.
    """
    domains = [[domain.column, domain.texts] for domain in plan.domains]
    identity = config_digest([name, plan.asked, domains, plan.sets, plan.variance])
    if (earlier := ledger.counts(identity)) is not None:
        return earlier, ledger.rho
    total = ledger.rho + plan.rho
    if plan.epsilon(total) > limit:
        return None, total
    counts = [counted(true, columns, plan.shape) for columns in plan.sets]
    noisy = [
        [int(cell) + discrete_gaussian(plan.variance, below) for cell in cells] for cells in counts
    ]
    spent = {"rho": plan.rho, "epsilon": plan.epsilon(plan.rho), "delta": plan.delta}
    ledger.append({"entry": name, "identity": identity, "counts": noisy, **spent})
    return noisy, total


def _texts(rows: Integers, domains: Sequence[Domain]) -> pd.DataFrame:
    """Return the rows as texts, in the order of their cells."""
    texts = {
        domain.column: [domain.texts[code] for code in column]
        for domain, column in zip(domains, rows.T, strict=True)
    }
    table = pd.DataFrame(texts, dtype=object)
    return table.sort_values(list(table.columns)).reset_index(drop=True)
