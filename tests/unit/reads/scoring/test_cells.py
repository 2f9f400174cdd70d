"""Cells of a benchmark and their files."""

import pytest

from avatarflow.reads.scoring.cells import with_files

CELLS = [
    {"tool": "a", "setting": "s", "error": 0.0, "variation": 0.1, "donors": ["d", "e"]},
    {"tool": "b", "setting": "s", "error": 0.0, "variation": 0.1, "donors": ["d"]},
]


def test_files_go_to_cells_and_donors_in_their_order():
    one, two = with_files(CELLS, index=["i", "j"], truth=["1", "2", "3"], usage=["x", "y", "z"])
    assert one["runs"] == [
        {"donor": "d", "truth": "1", "usage": "x"},
        {"donor": "e", "truth": "2", "usage": "y"},
    ]
    assert two["runs"] == [{"donor": "d", "truth": "3", "usage": "z"}]
    assert (one["tool"], one["index"], two["index"]) == ("a", "i", "j")
    assert "donors" not in one
    assert "index" not in with_files(CELLS, truth=["1", "2", "3"])[0]


@pytest.mark.parametrize("files", [{"truth": ["1", "2"]}, {"truth": list("1234")}])
def test_refuses_more_or_fewer_files_than_donors(files):
    with pytest.raises(ValueError, match="zip"):
        with_files(CELLS, **files)
