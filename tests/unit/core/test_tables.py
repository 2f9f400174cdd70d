import pandas as pd
import pytest

from avatarflow.core.tables import write_table


@pytest.mark.parametrize("separator", ["\t", ","])
def test_a_spreadsheet_runs_no_cell(tmp_path, separator):
    cells = ['=HYPERLINK("x")', "+1-1", "@a", "-cmd", "-", "-0.5", "+3e2", "a=1", None]
    table = pd.DataFrame({"text": cells, "x": [-0.12345678, *[float("nan")] * 8]})
    write_table(table, tmp_path / "t", separator)
    read = pd.read_csv(tmp_path / "t", sep=separator, dtype=str, keep_default_na=False)
    assert read["text"].tolist() == [
        "'=HYPERLINK(\"x\")", "'+1-1", "'@a", "'-cmd", "-", "-0.5", "+3e2", "a=1", "NA"
    ]  # fmt: skip
    assert read["x"].tolist() == ["-0.123457", *["NA"] * 8]
