"""The vessel tree of a procedural retina: arcades from the disc around the macula, and what branches from them.

Coordinates are degrees of visual angle from the middle of the disc of a right eye: +x nasal, +y down; the fovea lies
at about (-15.5, 1.5).

References
----------
Foracchia, Grisan, Ruggeri 2004, Detection of optic disc in retinal images by means of a geometrical model of vessel
structure: the main vessels leave the disc up and down and bend around the macula like parabolas.
"""

from dataclasses import dataclass

import numpy as np

from .optics import Points, Rng

STEPS = 18
"""Points along every vessel."""
FOVEAL_REST_DEG = 2.4
"""No vessel comes nearer to the fovea."""


@dataclass(frozen=True)
class Vessels:
    """One kind of vessel: centre lines (strokes, STEPS, 2) and full widths (strokes, STEPS), in degrees."""

    lines: Points
    widths: Points

    @property
    def strength(self) -> Points:
        """How dark each stroke is, 0..1: thin vessels are pale."""
        return np.asarray(np.clip(0.3 + self.widths[:, 1] / 0.7, 0, 1))


@dataclass(frozen=True)
class Habit:
    """What makes one eye's tree: all of it belongs to the identity."""

    reach_deg: float
    """How far above and below the disc the arcades arch."""
    calibre: float
    tortuosity: float
    fovea: tuple[float, float]


def grow(rng: Rng, habit: Habit) -> tuple[Vessels, Vessels]:
    """Arteries and veins of one eye."""
    return _tree(rng, habit, 0.48, 0.92), _tree(rng, habit, 0.74, 1.04)


def _tree(rng: Rng, habit: Habit, width_deg: float, reach: float) -> Vessels:
    width = width_deg * habit.calibre
    trunks = [_trunk(rng, habit, side, nasal, reach) for nasal in (False, True) for side in (-1, 1)]
    taper = np.linspace(1, 0.3, STEPS)
    trunk_lines = np.stack(trunks)
    trunk_widths = np.outer(width * rng.uniform(0.85, 1.1, 4) * np.array([1, 1, 0.62, 0.62]), taper)
    twigs, twig_widths = _branches(
        rng, habit, trunk_lines, trunk_widths, (7, 7, 4, 4), (7, 15), first=0.14
    )
    fine, fine_widths = _branches(
        rng, habit, twigs, twig_widths, (2,) * len(twigs), (4, 8), first=0.25
    )
    thin_first = np.concatenate([fine, twigs, trunk_lines])
    return Vessels(thin_first, np.concatenate([fine_widths, twig_widths, trunk_widths]))


def _trunk(rng: Rng, habit: Habit, side: int, nasal: bool, reach: float) -> Points:
    """One main vessel from the disc: temporal ones arch around the macula, nasal ones run outwards."""
    q = np.linspace(0, 1, STEPS)
    height = habit.reach_deg * reach * rng.uniform(0.92, 1.08)
    if nasal:
        x, y = (
            17 * rng.uniform(0.8, 1.2) * q,
            side * height * rng.uniform(0.8, 1.5) * q ** rng.uniform(0.7, 1.0),
        )
    else:
        x = rng.uniform(0.5, 2.5) * np.sin(np.pi * np.minimum(q * 3, 1)) - 42 * q ** rng.uniform(
            1.4, 1.7
        )
        y = side * height * (1 - (1 - q) ** 3) * (1 - rng.uniform(0.1, 0.35) * q**2)
    line = np.stack([x + rng.normal(0.5, 0.25), y + rng.normal(0, 0.3)], -1)
    waves = sum(
        rng.normal(0, 1) * np.sin(2 * np.pi * (rng.uniform(1.5, 2.5) * k * q + rng.uniform())) / k
        for k in (1, 2)
    )
    along = np.gradient(line, axis=0)
    aside = np.stack([-along[:, 1], along[:, 0]], -1) / np.linalg.norm(along, axis=1, keepdims=True)
    return np.asarray(line + aside * (np.minimum(q * 4, 1) * waves * habit.tortuosity)[:, None])


def _branches(
    rng: Rng,
    habit: Habit,
    parents: Points,
    widths: Points,
    counts: tuple[int, ...],
    length_deg: tuple[float, float],
    first: float,
) -> tuple[Points, Points]:
    """Branches of given vessels, all grown at once, step by step."""
    parent = np.repeat(np.arange(len(parents)), counts)
    rank = np.concatenate([np.arange(count) for count in counts])
    share = (
        first
        + (0.92 - first) * (rank + rng.uniform(0.1, 0.9, len(rank))) / np.asarray(counts)[parent]
    )
    at = np.clip((share * (STEPS - 1)).astype(int), 1, STEPS - 2)
    ahead = parents[parent, at + 1] - parents[parent, at - 1]
    side = np.where((rank + rng.integers(0, 2, len(parents))[parent]) % 2 == 0, 1, -1)
    heading = np.arctan2(ahead[:, 1], ahead[:, 0]) + side * rng.uniform(0.5, 1.1, len(rank))
    width = widths[parent, at] * rng.uniform(0.5, 0.78, len(rank))
    pace = rng.uniform(*length_deg, len(rank)) / STEPS
    wander = rng.normal(0, 0.16 + 0.16 * habit.tortuosity, (STEPS, len(rank)))
    line = _walk(parents[parent, at], heading, pace, wander, habit)
    alive = np.cumprod(
        np.hypot(*np.moveaxis(line - np.array(habit.fovea), -1, 0)) > FOVEAL_REST_DEG, axis=1
    )
    return line, alive * width[:, None] * np.linspace(1, 0.4, STEPS)


def _walk(start: Points, heading: Points, pace: Points, wander: Points, habit: Habit) -> Points:
    """Lines that keep their heading but are drawn towards the macula inside the arcades and outwards elsewhere."""
    fovea, place, line = np.array(habit.fovea), start.copy(), [start]
    for step in range(1, STEPS):
        to_fovea = fovea - place
        inside = np.cos(np.arctan2(to_fovea[:, 1], to_fovea[:, 0]) - heading) > 0.1
        inside &= np.hypot(to_fovea[:, 0], to_fovea[:, 1]) < 14
        goal = np.where(inside[:, None], to_fovea, place - fovea * 0.3)
        off = np.arctan2(goal[:, 1], goal[:, 0]) - heading
        heading = heading + 0.07 * np.sin(off) + wander[step]
        place = place + pace[:, None] * np.stack([np.cos(heading), np.sin(heading)], -1)
        line.append(place)
    return np.stack(line, axis=1)
