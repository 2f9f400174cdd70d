"""A table of labels through the workflow: made, not made again, made again with another key, refused without one.

And a synthetic one, measured once.
"""

import json
from importlib.util import find_spec

import pytest
import yaml

import project


def test_a_table_is_released_once_for_each_key(tmp_path):
    work, key = tmp_path / "work", tmp_path / "key"
    work.mkdir()
    key.write_text("0123456789abcdef" * 2)
    key.chmod(0o600)
    (work / "postcodes.csv").write_text(
        "code,area\n"
        + "".join(f"{area}{one:02d},{area}\n" for area in range(1, 7) for one in range(15))
    )
    entry = {
        "source": {"generate": {"patients": 120}}, "identifiers": ["patient_id"], "dates": ["visit"],
        "quasi_identifiers": {"sex": {}, "postcode": {"file": "postcodes.csv"}}, "sensitive": {"diagnosis": {}},
        "gates": {"t_closeness": 0.5, "linkage": 0.3, "linkage_with_dates": 0.5,
                  "prosecutor_risk_with_dates": 1, "singled_out": 1}, "key_file": str(key),
    }  # fmt: skip
    text = yaml.safe_dump({"data_root": str(work), "tables": {"clinic": entry}}, sort_keys=False)
    (work / "config.yaml").write_text(text)
    done = project.run(work, "tables")
    assert "tables clinic: released; see results/tables/clinic/report.html" in done.stderr
    home = work / "results/tables/clinic"
    assert sorted(path.name for path in (home / "release").iterdir()) == [
        "SHA256SUMS", "certificate.json", "table.csv"
    ]  # fmt: skip
    first = json.loads((home / "certificate.json").read_text())["measured"]["key"]
    assert len(first) == 16
    # no other file of the run holds a patient's own cells
    for name, data in project.content(work / "results").items():
        assert b"P0000" not in data, name
    assert project.planned(work, "tables") == set()
    key.write_text("fedcba9876543210" * 2)
    assert project.planned(work, "tables") == {"release_table"}
    key.chmod(0o644)
    done = project.run(work, "tables", check=False)
    assert done.returncode != 0
    where = "config tables.clinic.key_file: others than its owner may use it (mode 0644)"
    assert where in done.stdout + done.stderr


@pytest.mark.skipif(
    find_spec("mbi") is None,
    reason="pip install --no-deps -r envs/marginals.txt: mbi is not in the lock",
)
def test_a_synthetic_table_is_measured_once_and_only_with_its_ledger(tmp_path):
    work, ledger = tmp_path / "work", tmp_path / "ledger"
    work.mkdir()
    diagnoses = ["healthy", "cataract", "glaucoma", "diabetic retinopathy", "macular degeneration"]
    entry = {
        "source": {"generate": {"patients": 300}},
        "quasi_identifiers": {"age": {}, "sex": {}}, "sensitive": {"diagnosis": {}},
        "marginals": {
            "epsilon": 1, "delta": 1.0e-6, "ledger": str(ledger),
            "domains": {
                "age": {"edges": [0, 40, 60, 80, 120]}, "sex": {"values": ["female", "male"]},
                "diagnosis": {"values": diagnoses},
            },
        },
    }  # fmt: skip
    (work / "config.yaml").write_text(
        yaml.safe_dump({"data_root": str(work), "tables": {"clinic": entry}}, sort_keys=False)
    )
    done = project.run(work, "tables", check=False)
    assert done.returncode != 0
    assert "config tables.clinic.marginals.ledger: no such file" in done.stdout + done.stderr
    assert not (work / "results/tables/clinic/report.html").exists()
    ledger.touch(mode=0o600)
    done = project.run(work, "tables")
    assert "tables clinic: released; see results/tables/clinic/report.html" in done.stderr
    table = work / "results/tables/clinic/release/table.csv"
    first, spent = table.read_bytes(), ledger.read_bytes()
    assert project.planned(work, "tables") == set()
    project.run(work, "tables", "--forcerun", "release_table")
    assert (table.read_bytes(), ledger.read_bytes()) == (first, spent)
    # no file of the run holds a patient's own cells, or the ledger's path
    for name, data in project.content(work / "results").items():
        assert b"P0000" not in data, name
        assert str(ledger).encode() not in data, name
