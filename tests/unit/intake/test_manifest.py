"""Manifests and selections."""

import bz2
import gzip
import itertools
import lzma
import os
import shutil
import subprocess
import sys
import unicodedata
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from avatarflow.core.errors import AvatarflowError
from avatarflow.core.paths import environment_for_package
from avatarflow.intake.listed_files import digest_of_listed, resolve_inside, why_unresolved
from avatarflow.intake.tables import containers, text_table
from avatarflow.intake.tables.manifest import ODDITIES, read_manifest
from avatarflow.intake.tables.selection import select_rows


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text(
        "file,view,age,sex\na.png,fundus,40,\nb.png,fundus,9,male\nc.png,cxr,100,female\n"
    )
    return read_manifest(path, ["view"])


def test_rows_are_numbered_from_one_and_empty_cells_are_missing(table):
    assert list(table["row"]) == [1, 2, 3]
    assert table["sex"].isna().tolist() == [True, False, False]


def test_parquet_and_csv_read_alike(table, tmp_path):
    table.drop(columns="row").to_parquet(tmp_path / "m.parquet")
    again = read_manifest(tmp_path / "m.parquet", [])
    assert again.to_dict("list") == table.to_dict("list")


@pytest.mark.parametrize(
    ("expression", "rows"),
    [
        ("", [1, 2, 3]),
        ("view = 'fundus'", [1, 2]),
        ("age >= 40", [1, 3]),  # as numbers: as text '9' would pass and '100' would not
        ("sex IS NULL OR view = 'cxr'", [1, 3]),
    ],
)
def test_select(table, expression, rows):
    assert list(select_rows(table, expression, "select")["row"]) == rows


@pytest.mark.parametrize(
    "expression",
    [
        "view = ",
        "nosuchcolumn = 1",
        "(SELECT count(*) FROM read_csv('/etc/passwd')) > 0",
        "(SELECT count(*) FROM '/etc/passwd') > 0",
        "(SELECT count(*) FROM typed) > 0",
        "true; COPY (SELECT 1) TO '/tmp/never'",
        "getenv('HOME') = '/root'",
    ],
)
def test_an_expression_reaches_nothing_but_the_rows(table, expression):
    with pytest.raises(AvatarflowError, match="select: not a usable expression"):
        select_rows(table, expression, "select")


def test_a_wrong_selection_shows_no_column_but_those_it_names(tmp_path):
    (tmp_path / "m.csv").write_text("file,age,Secret\na.png,4,5\n")
    with pytest.raises(AvatarflowError, match=r"age holds numbers$") as error:
        select_rows(read_manifest(tmp_path / "m.csv", []), "age = ", "select")
    assert "Secret" not in str(error.value)


def test_a_wrong_selection_says_which_row_makes_a_column_text(tmp_path):
    (tmp_path / "m.csv").write_text("file,age,left\na.png,4,\nb.png,unknown,\n")
    table = read_manifest(tmp_path / "m.csv", [])
    with pytest.raises(AvatarflowError, match=r"; age is text, as row 2 shows$") as error:
        select_rows(table, "age >= 50", "select")
    assert "unknown" not in str(error.value)
    with pytest.raises(AvatarflowError, match=r"age is text, as row 2 shows, left is empty$"):
        select_rows(table, "left = age = 1", "select")


def test_a_column_that_differs_from_another_only_in_case_cannot_be_named(tmp_path):
    (tmp_path / "m.csv").write_text("file,AGE,age,Row,x (y)\na.png,90,20,100,1\nb.png,90,40,50,2\n")
    table = read_manifest(tmp_path / "m.csv", [])
    for expression in ("age > 30", "Age > 30", '"AGE" > 30'):
        with pytest.raises(AvatarflowError, match=r"column 'AGE' differs from another one only in"):
            select_rows(table, expression, "select")
    assert select_rows(table, "Row > 60", "select")["file"].tolist() == ["a.png"]  # not its number
    assert select_rows(table, '"x (y)" = 2', "select")["file"].tolist() == ["b.png"]


