"""The settings plane (the source's figure 2): where every altered original is rejected, and what that costs.

Over the plane of (weight of the own radius beta, scale c): the border from which on every altered calibration original
is rejected, and as colour the share of held-out originals that would still pass.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from avatarflow.core.arrays import Floats, Mask, Rows
from avatarflow.core.paths import write_figure
from avatarflow.privacy.fingerprints.files import StoredRows

from .cone import Cones, needed_scales

BETAS = tuple(np.linspace(0, 1, 11).round(2).tolist())
SCALES = 60


def settings_plane(
    cones: Cones,
    perturbed: StoredRows,
    held_out: Rows,
    betas: tuple[float, ...] = BETAS,
    wanted: Mask | None = None,
) -> pd.DataFrame:
    """Return the plane as a long table.

    Parameters
    ----------
    cones : Cones
        Their R, rho and clipping are used, beta and c are varied.
    perturbed : (q, d)
        Altered originals of the calibration persons.
    held_out : (h, d)
        Held-out originals; without any the shares of them are NaN.
    wanted : (q,), optional
        Which of the perturbations count; all without it.

    Returns
    -------
    DataFrame
        One row per beta and c: `beta`, `c`, `border` (the smallest c that rejects every perturbation at this beta, inf
        where none does), `altered_rejected` and `heldout_passing` (shares), `at_border_passing` (share of
        held-out originals that pass at the border).
    """
    needed = {beta: _needed(cones, beta, perturbed, held_out, wanted) for beta in betas}
    borders = [altered.max() for altered, _ in needed.values()]
    finite = [border for border in borders if np.isfinite(border) and border > 0] or [1.0]
    scales = np.geomspace(min(finite) / 4, max(finite) * 2, SCALES)
    parts = []
    for beta, (altered, passing) in needed.items():
        border = float(altered.max())
        columns = {
            "beta": beta,
            "c": scales,
            "border": border,
            "altered_rejected": 1 - _share_above(altered, scales),
            "heldout_passing": _share_above(passing, scales),
            "at_border_passing": _share_above(passing, np.array([border]))[0]
            if np.isfinite(border)
            else np.nan,
        }
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


def _share_above(needed: Floats, scales: Floats) -> Floats:
    """Share of needed scales above each scale; NaN where there is none at all."""
    if not len(needed):
        return np.full(len(scales), np.nan)
    return np.asarray((needed > scales[:, None]).mean(1))


def _needed(
    cones: Cones, beta: float, perturbed: StoredRows, held_out: Rows, wanted: Mask | None
) -> tuple[Floats, Floats]:
    varied = replace(cones, shape=replace(cones.shape, beta=beta))
    return needed_scales(varied, perturbed, wanted=wanted), needed_scales(varied, held_out)


def draw_plane(table: pd.DataFrame, cones: Cones, path: str | Path) -> None:
    """The plane as a picture, the settings in force marked."""
    grid = table.pivot(index="c", columns="beta", values="heldout_passing")  # noqa: PD010 (pivot_table would drop what is not known)
    borders = table.groupby("beta")["border"].first()
    figure = Figure(figsize=(6.4, 4.6), layout="constrained")
    axes = figure.subplots()
    mesh = axes.pcolormesh(
        grid.columns, grid.index, grid.to_numpy(), vmin=0, vmax=1, cmap="viridis", shading="nearest"
    )
    axes.plot(borders.index, borders.to_numpy(), color="white", linewidth=3)
    axes.plot(
        borders.index,
        borders.to_numpy(),
        color="black",
        label="border: above it every altered original is rejected",
    )
    if np.isfinite(cones.c):
        axes.plot([cones.shape.beta], [cones.c], "o", color="red", label="in force")
    axes.set(yscale="log", xlabel="weight of the own radius, beta", ylabel="scale of the cones, c")
    figure.colorbar(mesh, label="share of held-out originals that pass")
    axes.legend(loc="upper left", fontsize="small")
    write_figure(path, figure, dpi=150)
