import numpy as np
import pandas as pd

from avatarflow.privacy.measured import measured_rows


def test_as_many_patients_whom_the_encoder_has_seen_as_test_patients():
    person = np.array([0, 1, 1, 2, 3, 4, 5, 6, 6, 7])
    role = ["test", *["encoder"] * 3, "heldout", "test", *["encoder"] * 4]
    table = pd.DataFrame({"person": person, "role": role})
    assert measured_rows(table, "test", 1).tolist() == [0, 5]
    drawn = [measured_rows(table, "seen", seed) for seed in range(30)]
    for rows in drawn:
        assert len(np.unique(person[rows])) == 2
        assert (table["role"].iloc[rows] == "encoder").all()
        assert set(rows) == set(np.flatnonzero(np.isin(person, person[rows])))
    assert {row for rows in drawn for row in rows} == {1, 2, 3, 6, 7, 8, 9}
    few = table[table["role"] == "test"].reset_index(drop=True)
    assert measured_rows(few, "seen", 1).tolist() == []