def test_the_number_of_a_row_is_no_column_of_the_manifest(table):
    with pytest.raises(AvatarflowError, match=r"; no column 'row'$"):
        select_rows(table, "row > 1", "select")
    with pytest.raises(AvatarflowError, match="it names no column"):
        select_rows(table, "1 >", "select")


def test_names_every_column_that_a_filter_lacks_but_no_text_in_wrong_quotes(tmp_path):
    (tmp_path / "m.csv").write_text("file,name\na.png,Anna\n")
    expression = "visit = 1 AND name = \"Berta\" AND (upper(visit) > '2' OR site LIKE 'A%')"
    with pytest.raises(AvatarflowError) as caught:
        read_manifest(tmp_path / "m.csv", ["patient"], row_filter=expression)
    missing = [line.split(";")[0] for line in str(caught.value).splitlines()]
    assert missing == [
        f"manifest m.csv: no column '{name}'" for name in ("patient", "visit", "site")
    ]
    table = read_manifest(tmp_path / "m.csv", [])
    with pytest.raises(
        AvatarflowError, match=r"; no column 'visit', no column 'site', name is text"
    ):
        select_rows(table, expression, "select")
    for expression in ('name = "Berta"', '"Anna" = name'):
        read_manifest(tmp_path / "m.csv", [], row_filter=expression)
        with pytest.raises(AvatarflowError, match="; write text in single quotes, name is text"):
            select_rows(table, expression, "select")


def test_a_filter_knows_composed_and_decomposed_letters_as_one(tmp_path):
    text = "file,Prüfdatum,name\na.png,2020-01-01,Müller\nb.png,2021-05-01,Weiß\n"
    forms = ("NFC", "NFD")
    for form, other in itertools.product(forms, forms):
        (tmp_path / "m.csv").write_text(unicodedata.normalize(form, text))
        expression = unicodedata.normalize(other, "\"Prüfdatum\" < '2021' AND name = 'Müller'")
        table = read_manifest(tmp_path / "m.csv", [], row_filter=expression)
        assert select_rows(table, expression, "select")["row"].tolist() == [1]
    both = ",".join(unicodedata.normalize(form, "Prüf") for form in forms)
    (tmp_path / "m.csv").write_text(f"file,a,{both}\na.png,1,2,3\n")
    table = read_manifest(tmp_path / "m.csv", [])
    assert len(select_rows(table, "a = 1", "select")) == 1
    with pytest.raises(AvatarflowError, match="two columns 'Prüf' differ only in composed and dec"):
        select_rows(table, '"Prüf" = 2', "select")


def test_whole_numbers_are_compared_exactly_beside_missing_ones(tmp_path):
    ids = ["9007199254740992", "9007199254740993", "", "-12"]
    lines = [f"{number}.png,{id_}" for number, id_ in enumerate(ids)]
    (tmp_path / "m.csv").write_text("\n".join(["file,id", *lines]))
    table = read_manifest(tmp_path / "m.csv", [])
    kept = select_rows(table, "id <> 9007199254740993", "select")
    assert kept["id"].tolist() == ["9007199254740992", "-12"]
    assert select_rows(table, "id / 2 < 0", "select")["row"].tolist() == [4]


def test_refuses_a_selection_of_nothing(table):
    with pytest.raises(AvatarflowError, match="no picture is left"):
        select_rows(table, "age > 1000", "select")


def test_names_every_missing_column_at_once(tmp_path):
    (tmp_path / "m.csv").write_text("view\nfundus\n")
    with pytest.raises(AvatarflowError) as error:
        read_manifest(tmp_path / "m.csv", ["person", "view"])
    assert "no column 'file'" in str(error.value)
    assert "no column 'person'" in str(error.value)


