"""The officer's pages: counts that add up, and what the gates would have said at other thresholds."""

import itertools
import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from dossier_files import THRESHOLDS
from PIL import Image
from test_assemble import entry, make, student  # noqa: F401 (fixtures)

import page_counts
from avatarflow.core.counts import balance, by_reason
from avatarflow.core.errors import AvatarflowError
from avatarflow.core.gates import ABOVE, AT_LEAST, AT_MOST, Rule, Unit, hold, holds
from avatarflow.core.outcomes import PASS
from avatarflow.core.statistics import Estimate
from avatarflow.release.gates.other_thresholds import draw_gates, reach, turning_point
from avatarflow.release.report import officer_page_of

# ruff: noqa: F811 (fixtures)


def page_of(folder, tmp_path):
    officer_page_of(str(folder / "certificate.json"), {}, str(tmp_path / "report.html"))
    return (tmp_path / "report.html").read_text(encoding="utf-8")


def test_every_count_on_the_page_adds_up(entry, tmp_path):
    make(entry, tmp_path / "release")
    counts = page_counts.check(page_of(tmp_path / "release", tmp_path))
    assert counts["originals listed and selected"] == (
        96,
        90,
        {"same content as another row": 4, "no such file": 2},
    )
    refusals = {"inside the cone of an original": 1, "not judged: no fingerprint": 1}
    assert counts["drawn by the student"] == (20, 18, refusals)
    assert counts["accepted"] == (18, 18, {})


def test_a_refused_release_says_where_its_pictures_are(entry, tmp_path):
    decided = make(entry, tmp_path / "release", {**THRESHOLDS, "kid_ratio": 0.01})
    counts = page_counts.check(page_of(tmp_path / "release", tmp_path))
    assert decided["decision"] == "refuse"
    assert counts["accepted"] == (18, 0, {"the release was refused": 18})


def test_released_counts_of_all_conditions_are_the_released_pictures(entry, tmp_path):
    decided = make(entry, tmp_path / "release")
    per_condition = [
        gate["value"] for gate in decided["gates"] if gate["name"].startswith("released_count.")
    ]
    assert sum(per_condition) == decided["measured"]["counts"]["release"]["went_on"]
    shards = (tmp_path / "release/data").glob("*.parquet")
    assert sum(len(pd.read_parquet(path)) for path in shards) == 18


@pytest.mark.parametrize(
    ("change", "step"),
    [
        (lambda table: table.iloc[1:], "the student's pictures"),
        (lambda table: pd.concat([table, table.iloc[-1:].assign(candidate="x")]), "the student's"),
    ],
    ids=["a decision is missing", "a decision too many"],
)
def test_decisions_of_other_pictures_release_nothing(entry, tmp_path, change, step):
    path = tmp_path / "other.parquet"
    change(pd.read_parquet(entry["decisions"])).to_parquet(path)
    with pytest.raises(AvatarflowError, match=f"counts of {step}"):
        make({**entry, "decisions": str(path)}, tmp_path / "release")
    assert not (tmp_path / "release").exists()


def test_a_summary_that_lost_a_picture_releases_nothing(entry, tmp_path):
    summary = json.loads(Path(entry["summary"]).read_text(encoding="utf-8"))
    path = tmp_path / "other.json"
    path.write_text(json.dumps({**summary, "pictures": 89}))
    with pytest.raises(AvatarflowError, match="counts of originals: 96 came in, 89 went on, 6"):
        make({**entry, "summary": str(path)}, tmp_path / "release")


def test_reasons_are_counted_without_their_rows_and_must_account_for_all():
    reasons = by_reason(["same content as row 3", "same content as row 17", "rows 2 differ"])
    assert reasons == {"same content as another row": 2, "another row differ": 1}
    assert balance("x", 5, 2, reasons)["left_out"] == reasons
    with pytest.raises(AvatarflowError, match="delete the results"):
        balance("x", 5, 3, reasons)


# --- other thresholds


def gate_with(direction, bound=False, threshold=0.5, name="specificity", **numbers):
    estimate = Estimate(**{"value": 0.4, "low": 0.3, "high": 0.6, "n": 9, **numbers})
    return hold(
        name, Rule(direction, "what", Unit("shares", "pictures"), bound), estimate, threshold
    ).as_dict()


@pytest.mark.parametrize("direction", [AT_LEAST, AT_MOST, ABOVE])
@pytest.mark.parametrize("bound", [False, True])
def test_the_turning_point_is_where_the_gate_itself_turns(direction, bound):
    for low, value, high in itertools.combinations(np.linspace(0.1, 0.9, 6).round(3), 3):
        numbers = {"low": low, "value": value, "high": high}
        held = gate_with(direction, bound, **numbers)["held"]
        for limit in (0.0, *np.linspace(0.1, 0.9, 6).round(3), 1.0):
            result = gate_with(direction, bound, limit, **numbers)["result"]
            assert (result == PASS) == holds(held, direction, limit)


@pytest.mark.parametrize(
    ("gate", "words"),
    [
        (gate_with(AT_MOST, bound=True), "below 0.6"),
        (gate_with(AT_MOST), "below 0.4"),
        (gate_with(AT_LEAST, bound=True), "above 0.3"),
        (gate_with(ABOVE), "of or above 0.4"),
        (gate_with(AT_LEAST, value=1.0, high=1.0), "none"),
        (gate_with(AT_MOST, value=0.0, low=0.0), "none"),
        (gate_with(AT_LEAST, value=2.0, high=2.0, name="released_count.a"), "above 2"),
        (gate_with(AT_MOST, bound=True, high=None), "any"),
        (gate_with(AT_MOST, value=None), "any"),
    ],
)
def test_limits_that_refuse_in_words(gate, words):
    assert turning_point(gate) == words


def test_the_axis_holds_figure_interval_and_threshold_unless_that_is_far_off():
    least, most = reach(gate_with(AT_MOST, threshold=0.9))
    assert 0 <= least < 0.3
    assert 0.9 < most <= 1
    least, most = reach(gate_with(AT_MOST, threshold=1e6, name="kid_ratio"))
    assert most < 1


def test_the_figure_has_a_panel_per_gate_and_is_left_out_without_any():
    gates = [gate_with(AT_MOST, name=f"agreement.{n}") for n in range(5)]
    heights = [Image.open(BytesIO(draw_gates(gates[:count]))).height for count in (1, 2, 3, 5)]
    assert heights[0] == heights[1] < heights[2] < heights[3]
    assert draw_gates([gate_with(AT_MOST, value=None)]) == b""
    assert draw_gates(gates) == draw_gates(gates)


def test_the_page_leaves_the_figure_out_where_nothing_was_measured(entry, tmp_path):
    make(entry, tmp_path / "release")
    assert "The gates at other thresholds" in page_of(tmp_path / "release", tmp_path)
    certificate = json.loads((tmp_path / "release/certificate.json").read_text())
    for gate in certificate["gates"]:
        gate |= dict.fromkeys(("value", "low", "high", "held"))
    (tmp_path / "certificate.json").write_text(json.dumps(certificate))
    page = page_of(tmp_path, tmp_path)
    assert "The gates at other thresholds" not in page
    assert page.count("<td>any</td>") == len(certificate["gates"])
