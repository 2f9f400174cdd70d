"""What a family is asked for: a training, or one shard of candidates."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from avatarflow.imaging.spool import Stored

from .conditions import Conditions
from .settings import Compute, Network, Sampling, Training, Tuning


@dataclass(frozen=True)
class TrainingTask:
    """One training of a generator; a family takes of it what it has use for.

    Attributes
    ----------
    pictures : (n, size, size, 3) uint8
        An array, or a spool of which a training step reads its own.
    table : (n rows)
        Holds the condition columns; missing values are allowed.
    conditions : Conditions
    training, compute : mapping or settings
        `finetune:`, `distill:` or `base.pretrain.training` of the config, and `compute:`.
    seed : int
    state : Path
        Checkpoints, in a folder for each configuration; a second call with the same task goes on where the first one
        stopped.
    out : Path
        The folder to write, whole at the end. It holds `model_index.json`.
    base : path or hub id, optional
        What training starts from; None starts from nothing.
    network_allowed : bool
        Whether the base may be a hub id.
    generator, network, tuning : mapping or settings
        `generator:` (`family` and its own settings), `network:` and `base.tuning` of the config.
    """

    pictures: Stored
    table: pd.DataFrame
    conditions: Conditions
    training: Mapping[str, Any] | Training
    compute: Mapping[str, Any] | Compute
    seed: int
    state: Path
    out: Path
    base: str | Path | None = None
    network_allowed: bool = False
    generator: Mapping[str, Any] = field(default_factory=dict)
    network: Mapping[str, Any] | Network = field(default_factory=Network)
    tuning: Mapping[str, Any] | Tuning = field(default_factory=Tuning)


@dataclass(frozen=True)
class SamplingTask:
    """One shard of the candidates that are asked of a generator.

    Attributes
    ----------
    conditions : Conditions
        Every combination without a missing value is asked for; they must be those of the generator.
    sample, compute : mapping or settings
        `sample:` of the config for this stage, and `compute:`.
    seed : int
    stage : str
        `teacher` or `student`: names the candidates, and their random numbers.
    state : Path
        Finished micro-batches, in a folder for each configuration and shard; a killed call goes on behind them.
    out : Path
        The `.parquet` file of this shard.
    shard, shards : int
        Which (0-based) of how many; the pictures of all shards together do not depend on their number.
    """

    conditions: Conditions
    sample: Mapping[str, Any] | Sampling
    compute: Mapping[str, Any] | Compute
    seed: int
    stage: str
    state: Path
    out: Path
    shard: int = 0
    shards: int = 1