@pytest.mark.parametrize(
    "content", [b"", b",,\n;\n", b"file\n", b'file,a\n"unclosed', b"\xff\xfe\x00\x01"]
)
def test_refuses_what_is_no_table(tmp_path, content):
    (tmp_path / "m.csv").write_bytes(content)
    with pytest.raises(AvatarflowError, match=r"^manifest m\.csv: "):
        read_manifest(tmp_path / "m.csv", [])


def test_refuses_a_manifest_that_is_not_there(tmp_path):
    with pytest.raises(AvatarflowError, match="no such file"):
        read_manifest(tmp_path / "none.csv", [])
    with pytest.raises(AvatarflowError, match="a folder, not a file"):
        read_manifest(tmp_path, [])


def test_paths_stay_inside_the_root(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "secret.png").touch()
    (root / "in.png").touch()
    (root / "link.png").symlink_to(tmp_path / "secret.png")
    assert resolve_inside(root, "in.png") == root / "in.png"
    for name in (
        "../secret.png",
        str(tmp_path / "secret.png"),
        "link.png",
        "a/../../secret.png",
        "nul\0.png",
    ):
        assert resolve_inside(root, name) is None


def test_a_name_that_cannot_be_resolved_is_refused_for_the_true_reason(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    (tmp_path / "c.png").touch()
    for name, expected in {
        "a": "symbolic links in a circle",
        "a/x.png": "symbolic links in a circle",
        "x" * 300: "file name too long or not valid",
        "x\0.png": "file name too long or not valid",
        "../x": "path leads outside the root",
        "c.png/": "slash at the end of the file name",
        "c.png/.": "slash at the end of the file name",
    }.items():
        assert resolve_inside(tmp_path, name) is None
        assert why_unresolved(tmp_path, name) == expected


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_takes_the_separators_that_spreadsheets_write(tmp_path, separator, start):
    text = separator.join(["file", "age"]) + "\r\n" + separator.join(["a.png", "4"]) + "\r\n"
    (tmp_path / "m.csv").write_bytes(start + text.encode())
    assert read_manifest(tmp_path / "m.csv", ["age"]).to_dict("list") == {
        "row": [1],
        "file": ["a.png"],
        "age": ["4"],
    }


@pytest.mark.parametrize(
    ("content", "found"),
    [
        # would take masks for pictures
        (b"file,mask,side\na.png,b.png,left,\n", "1 rows (line 2)"),
        (
            b"file,patient,side\na.png,p,left\nb.png,left\n",
            "fewer cells than the header in 1 rows (line 3)",
        ),
        (
            b"file,,side\na.png,left\n",
            "fewer cells than the header in 1 rows (line 2); write a sep",
        ),
        (
            b"PK\x03\x04\x14\0\xff",
            "it is a ZIP archive or an Excel workbook; save it as CSV in UTF-8",
        ),
        (bz2.compress(b"file\na.png\n"), "it is compressed with bzip2; save it as CSV"),
        (lzma.compress(b"file\na.png\n"), "it is compressed with xz; save it as CSV"),
        (gzip.compress(b"PK\x03\x04\x14\0\xff"), "it is a ZIP archive or an Excel workbook"),
        (
            gzip.compress(b"file\na.png\n")[:-3],
            "its gzip data are damaged or cut off; copy or comp",
        ),
        (gzip.compress(b"file\na.png\n")[:-8] + bytes(8), "its gzip data are damaged or cut off"),
        (b"PAR1" + bytes(50), "its Parquet data are damaged or cut off; copy or save it again"),
        (b'file,note\na.png,"one, two"\nb.png,one, two\n', "1 rows (line 3)"),
        (b"file,side\na.png,left\nb.png,m\xfcller\n", "line 3 is not UTF-8"),
        (b"\xff\xfef\x00i\x00", "UTF-16"),
        ("file,a\na.png,1\n".encode("utf-16-le"), "its encoding is UTF-16"),
        ("file,a\na.png,1\n".encode("utf-16-be"), "its encoding is UTF-16"),
        (b"file,a\na.png,1\nb.png,\0\n", "line 3 holds a zero byte"),
        (b"sep=;\nfile;side\n", "first line"),
        (b'{"file": "a.png"}\n', "JSON"),
        (b"File ,side\na.png,left\n", "no column 'file', but 'File '"),
        ("file\u200b,side\na.png,left\n".encode(), "no column 'file', but 'file\u200b'"),
        (
            b'file,a\na.png,x\nb.png,"x\nc.png,y\n',
            "line 3 has a quote that is not closed; close it",
        ),
        (b'file,a\na.png,"x"y\n', "line 2 has text behind a closing quote; write a quote"),
        (
            b"file,a\na.png,x\nb.png," + b"y" * 131_073,
            "line 3 has a cell of more than 131,072 char",
        ),
        (b"", "it is empty; give a table with a header"),
        (b"file_name,side\na.png,left\n", "a column is called 'file_name'; rename it to 'file'"),
        (b"file,patient,patient\na.png,1,1\n", "columns 2, 3 have one name; rename all but one"),
        (b"a.png,Secret Anna,Secret Anna\n" * 2, "no column 'file'; add it"),
        (
            b"file,side,file\na.png,left,b\n",
            "columns 1, 3 have one name 'file'; rename all but one",
        ),
        (
            b"file,_embedded\na.png,x\n",
            "a column is called '_embedded'; rename it: the name is reserved",
        ),
        (
            b"\n# exported\nfile,side\na.png,left\n",
            "line 2 is a comment and no header; take that line out",
        ),
        (
            b"Export of May\nfile,side\na.png,left\n",
            "line 1 is no header: it has 1 cells, and most rows have 2",
        ),
        (b"file,side,side\na.png,left,left\n", "columns 2, 3 have one name; rename all but one"),
    ],
)
def test_says_what_is_wrong_with_a_table(tmp_path, content, found):
    (tmp_path / "m.csv").write_bytes(content)
    with pytest.raises(AvatarflowError) as caught:
        read_manifest(tmp_path / "m.csv", [])
    assert found in str(caught.value)
    assert "Secret" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "\n \n,,\nfile,patient,x\na.png,p,1\n",
        "file;patient;x,y,z,u\na.png;p;1\n",  # more commas than semicolons in the header only
        'file;patient;"x, as said, by the patient, or not"\na.png;p;1\n',
        "file,patient,x\na.png,p,1;2;3;4\n",
        "file\tpatient\tx\na.png\tp\t1,2\nb.png\tp\t\n",
        "file,patient,x\na.png,p,1\n  \n",  # a line of blanks
        "file,patient,x\ra.png,p,1\r",
    ],
)
def test_the_separator_is_the_one_that_fits_the_rows(tmp_path, text):
    (tmp_path / "m.csv").write_bytes(text.encode())
    read = read_manifest(tmp_path / "m.csv", ["patient"])
    assert read.loc[0, ["file", "patient"]].tolist() == ["a.png", "p"]
    assert len(read.columns) == 4


