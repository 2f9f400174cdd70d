"""Do released pictures show the condition that was asked for? A classifier trained on real pictures answers.

The classifier's own accuracy on held-out persons says how far it can be trusted, and the same classifier trained on
shuffled labels must come out at chance: else the measure itself is broken.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from avatarflow.core import seeds
from avatarflow.core.arrays import Integers
from avatarflow.core.statistics import Estimate, share_over_persons, wilson
from avatarflow.imaging.spool import OnDisk, Stored, folder_of
from avatarflow.runs.context import Step

from .encoders import shrink
from .samples import Sample

UNKNOWN = -1
BATCH = 64
SHIFT_PX = 4
SHUFFLES = 4
"""Shuffled classifiers. A single one lands anywhere from 30 to 80 %, for sides differ so plainly that any two heaps of
eyes lean to one or the other; so they come in pairs with the same heaps and exchanged names, and their mean counts."""


class Reader(torch.nn.Module):
    """A small convolutional network with one head per condition column, for pictures of at most 64 pixels."""

    def __init__(self, classes: Sequence[int]) -> None:
        super().__init__()
        layers: list[torch.nn.Module] = []
        for before, after in ((3, 24), (24, 48), (48, 96)):
            layers += [
                torch.nn.Conv2d(before, after, 3, stride=2, padding=1),
                torch.nn.GroupNorm(8, after),
                torch.nn.SiLU(),
            ]
        layers += [torch.nn.AdaptiveAvgPool2d(4), torch.nn.Flatten()]
        self.body = torch.nn.Sequential(*layers)
        self.heads = torch.nn.ModuleList(torch.nn.Linear(96 * 16, count) for count in classes)

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        """(n, 3, h, w) in 0..1 to one (n, classes) tensor of scores per column."""
        found = self.body(images * 2 - 1)
        return [head(found) for head in self.heads]


def agreement(
    training: Sample,
    heldout: Sample,
    released: Sample,
    columns: Sequence[str],
    settings: Mapping[str, Any],
    seed: int,
    step: Step,
) -> dict[str, Any]:
    """Agreement of released pictures with their asked conditions, with the classifier's accuracy and its control.

    Parameters
    ----------
    training, heldout : Sample
        Real pictures of different persons, with `person` and the condition columns; a missing label is left out.
    released : Sample
        Synthetic pictures with the asked conditions.
    columns : sequence of str
        The condition columns.
    settings : mapping
        `steps` of training.
    seed : int
    step : Step

    Returns
    -------
    dict
        Per column: `asked` (figure), `by_value` (figures), `heldout_accuracy` (figure, over persons), `shuffled`
        (figure), `classes`, `chance` (1 / classes). A column with fewer than two known values has missing figures.
    """
    values = {name: sorted(training.table[name].dropna().unique()) for name in columns}
    used = [name for name in columns if len(values[name]) > 1]
    found = {name: _unmeasured(len(values[name])) for name in columns}
    if not used:
        return found
    codes = [_codes(sample, used, values) for sample in (training, heldout, released)]
    classes = [len(values[name]) for name in used]
    steps = int(settings["steps"])
    reader = train(training.pictures, codes[0], classes, steps, seed, 0, step)
    read_heldout, read_released = (
        predict(reader, heldout.pictures),
        predict(reader, released.pictures),
    )
    shuffled = []
    for turn in range(1, SHUFFLES + 1):
        labels = _shuffled(codes[0], classes, seed, turn)
        control = train(training.pictures, labels, classes, steps, seed, turn, step)
        shuffled.append(predict(control, released.pictures) == codes[2])
    for number, name in enumerate(used):
        asked, truth = codes[2][:, number], codes[1][:, number]
        # a value asked for that no training picture has cannot be seen by the classifier: it counts as not shown
        known, real = released.table[name].notna().to_numpy(), truth != UNKNOWN
        hits = read_released[:, number] == asked
        found[name] |= {
            "asked": wilson(int(hits[known].sum()), int(known.sum())).as_dict(),
            "by_value": {
                value: wilson(int(hits[asked == code].sum()), int((asked == code).sum())).as_dict()
                for code, value in enumerate(values[name])
            },
            "heldout_accuracy": share_over_persons(
                read_heldout[real, number] == truth[real], heldout.persons()[real]
            ).as_dict(),
            "shuffled": _mean_control(
                np.stack([turn[known, number] for turn in shuffled])
            ).as_dict(),
        }
    return found


def reading(
    training: Sample, columns: Sequence[str], settings: Mapping[str, Any], seed: int, step: Step
) -> Callable[[Sample], dict[str, Estimate]]:
    """The classifier alone, trained once: how often a set of pictures shows what was asked, as `agreement: <column>`.

    The very classifier that `agreement` asks; its accuracy and its control stand there.
    """
    values = {name: sorted(training.table[name].dropna().unique()) for name in columns}
    used = [name for name in columns if len(values[name]) > 1]
    if not used:
        return lambda sample: {}
    classes = [len(values[name]) for name in used]
    labels = _codes(training, used, values)
    reader = train(training.pictures, labels, classes, int(settings["steps"]), seed, 0, step)

    def shown(sample: Sample) -> dict[str, Estimate]:
        hits = predict(reader, sample.pictures) == _codes(sample, used, values)
        known = [sample.table[name].notna().to_numpy() for name in used]
        return {
            f"agreement: {name}": wilson(int(hits[mask, place].sum()), int(mask.sum()))
            for place, (name, mask) in enumerate(zip(used, known, strict=True))
        }

    return shown


def train(
    pictures: Stored,
    labels: Integers,
    classes: Sequence[int],
    steps: int,
    seed: int,
    turn: int,
    step: Step,
) -> Reader:
    """Train a reader on labelled pictures.

    Parameters
    ----------
    pictures : (n, height, width, 3) uint8
    labels : (n, columns) int
        Class per column, `UNKNOWN` (-1) where missing.
    classes : sequence of int
        Number of classes per column.
    steps, seed, turn : int
        Training steps of 64 pictures; `turn` 0 is the real training, further ones are controls.
    step : Step
    """
    images, targets = _shrunk(pictures), torch.from_numpy(labels)
    turn = (turn + 1) // 2  # the two of a pair of controls differ in nothing but their labels
    reader = _new_reader(classes, seeds.integer(seed, "agreement.weights", turn))
    losses = [
        torch.nn.CrossEntropyLoss(_balance(labels[:, n], c), ignore_index=UNKNOWN)
        for n, c in enumerate(classes)
    ]
    optimiser = torch.optim.AdamW(reader.parameters(), lr=2e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(steps, 1))
    for number in range(steps):
        draw = seeds.generator(seed, "agreement.batch", turn, number)
        drawn = draw.integers(0, len(images), BATCH)
        scores, rows = (
            reader(_varied(torch.from_numpy(images[drawn]), draw)),
            torch.from_numpy(drawn),
        )
        # a batch without a single known label of a column has no mean: it counts as no loss
        parts = [losses[n](score, targets[rows, n]).nan_to_num() for n, score in enumerate(scores)]
        loss = torch.stack(parts).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if number % 20 == 0:
            step.metric(
                f"agreement.loss.{'real' if turn == 0 else 'shuffled'}",
                float(loss.detach()),
                number,
            )
    reader.eval()
    return reader


def predict(reader: Reader, pictures: Stored) -> Integers:
    """(n, columns) class that the reader sees in each picture."""
    parts = []
    for start in range(0, len(pictures), 256):
        with torch.inference_mode():
            scores = reader(shrink(pictures[start : start + 256]))
        parts.append(torch.stack([score.argmax(1) for score in scores], 1).numpy())
    return np.concatenate(parts) if parts else np.zeros((0, len(reader.heads)), np.int64)


def _shrunk(pictures: Stored) -> OnDisk:
    """Pictures as the reader sees them, (n, 3, h, w) float32, on disk: a batch is read of them at a time."""
    small: OnDisk | None = None
    for start in range(0, len(pictures), BATCH):
        block = shrink(pictures[start : start + BATCH]).numpy()
        small = small or OnDisk(folder_of(pictures), block.shape[1:], block.dtype)
        small.extend(block)
    return small or OnDisk(None, (3, 1, 1), np.float32)


def _codes(sample: Sample, columns: Sequence[str], values: Mapping[str, Sequence[str]]) -> Integers:
    """(n, columns) position of each label among the column's values, `UNKNOWN` where missing or not among them."""
    codes = np.full((len(sample.table), len(columns)), UNKNOWN, np.int64)
    for number, name in enumerate(columns):
        for code, value in enumerate(values[name]):
            codes[(sample.table[name] == value).fillna(False).to_numpy(dtype=bool), number] = code
    return codes


