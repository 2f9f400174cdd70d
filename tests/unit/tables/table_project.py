"""A working directory with one entry of `tables`, for tests that release it."""

import pandas as pd
import yaml

from avatarflow.config.loading import load
from avatarflow.runs.context import Step
from avatarflow.tables import release


class Project:
    """A table `t` in a folder that is worked in; what its entry names outside of it lies beside that."""

    def __init__(self, folder, monkeypatch, entry):
        self.folder = folder / "work"
        self.folder.mkdir()
        monkeypatch.chdir(self.folder)
        self.entry = yaml.safe_load(yaml.safe_dump(entry))
        self.population = None
        self.hierarchies = None

    def beside(self, name, content=""):
        """A file that only its owner may read."""
        path = self.folder.parent / name
        path.touch(mode=0o600)
        path.write_text(content)
        return path

    def checked(self):
        return load({"tables": {"t": self.entry}})["tables"]["t"]

    def run(self, table, seed=1):
        path = self.folder / "labels.csv"
        table.to_csv(path, index=False)
        paths = {
            "manifest": str(path), "population": self.population, "hierarchies": self.hierarchies,
            "key": self.entry.get("key_file"),
        }  # fmt: skip
        outputs = {name: self.folder / name for name in ("certificate", "page")}
        settings = {**self.checked(), "seed": seed}
        return release.release_table(
            "t", paths, settings, outputs, self.folder / "release", Step.null()
        )

    def released(self):
        return pd.read_csv(self.folder / "release/table.csv", dtype=str, keep_default_na=False)


def without_figure(monkeypatch):
    """Leave out the figure of the gates, which takes most of the time."""
    nothing = {"gates_picture": "", "turning_point": lambda gate: ""}
    monkeypatch.setattr(release, "shown_gates", lambda gates: nothing)