def test_cells_of_a_column_without_a_name_may_be_missing(tmp_path):
    (tmp_path / "m.csv").write_text("file,age,\na.png,4\nb.png,5,\n")
    assert read_manifest(tmp_path / "m.csv", [])["age"].tolist() == ["4", "5"]


def test_a_gzipped_manifest_may_have_members_and_is_inflated_within_a_limit(tmp_path, monkeypatch):
    path, members = tmp_path / "m.csv", [gzip.compress(b"file\n"), gzip.compress(b"a.png\n")]
    path.write_bytes(b"".join(members) + bytes(30))
    assert read_manifest(path, [])["file"].tolist() == ["a.png"]
    monkeypatch.setattr(containers, "MOST_BYTES", 2**20)
    path.write_bytes(members[0] + gzip.compress(b"a\n" * 2**18) * 40)
    with pytest.raises(AvatarflowError, match=r"^manifest m\.csv: it inflates to more than 1 MiB;"):
        read_manifest(path, [])


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_of_nothing_are_counted_before_they_are_read(tmp_path, monkeypatch, end):
    monkeypatch.setattr(text_table, "MOST_LINES", 100)
    (tmp_path / "m.csv").write_bytes(("file" + 98 * end + "a.png" + end).encode())
    assert read_manifest(tmp_path / "m.csv", [])["file"].tolist() == ["a.png"]
    (tmp_path / "m.csv").write_bytes(("file" + 101 * end + "a.png" + end).encode())
    with pytest.raises(AvatarflowError, match=r"more than 100 lines; take out empty lines"):
        read_manifest(tmp_path / "m.csv", [])