def _shuffled(labels: Integers, classes: Sequence[int], seed: int, turn: int) -> Integers:
    """Labels dealt out anew, evenly within each true class, so that not even by accident they follow the truth."""
    dealt = labels.copy()
    pair, exchanged = divmod(turn - 1, 2)
    for column, count in enumerate(classes):
        draw = seeds.generator(seed, "agreement.shuffle", pair, column)
        for code in range(count):
            rows = draw.permutation(np.flatnonzero(labels[:, column] == code))
            dealt[rows, column] = (np.arange(len(rows)) + draw.integers(count) + exchanged) % count
    return dealt


def _mean_control(hits: npt.NDArray[np.bool_]) -> Estimate:
    """Mean agreement of the shuffled classifiers; n is the released pictures, not times the classifiers."""
    return (
        wilson(float(hits.mean()) * hits.shape[1], hits.shape[1])
        if hits.size
        else Estimate.missing()
    )


def _unmeasured(classes: int) -> dict[str, Any]:
    missing = Estimate.missing().as_dict()
    return {
        "asked": missing,
        "by_value": {},
        "heldout_accuracy": missing,
        "shuffled": missing,
        "classes": classes,
        "chance": 1 / classes if classes else None,
    }


def _new_reader(classes: Sequence[int], seed: int) -> Reader:
    """Return a reader with weights of its own seed; torch's global generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Reader(classes)


def _balance(labels: Integers, classes: int) -> torch.Tensor:
    """(classes,) weights that make rare classes count as much as common ones."""
    counts = np.bincount(labels[labels != UNKNOWN], minlength=classes)
    return torch.from_numpy(counts.sum() / (classes * np.maximum(counts, 1))).float()


def _varied(images: torch.Tensor, draw: np.random.Generator) -> torch.Tensor:
    """Pictures of one batch moved by a few pixels and lit differently; never mirrored: that would change the side."""
    height, width = images.shape[2:]
    padded = torch.nn.functional.pad(images, (SHIFT_PX,) * 4, mode="replicate")
    top, left = draw.integers(0, 2 * SHIFT_PX + 1, (2, len(images)))
    cut = torch.stack(
        [p[:, t : t + height, x : x + width] for p, t, x in zip(padded, top, left, strict=True)]
    )
    light = torch.from_numpy(draw.uniform(0.8, 1.2, (len(images), 3, 1, 1)).astype(np.float32))
    return (cut * light).clamp(0, 1)
