"""Augmentation inside the loss, so that a discriminator cannot learn few pictures by heart.

Real and generated pictures are altered alike before the discriminator sees them, and the generator's gradient goes
through the alteration. It therefore learns pictures as they are, not altered ones.

References
----------
Zhao et al. 2020, Differentiable augmentation for data-efficient GAN training (arXiv 2006.10738); ranges as there.
"""

from collections.abc import Callable, Sequence

import torch
from torch.nn import functional

LARGEST_SHIFT = 1 / 8
"""Of a side, in each direction."""

CUT = 1 / 2
"""Side of the square that is cut out, of a side of the picture."""

NUMBERS = 7
"""Random numbers per picture: brightness, saturation, contrast, two shifts, two places of the cut."""


def colour(pictures: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
    """Change brightness, saturation and contrast."""
    brightness, saturation, contrast = numbers[:, :3].view(-1, 3, 1, 1, 1).unbind(1)
    pictures = pictures + brightness - 0.5
    grey = pictures.mean(1, keepdim=True)
    pictures = grey + (pictures - grey) * 2 * saturation
    level = pictures.mean((1, 2, 3), keepdim=True)
    return level + (pictures - level) * (contrast + 0.5)


def translation(pictures: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
    """Shift by whole pixels; what comes in is 0, mid-grey."""
    count, _, height, width = pictures.shape
    rows, columns = (
        _places(side, 2 * round(side * LARGEST_SHIFT) + 1, chosen) - round(side * LARGEST_SHIFT)
        for side, chosen in ((height, numbers[:, 3]), (width, numbers[:, 4]))
    )
    rows, columns = rows.clamp(-1, height) + 1, columns.clamp(-1, width) + 1
    padded = functional.pad(pictures, (1, 1, 1, 1)).permute(0, 2, 3, 1)  # (n, h + 2, w + 2, 3)
    which = torch.arange(count, device=pictures.device)[:, None, None]
    return padded[which, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def cutout(pictures: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
    """Set a square to 0; its centre may be anywhere, so that part of it may lie outside."""
    inside = []
    for side, chosen in ((pictures.shape[2], numbers[:, 5]), (pictures.shape[3], numbers[:, 6])):
        half, place = round(side * CUT / 2), torch.arange(side, device=pictures.device)
        from_edge = place - _places(1, side, chosen) + half
        inside.append((from_edge >= 0) & (from_edge < 2 * half))
    kept = ~(inside[0][:, None, :, None] & inside[1][:, None, None, :])
    return pictures * kept


def _places(count: int, choices: int, numbers: torch.Tensor) -> torch.Tensor:
    """Return `count` neighbouring whole numbers (n, count) of which the first is one of 0 to `choices` - 1."""
    first = (numbers * choices).long().clamp(max=choices - 1)
    return first[:, None] + torch.arange(count, device=numbers.device)


ALTERATIONS: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "colour": colour,
    "translation": translation,
    "cutout": cutout,
}


def augment(pictures: torch.Tensor, numbers: torch.Tensor, names: Sequence[str]) -> torch.Tensor:
    """Alter pictures by the named alterations.

    Parameters
    ----------
    pictures : (n, 3, h, w) in [-1, 1]
    numbers : (n, NUMBERS) in [0, 1)
        The random numbers of each picture.
    names : of `ALTERATIONS`
    """
    for name in names:
        pictures = ALTERATIONS[name](pictures, numbers)
    return pictures