def test_parquet_is_known_by_content_and_keeps_whole_numbers_and_its_index(tmp_path):
    table = pd.DataFrame({"grade": [1.0, None]}, index=pd.Index(["a.png", "b.png"], name="file"))
    table.to_parquet(tmp_path / "M.PQ")
    read = read_manifest(tmp_path / "M.PQ", ["grade"])
    assert read["file"].tolist() == ["a.png", "b.png"]
    assert read["grade"].tolist() == ["1", None]


MOMENTS = [
    datetime(2021, 12, 30, 14, 30),
    datetime(2021, 12, 31),
    datetime(2021, 12, 31, 0, 0, 0, 1),
    None,
    datetime(2022, 1, 1),
]
MIDNIGHTS = [moment and datetime(moment.year, moment.month, moment.day) for moment in MOMENTS]


@pytest.mark.parametrize("expression", [
    "x <= '2021-12-31'", "x = '2021-12-31'", "x < '2022-01-01'", "x <= DATE '2021-12-31'",
    "x BETWEEN '2021-12-31' AND '2022-01-01'", "x >= '2021-12-31T00:00:00'", "x <> '2021-12-31'",
    "x > '2021-12-31 00:00:00.0000005'", "NOT x < TIMESTAMP '2022-01-01 00:00'", "year(x) = 2022",
])  # fmt: skip
@pytest.mark.parametrize(
    ("values", "kind"),
    [
        *((values, pa.timestamp(unit)) for unit in ("us", "ns") for values in (MOMENTS, MIDNIGHTS)),
        (MIDNIGHTS, pa.timestamp("s")),
        (MOMENTS, pa.date32()),
        (MIDNIGHTS, pa.date64()),
        *((values, pa.timestamp("us", "Europe/Berlin")) for values in (MOMENTS, MIDNIGHTS)),
        (MIDNIGHTS, pa.timestamp("ms", "UTC")),
    ],
)
def test_dates_and_times_of_parquet_compare_as_the_engine_does_on_the_file(
    tmp_path, values, kind, expression
):
    zone = getattr(kind, "tz", None)
    if zone:
        values = [value and value.replace(tzinfo=ZoneInfo(zone)) for value in values]
    rows = list(range(1, len(values) + 1))
    path = parquet(
        tmp_path / "m.parquet", ["file", "n", "x"], [(["a"] * 5,), (rows,), (values, kind)]
    )
    with duckdb.connect() as engine:
        engine.execute(f"SET TimeZone = '{zone or 'UTC'}'")
        query = f"SELECT n FROM '{path}' WHERE {expression} ORDER BY n"
        expected = [row for (row,) in engine.execute(query).fetchall()]
    table = read_manifest(path, [], row_filter=expression)
    assert expected
    assert select_rows(table, expression, "select")["row"].tolist() == expected
    last = table[table["row"] == 5]  # as part of a table, too
    if 5 in expected:
        assert select_rows(last, expression, "select")["row"].tolist() == [5]


