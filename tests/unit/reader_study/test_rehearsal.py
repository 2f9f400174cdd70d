"""Machine readers as a step: equal studies give equal bytes, although codes and orders are chance."""

import json

import pandas as pd

from avatarflow.reader_study.rehearsal import rehearse
from avatarflow.runs.context import Step


def outputs(folder):
    folder.mkdir()
    return {
        "answers": folder / "answers.csv",
        "results": folder / "results.json",
        "picture": folder / "recognition.png",
    }


def test_two_rehearsals_of_one_study_are_equal_and_say_that_machines_answered(small, tmp_path):
    files = {"shown": "shown", "key": "key.parquet", "power": "power.json"}
    inputs = {name: str(small / file) for name, file in files.items()}
    made = [outputs(tmp_path / name) for name in "ab"]
    for out in made:
        rehearse(inputs, 3, 7, out, Step.null())
    first, second = ({name: path.read_bytes() for name, path in out.items()} for out in made)
    assert first == second
    results, answers = json.loads(first["results"]), pd.read_csv(made[0]["answers"])
    assert (results["made_by"], results["readers"]) == ("machines", 3)
    assert "none by people" in results["remark"]
    assert sorted(set(answers["reader"])) == ["MACHINE001", "MACHINE002", "MACHINE003"]
    assert set(answers["made_by"]) == {"machines"}
    # what hangs on the order of the questions or on time is in neither
    assert not {"seconds", "position"} & set(answers.columns)
    assert "learning_logit" not in results["origin"]
    assert "seconds" not in json.dumps(results["clinical"])
    other = outputs(tmp_path / "c")
    rehearse(inputs, 3, 8, other, Step.null())
    assert other["answers"].read_bytes() != first["answers"]
