"""What pycanon and anjana say of tables; `equality.py` runs it with the Python of their own environment."""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from anjana.anonymity import k_anonymity as anjana_k
from pycanon import anonymity


def measured(table: dict[str, list[str]], quasi: list[str]) -> dict[str, float]:
    """Ask pycanon: k, distinct and whole entropy l, and t with both distances (numbers are ordered)."""
    data = pd.DataFrame(table)
    data["grade"] = data["grade"].astype(int)
    return {
        "k": int(anonymity.k_anonymity(data, quasi)),
        "l": int(anonymity.l_diversity(data, quasi, ["diagnosis"])),
        "entropy_l": int(anonymity.entropy_l_diversity(data, quasi, ["diagnosis"])),
        "t_equal": float(anonymity.t_closeness(data, quasi, ["diagnosis"])),
        "t_ordered": float(anonymity.t_closeness(data, quasi, ["grade"])),
    }


def of_lattice(table: dict[str, list[str]], quasi: list[str]) -> dict[str, float]:
    """Ask pycanon for what the search is limited by."""
    data = pd.DataFrame(table)
    return {
        "k": int(anonymity.k_anonymity(data, quasi)),
        "l": int(anonymity.l_diversity(data, quasi, ["diagnosis"])),
        "t_equal": float(anonymity.t_closeness(data, quasi, ["diagnosis"])),
    }


def searched(one: dict, quasi: list[str]) -> dict:
    """Ask anjana for a table with k alone and nobody left out."""
    levels = {
        name: {place: np.array(level, dtype=object) for place, level in enumerate(columns)}
        for name, columns in one["hierarchies"].items()
    }
    found = anjana_k(pd.DataFrame(one["table"]), [], quasi, one["k"], 0, levels)
    if not len(found):
        return {"table": None, "k": None}
    k = int(anonymity.k_anonymity(found, quasi))
    return {"table": {name: [str(cell) for cell in found[name]] for name in quasi}, "k": k}


def main() -> None:
    """Read what is asked, write what is answered."""
    asked = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    quasi = asked["quasi"]
    answers = {
        "measure": [measured(table, quasi) for table in asked["measure"]],
        "lattices": [
            [of_lattice(table, quasi) for table in lattice] for lattice in asked["lattices"]
        ],
        "searches": [searched(one, quasi) for one in asked["searches"]],
        "versions": {name: version(name) for name in ("pycanon", "anjana", "numpy", "pandas")},
    }
    Path(sys.argv[2]).write_text(json.dumps(answers), encoding="utf-8")


if __name__ == "__main__":
    main()