@pytest.mark.parametrize(
    ("values", "kind", "expression", "rows"),
    [
        ([time(9), time(10), None, time(23, 59)], pa.time32("s"), "x >= '10:00'", [2, 4]),
        ([time(9), time(10), None, time(23, 59)], pa.time64("ns"), "x < TIME '10:00'", [1]),
        ([timedelta(n) for n in (9, 10, 100, -1)], pa.duration("ns"), "x >= '10 days'", [2, 3]),
        ([timedelta(n) for n in (9, 10, 100, -1)], pa.duration("s"), "x < '36 hours'", [4]),
        ([datetime(1, 1, 1), datetime(9999, 1, 1)], pa.timestamp("us"), "x > '2021-01-01'", [2]),
        ([date(1, 1, 1), date(9999, 1, 1)], pa.date32(), "x > '2021-01-01'", [2]),
    ],
)
def test_times_of_day_and_durations_of_parquet_compare_as_such(
    tmp_path, values, kind, expression, rows
):
    files = ["a"] * len(values)
    columns = [pa.array(values, kind)]
    if not pa.types.is_duration(kind):  # Parquet makes numbers of a dictionary of durations
        columns.append(columns[0].dictionary_encode())
    for column in columns:
        path = parquet(tmp_path / "m", ["file", "x"], [(files,), (column,)])
        assert select_rows(read_manifest(path, []), expression, "s")["row"].tolist() == rows


def test_a_wrong_filter_says_which_columns_hold_times(tmp_path):
    columns = [(["a"],), ([date(2021, 12, 31)],), ([datetime(2021, 12, 31)],), ([time(3)],)]
    path = parquet(tmp_path / "m", ["file", "day", "moment", "hour"], columns)
    with pytest.raises(
        AvatarflowError, match="day holds dates, moment holds points in time, hour holds times of"
    ):
        select_rows(read_manifest(path, []), "day = 3 OR moment = 3 OR hour = 3", "select")


def test_times_of_a_zone_that_is_not_known_are_no_text(tmp_path):
    kind = pa.timestamp("us", "Nowhere/Land")
    path = parquet(tmp_path / "m", ["file", "x"], [(["a"],), ([0], kind)])
    with pytest.raises(AvatarflowError, match="column 'x' holds neither text nor numbers"):
        read_manifest(path, [], row_filter="x > '2021-01-01'")


def parquet(path, names, columns):
    pq.write_table(pa.Table.from_arrays([pa.array(*column) for column in columns], names), path)
    return path


@pytest.mark.parametrize(
    ("values", "kind", "texts"),
    [
        # equal as floats
        ([10**17, 10**17 + 1, None], pa.int64(), [str(10**17), str(10**17 + 1), None]),
        ([2**63 + 1, None], pa.uint64(), [str(2**63 + 1), None]),
        ([1e20, None], pa.float64(), [str(10**20), None]),
        ([1.5, None, float("nan")], pa.float64(), ["1.5", None, None]),
        ([0.1, 1.0], pa.float32(), ["0.1", "1.0"]),
        ([float("inf"), 1.0], pa.float64(), ["inf", "1.0"]),
        ([True, None], pa.bool_(), ["True", None]),
        ([b"P1", None], pa.binary(), ["P1", None]),
        ([None, None], pa.null(), [None, None]),
        (["a", None, "a"], pa.dictionary(pa.int8(), pa.string()), ["a", None, "a"]),
    ],
)
def test_no_digit_of_a_parquet_column_is_lost(tmp_path, values, kind, texts):
    path = parquet(tmp_path / "m", ["file", "id"], [(["a.png"] * len(values),), (values, kind)])
    assert read_manifest(path, ["id"])["id"].tolist() == texts
    assert digest_of_listed(path, tmp_path)


