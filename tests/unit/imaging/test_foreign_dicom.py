"""DICOM files of other makers: those that pydicom ships, beside their twins and the table of experiments/clinic."""

import csv
import hashlib
from pathlib import Path

import numpy as np
import pydicom.data
import pytest

from avatarflow.imaging.io import read_picture
from avatarflow.imaging.picture_checks import Limits, PictureError

TABLE = Path(__file__).parents[3] / "experiments/clinic/results/foreign_dicom.tsv"
FILES = Path(pydicom.data.__file__).parent / "test_files"
LIMITS = Limits(min_side_px=1, max_aspect=1e6)
TWINS = {
    "MR_small.dcm": ("MR_small_RLE", "MR_small_bigendian", "MR_small_implicit", "MR_small_jp2klossless"),
    "rtdose_1frame.dcm": ("rtdose_expb_1frame", "rtdose_rle_1frame"),
    "SC_rgb_rle.dcm": ("SC_rgb_gdcm_KY",),
}  # fmt: skip
"""Files that other programs made of the first, without loss."""


@pytest.mark.parametrize(("first", "twins"), TWINS.items())
def test_one_picture_in_several_compressions_and_byte_orders_is_one_picture(first, twins):
    picture, info = read_picture(FILES / first, LIMITS)
    for twin in twins:
        again, other = read_picture(FILES / f"{twin}.dcm", LIMITS)
        assert (again == picture).all()
        assert other == info


def test_lossy_colours_are_near_those_without_loss():
    picture = read_picture(FILES / "SC_rgb_rle.dcm", LIMITS)[0].astype(int)
    for path in sorted(FILES.glob("SC_rgb_dcmtk_+eb+c*.dcm")):
        assert np.abs(read_picture(path, LIMITS)[0] - picture).mean() < 5


def test_each_file_is_read_or_refused_as_the_table_says():
    with TABLE.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["set"] == "pydicom"]
    said = {}
    for row in rows:
        path = FILES / row["file"]
        assert hashlib.sha256(path.read_bytes()).hexdigest().startswith(row["sha256"])
        try:
            read_picture(path, LIMITS)
            said[row["file"]] = "read"
        except PictureError as error:
            said[row["file"]] = f"refused: {error.reason}"
    assert said == {row["file"]: row["ours"] for row in rows}
    assert sum(one == "read" for one in said.values()) > 60
