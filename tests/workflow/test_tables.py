"""A table of labels through the workflow: made, not made again, made again with another key, refused without one."""

import json

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