@pytest.mark.parametrize(
    ("names", "columns", "found"),
    [
        (["image", "image"], [([1],), ([2],)], "2 columns are called 'image'; rename all but one"),
        (
            ["image"],
            [([{"bytes": [1, 2], "path": "a"}],)],
            "the bytes of column 'image' are of another type than bin",
        ),
        (
            ["image"],
            [([{"bytes": 5, "path": "a"}],)],
            "the bytes of column 'image' are of another type than binary",
        ),
        (
            ["image"],
            [([{"bytes": {"x": b"1"}}],)],
            "the bytes of column 'image' are of another type than binary",
        ),
        (
            ["file", "id", "id"],
            [(["a"],), ([1],), ([2],)],
            "columns 2, 3 have one name 'id'; rename all but one",
        ),
        (
            ["file", "x", "x", "id"],
            [(["a"],), ([1],), ([2],), ([3],)],
            "columns 2, 3 have one name; rename all but",
        ),
        (
            ["file", "id"],
            [(["a"],), ([["p"]],)],
            "column 'id' holds neither text nor numbers; save its values as short text",
        ),
        (["file", "id"], [(["a"],), ([b"\xff"],)], "column 'id' holds neither text nor numbers"),
        (
            ["file", "id", "_embedded"],
            [(["a"],), ([1],), ([2],)],
            "a column is called '_embedded'; rename it",
        ),
    ],
)
def test_says_what_is_wrong_with_a_parquet_file(tmp_path, names, columns, found):
    path = parquet(tmp_path / "m.parquet", names, columns)
    with pytest.raises(AvatarflowError, match=r"^manifest m\.parquet: ") as caught:
        read_manifest(path, ["id"])
    assert found in str(caught.value)
    assert digest_of_listed(path, tmp_path)


def test_what_a_parquet_file_expands_to_is_limited(tmp_path, monkeypatch):
    monkeypatch.setattr("avatarflow.intake.tables.parquet.MOST_BYTES", 20_000)
    names = [f"{number}.png" for number in range(40)]
    columns = [(names,), (["A" * 1000] * 40,), ([bytes(600)] * 40,), (["b"] * 40,)]
    path = parquet(tmp_path / "m.parquet", ["file", "note", "scan", "id"], columns)
    table = read_manifest(path, ["id"])
    assert set(table.columns) >= {"file", "id"}
    assert not {"note", "scan"} & set(table.columns)
    for name in ("note", "scan"):
        with pytest.raises(AvatarflowError, match=f"column '{name}' holds more than [0-9]+ MiB"):
            read_manifest(path, [name])
    monkeypatch.setattr("avatarflow.intake.tables.parquet.MOST_PICTURES", 20_000)
    cells = [{"bytes": bytes(1000), "path": name} for name in names]
    path = parquet(tmp_path / "m.parquet", ["image", "id"], [(cells,), (["b"] * 40,)])
    with pytest.raises(AvatarflowError, match="the pictures inside it take more than"):
        read_manifest(path, ["id"])


@pytest.mark.parametrize(
    "expression",
    [
        "random() < 0.9",
        "n = 1 AND today() > '2020-01-01'",
        "Current_Date > '2020'",
        "age(CAST(born AS DATE)) >= INTERVAL '18 years'",
        "n = 1 AND AGE (greatest(CAST(born AS DATE), DATE '1900-01-01')) > INTERVAL '1 day'",
    ],
)
def test_a_filter_selects_the_same_another_time(tmp_path, expression):
    (tmp_path / "m.csv").write_text("file,n,today,born\na.png,1,random(),1990-02-03\n")
    table = read_manifest(tmp_path / "m.csv", [])
    with pytest.raises(
        AvatarflowError, match="gives another value each time, or stops the selection; compare with"
    ):
        select_rows(table, expression, "select")
    for steady in (
        "today = 'random()'",
        "lower(today) LIKE 'ran%' AND n = 1",
        "age(DATE '2020-01-01', CAST(born AS DATE)) > INTERVAL '18 years'",
    ):
        assert len(select_rows(table, steady, "select")) == 1


