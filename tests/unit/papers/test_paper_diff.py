"""Two runs of a paper are compared by their data; what cannot be read is said for both at once."""

import json
import subprocess

import pytest

from avatarflow.core.errors import AvatarflowError
from avatarflow.papers.compare import NAMED, SAME, differences, main, read_papers

ESTIMATE = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 40}
ROWS = [["loss", "a", ESTIMATE], ["linkage", "b", None]]


def write(folder, items, digest="c1", left_out=()):
    """Write a paper of items (name to rows, or to the whole content) and return its folder."""
    (folder / "items").mkdir(parents=True)
    for name, rows in items.items():
        table = {"columns": ["attack", "view", "AUC"], "keys": 2, "rows": rows}
        content = {
            "kind": "generators",
            "config_digest": digest,
            "picture_sha256": "p",
            "table": table,
        }
        content |= rows if isinstance(rows, dict) else {}
        (folder / f"items/{name}.json").write_text(json.dumps(content))
    files = {name: {"file": f"items/{name}.json"} for name in items}
    index = {"config_digest": digest, "items": files, "left_out": dict(left_out)}
    (folder / "index.json").write_text(json.dumps(index))
    return str(folder)


def compared(a, b):
    return list(differences(*read_papers({"A": a, "B": b})))


def test_equal_runs_are_the_same_figure_by_figure(tmp_path):
    a, b = (write(tmp_path / name, {"one": ROWS, "two": ROWS}) for name in "ab")
    assert compared(a, b) == [("one", SAME), ("two", SAME)]
    assert main([a, b]) == 0


def test_each_changed_value_is_shown_with_both_values(tmp_path):
    a = write(tmp_path / "a", {"one": ROWS})
    changed = [["loss", "a", {**ESTIMATE, "value": 0.7}], ["linkage", "b", 0.25]]
    assert compared(a, write(tmp_path / "b", {"one": changed})) == [
        ("one", "changed: loss, a: AUC: 0.5 (0.4 to 0.6, n 40) -> 0.7 (0.4 to 0.6, n 40)"),
        ("one", "changed: linkage, b: AUC: null -> 0.25"),
    ]
    # an interval alone counts, too
    narrower = [["loss", "a", {**ESTIMATE, "low": 0.45}], ROWS[1]]
    assert len(compared(a, write(tmp_path / "c", {"one": narrower}))) == 1
    assert main([a, str(tmp_path / "c")]) == 1


def test_rows_and_items_that_one_run_lacks_are_named(tmp_path):
    a = write(tmp_path / "a", {"one": ROWS, "gone": ROWS})
    b = write(
        tmp_path / "b",
        {"one": [*ROWS[:1], ["loss", "new", 1]], "more": ROWS},
        left_out={"gone": "no data"},
    )
    assert compared(a, b) == [
        ("one", "changed: linkage, b: only in A"),
        ("one", "changed: loss, new: only in B"),
        ("gone", "missing in B (no data)"),
        ("more", "missing in A"),
    ]


def test_another_picture_of_equal_figures_and_another_kind_are_changes(tmp_path):
    a = write(tmp_path / "a", {"one": ROWS})
    table = {"columns": ["attack", "view", "AUC"], "keys": 2, "rows": ROWS}
    b = write(tmp_path / "b", {"one": {"picture_sha256": "q", "table": table}})
    assert compared(a, b) == [("one", "changed: the same figures, another picture")]
    c = write(tmp_path / "c", {"one": {"kind": "samples", "table": table}})
    assert compared(a, c) == [("one", "changed: kind: generators -> samples")]


def test_the_order_of_rows_and_another_configuration_alone_are_no_difference(tmp_path, caplog):
    caplog.set_level("INFO")
    a = write(tmp_path / "a", {"one": ROWS})
    b = write(tmp_path / "b", {"one": ROWS[::-1]}, digest="c2")
    assert compared(a, b) == [("one", SAME)]
    assert main([a, b]) == 0
    assert "configuration: another one (c1 -> c2)" in caplog.text


def test_many_changes_are_counted(tmp_path):
    many = [[str(number), "", number] for number in range(NAMED + 5)]
    other = [[*row[:2], row[2] + 1] for row in many]
    lines = compared(write(tmp_path / "a", {"one": many}), write(tmp_path / "b", {"one": other}))
    assert len(lines) == NAMED + 1
    assert lines[-1] == ("one", "changed: 5 more")


def test_all_that_cannot_be_read_is_said_at_once(tmp_path):
    a = write(tmp_path / "a", {"one": ROWS, "two": ROWS})
    (tmp_path / "a/items/one.json").write_text("{")
    (tmp_path / "a/items/two.json").unlink()
    with pytest.raises(AvatarflowError) as error:
        read_papers({"A": a, "B": str(tmp_path / "nowhere")})
    lines = str(error.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "paper-diff A one", "paper-diff A two", "paper-diff B",
    ]  # fmt: skip
    assert main([a, ""]) == 2


def test_make_compares_two_runs_and_ends_with_1_where_they_differ(root, tmp_path):
    a, b = write(tmp_path / "a", {"one": ROWS}), write(tmp_path / "b", {"one": ROWS[:1]})
    done = subprocess.run(
        ["make", "-s", "paper-diff", f"A={a}", f"B={b}"], cwd=root, capture_output=True, text=True
    )
    assert "one: changed: linkage, b: only in A" in done.stderr
    assert "Error 1" in done.stderr
    same = subprocess.run(
        ["make", "-s", "paper-diff", f"A={a}", f"B={a}"], cwd=root, capture_output=True, text=True
    )
    assert (same.returncode, same.stderr.strip()) == (0, f"one: {SAME}")
