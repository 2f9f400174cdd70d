"""The files of one paper, made once for the tests that look at them."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))  # `paper_files`

import paper_files


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """By kind of item: what it reads."""
    folder = tmp_path_factory.mktemp("papers")
    pictures, quality = paper_files.write_pictures(folder), paper_files.write_quality(folder)
    return {
        "samples": pictures,
        "calibration_border": paper_files.write_plane(folder),
        "ratings": paper_files.write_results(folder),
        "generators": {**quality, "certificate": pictures["certificate"]},
        "distillation": quality,
        "read_removal": paper_files.write_scores(folder),
        "released_set": {"certificate": pictures["certificate"]},
    }