def test_a_name_is_found_in_either_spelling_of_an_umlaut(tmp_path):
    (tmp_path / unicodedata.normalize("NFC", "ä.png")).touch()
    assert resolve_inside(tmp_path, unicodedata.normalize("NFD", "ä.png")).exists()


def test_the_digest_follows_every_listed_file_and_the_manifest(tmp_path):
    manifest, picture = tmp_path / "m.csv", tmp_path / "a.png"
    manifest.write_text("file\na.png\nb.png\n")
    picture.write_bytes(b"1")
    seen = [digest_of_listed(manifest, tmp_path)]

    def changed():
        seen.append(digest_of_listed(manifest, tmp_path))
        return len(set(seen)) == len(seen)

    (tmp_path / "unlisted.png").touch()
    assert digest_of_listed(manifest, tmp_path) == seen[0]
    picture.write_bytes(b"22")
    assert changed()
    os.utime(picture, (1, 1))  # restored with an older date
    assert changed()
    picture.unlink()
    assert changed()
    manifest.write_text("file\nb.png\n")
    os.utime(manifest, (1, 1))
    assert changed()


def test_pictures_inside_under_another_name_than_their_row_are_counted(tmp_path):
    cells = [{"bytes": b"1", "path": name} for name in ("x/a.png", "c.png", None)]
    path = parquet(tmp_path / "m", ["file", "image"], [(["a.png", "b.png", "d.png"],), (cells,)])
    (odd,) = read_manifest(path, []).attrs[ODDITIES]
    assert odd.startswith("1 pictures inside the manifest have another name than column 'file'")
    path = parquet(tmp_path / "n", ["image"], [(cells,)])
    assert read_manifest(path, []).attrs[ODDITIES] == []


def test_columns_without_a_name_at_the_end_are_not_asked_for(tmp_path):
    (tmp_path / "m.csv").write_text("file;side;;\na.png;left;;\nb.png;right\n")
    table = read_manifest(tmp_path / "m.csv", ["side"])
    assert list(table["side"]) == ["left", "right"]
    assert len(select_rows(table, "side = 'left'", "select")) == 1
    (tmp_path / "m.csv").write_text("file;side;;\na.png;left;x;\nb.png;right;;y\n")
    with pytest.raises(AvatarflowError, match="columns 3, 4 hold cells and have no name; name th"):
        read_manifest(tmp_path / "m.csv", ["side"])


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which("setpriv"), reason="root, no setpriv")
def test_a_folder_without_rights_is_called_so(tmp_path):
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed" / "a.png").write_bytes(b"x")
    (tmp_path / "closed").chmod(0)
    asked = (
        "from avatarflow.intake.listed_files import resolve_inside, why_unresolved;"
        f"root = {str(tmp_path)!r};"
        "print(resolve_inside(root, 'closed/a.png') is not None, why_unresolved(root, 'closed/a.png'))"
    )
    bare = ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all"] if os.geteuid() == 0 else []
    said = subprocess.run(
        [*bare, sys.executable, "-c", asked], capture_output=True, text=True, check=True,
        env=environment_for_package(),
    ).stdout  # fmt: skip
    (tmp_path / "closed").chmod(0o700)
    assert said.strip() == "True file cannot be read"


def test_a_row_without_a_picture_inside_names_one_file(tmp_path):
    cells = [{"bytes": b"x", "path": "a.png"}] + [{"bytes": None, "path": "b.png"}] * 2
    cells += [{"bytes": None, "path": None}]

    def files(*named):
        path = parquet(tmp_path / "m.parquet", ["image", "file"], [(cells,), (list(named),)])
        return list(read_manifest(path, [])["file"])

    assert files("c.png", "b.png", None, "d.png") == ["c.png", "b.png", "b.png", "d.png"]
    with pytest.raises(AvatarflowError, match=r"1 rows without .* name two files \(row 3\); leave"):
        files("c.png", "b.png", "c.png", "d.png")
