"""Draw synthetic tables at several epsilons, and measure what they keep and whom they give away.

    PYTHONPATH=workflow/scripts python experiments/tables/marginals.py    (with envs/marginals.txt installed)

10,000 made-up persons are the population, 2,000 of them the patients of a table: age by decades, sex, one of 90
postcodes, one of 5 diagnoses. All single columns and pairs are measured, 10 marginals. The figures are those of the
package's page: total variation distance from the true table, and how much more often a patient than another person has
his quasi-identifiers in the table.

Predicted before the run: at epsilon 1 sex and diagnosis are within 0.02, postcode within 0.2, age and postcode together
beyond 0.4; the table is nearer to the truth than the noisy counts for every pair. The attack's advantage on the true
table is above 0.2, and its interval on the synthetic ones holds 0 up to epsilon 3. At epsilon 10 it does not.
"""

import argparse
import json
import tempfile
from pathlib import Path

from linkage import decision

from avatarflow.core import seeds
from avatarflow.core.paths import write_json
from avatarflow.core.results import clean
from avatarflow.tables.generated import AREAS, DIAGNOSES, DISTRICTS, generated_labels

HERE = Path(__file__).parent
PERSONS, PATIENTS, SEED = 10_000, 2_000, 1
EPSILONS = (0.5, 1.0, 3.0, 10.0)


def main() -> None:
    """Draw at each epsilon, and write what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", default=str(HERE / "results" / "marginals.json"))
    arguments = parser.parse_args()
    population = generated_labels(PERSONS, SEED).drop_duplicates("patient_id").drop(columns="row")
    chosen = seeds.generator(SEED, "experiment.chosen").choice(PERSONS, PATIENTS, replace=False)
    table = population.iloc[sorted(chosen)]
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        table.to_csv(Path(folder) / "labels.csv", index=False)
        population.to_csv(Path(folder) / "people.csv", index=False)
        for epsilon in EPSILONS:
            results[f"epsilon {epsilon:g}"] = released(Path(folder), epsilon)
            print(f"epsilon {epsilon:g}", json.dumps(results[f"epsilon {epsilon:g}"]), flush=True)
    write_json(arguments.out, {"persons": PERSONS, "patients": PATIENTS, "results": results})


def released(folder: Path, epsilon: float) -> dict:
    """Draw one table with a ledger of its own."""
    ledger = folder / f"ledger-{epsilon:g}"
    ledger.touch(mode=0o600)
    postcodes = [f"{area}{one:02d}" for area in range(1, AREAS + 1) for one in range(DISTRICTS)]
    entry = {
        "source": {"manifest": "labels.csv"},
        "quasi_identifiers": {"age": {}, "sex": {}, "postcode": {}}, "sensitive": {"diagnosis": {}},
        "marginals": {
            "epsilon": epsilon, "delta": 1.0e-6, "ledger": str(ledger),
            "domains": {
                "age": {"edges": list(range(0, 101, 10))}, "sex": {"values": ["female", "male"]},
                "postcode": {"values": postcodes}, "diagnosis": {"values": list(DIAGNOSES)},
            },
        },
        "gates": {"epsilon": epsilon},
    }  # fmt: skip
    decided = decision(folder, entry)
    measured, internal = decided["measured"], decided["internal"]
    kept = {name: measured[name] for name in ("epsilon", "rho", "sigma", "rows")}
    figures: dict = clean({**kept, **{name: internal[name] for name in ("distances", "linkage")}})
    return figures


if __name__ == "__main__":
    main()
