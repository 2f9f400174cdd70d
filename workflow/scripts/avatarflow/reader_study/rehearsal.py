"""Machine readers as a step of the workflow: they answer a release's study, and equal studies get equal results.

Codes of readers, the order of their questions and the seconds that they take are chance or the machine's load. None of
them is kept: readers have numbers, and what hangs on order or time is left out.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from avatarflow.core.paths import replacing, write_bytes, write_json
from avatarflow.runs.context import Step

from .analysis.results import FIGURE, write_results
from .app import create_app
from .machine_readers import MachineReader, Skill
from .serve import served
from .store import MACHINE_PREFIX, MACHINES, Store, opened, sqlite_url
from .study import Study

OF_CHANCE = ("learning_logit",)
"""Results of part two that hang on the order of the questions."""
OF_TIME = ("seconds", "position", "times_shown")


def rehearse(
    inputs: Mapping[str, str], readers: int, seed: int, outputs: Mapping[str, str], step: Step
) -> None:
    """Let machine readers of known skill answer a study through its pages, and write what their answers say.

    Parameters
    ----------
    inputs : mapping
        `shown`, `key` and `power` of a study.
    readers : int
    seed : int
        Of their answers and of the intervals.
    outputs : mapping
        Files to write: `answers` (CSV), `results` (JSON), `picture` (PNG, of part two).
    """
    study, key = Study.read(inputs["shown"]), pd.read_parquet(inputs["key"])
    skill = Skill.rising(sorted(key["guidance"].dropna().unique()))
    machines = [MachineReader(number, key, skill, seed) for number in range(readers)]
    # a store on disk: the server's threads share it; nothing of it is kept
    with tempfile.TemporaryDirectory() as folder:
        with opened(sqlite_url(Path(folder) / "answers.sqlite"), study.digest, MACHINES) as store:
            answers = _answered(study, store, machines, step)
        results = write_results(answers, MACHINES, inputs["key"], inputs["power"], folder, seed)
        write_bytes(outputs["picture"], (Path(folder) / FIGURE).read_bytes())
    with replacing(outputs["answers"]) as path:
        answers.drop(columns=list(OF_TIME)).to_csv(path, index=False)
    write_json(outputs["results"], without_chance(results), allow_nan=False)


def _answered(
    study: Study, store: Store, machines: list[MachineReader], step: Step
) -> pd.DataFrame:
    """Return the answers by reader and question, the readers numbered in their order and not in that of their codes."""
    numbers = {}
    with served(create_app(study, store)) as address:
        for done, machine in enumerate(machines, start=1):
            numbers[machine.take_part(address)] = machine.number
            step.progress(done, len(machines), "machine readers")
    # the export numbers readers in the order of their codes
    names = {place: numbers[code] for place, code in enumerate(sorted(numbers), start=1)}
    answers = store.export()
    places = answers["reader"].str.extract(r"(\d+)$", expand=False).astype(int)
    readers = [f"{MACHINE_PREFIX}{names[place] + 1:03d}" for place in places]
    return answers.assign(reader=readers).sort_values(
        ["reader", "part", "question"], ignore_index=True
    )


def without_chance(results: Mapping[str, Any]) -> dict[str, Any]:
    """Return results without what hangs on the order of questions or on time."""
    kept = dict(results)
    if "origin" in kept:
        kept["origin"] = {
            name: value for name, value in kept["origin"].items() if name not in OF_CHANCE
        }
    if "clinical" in kept:
        kept["clinical"] = _without_seconds(kept["clinical"])
    return kept


def _without_seconds(value: Any) -> Any:
    """Leave out every figure about seconds, at any depth."""
    if not isinstance(value, Mapping):
        return value
    return {name: _without_seconds(part) for name, part in value.items() if "seconds" not in name}
