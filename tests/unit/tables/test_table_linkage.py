"""Pseudonyms, shifted dates, and the linkage attack on tables whose answer is known."""

import numpy as np
import pytest

from avatarflow.core.errors import AvatarflowError
from avatarflow.tables.dates import day_of, shift_days, written
from avatarflow.tables.linkage import (
    attack,
    combinations,
    known,
    known_visits,
    singled_out,
    success,
)
from avatarflow.tables.pseudonyms import fingerprint, pseudonym, read_key

KEY = bytes(range(32))


def test_a_pseudonym_is_the_hmac_of_its_place_and_identifier():
    # printf '["pseudonym", "eyes", "patient_id", "71"]' | openssl dgst -sha256 -mac HMAC -macopt hexkey:...
    assert pseudonym(KEY, "eyes", "patient_id", "71") == PSEUDONYM
    others = [pseudonym(KEY, "lungs", "patient_id", "71"), pseudonym(KEY, "eyes", "case", "71"),
              pseudonym(KEY, "eyes", "patient_id", "72"), pseudonym(KEY[::-1], "eyes", "patient_id", "71"),
              pseudonym(KEY, "eyes", "patient_id71", "")]  # fmt: skip
    assert len({PSEUDONYM, *others}) == 6


PSEUDONYM = "443404bece99b6c5ccea833d011d5556"


def test_the_fingerprint_tells_keys_apart():
    assert fingerprint(KEY) != fingerprint(KEY[::-1])
    assert len(fingerprint(KEY)) == 16


def write(path, content=b"0123456789abcdef0123456789abcdef\n", mode=0o600):
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_a_key_is_read_without_the_end_of_its_line(tmp_path):
    assert read_key(write(tmp_path / "key"), "k") == b"0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("content", "mode", "found"),
    [
        (b"short", 0o600, "k: a key of 5 bytes, fewer than 32"),
        (b"", 0o600, "k: a key of 0 bytes, fewer than 32"),
        (b"a" * 64, 0o600, "k: a key of 1 different bytes"),
        (KEY, 0o640, r"k: others than its owner may use it \(mode 0640\)"),
    ],
)
def test_keys_that_are_none_are_refused(tmp_path, content, mode, found):
    with pytest.raises(AvatarflowError, match=found):
        read_key(write(tmp_path / "key", content, mode), "k")


def test_a_key_that_is_missing_or_inside_the_project_is_refused(tmp_path, monkeypatch):
    with pytest.raises(AvatarflowError, match="k: no such file"):
        read_key(tmp_path / "none", "k")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AvatarflowError, match="k: it lies in the working directory or the project"):
        read_key(write(tmp_path / "key"), "k")


def test_every_shift_is_as_likely_and_one_for_all_dates_of_a_patient():
    shifts = [shift_days(KEY, "eyes", str(patient), 2) for patient in range(5000)]
    counts = np.bincount(np.array(shifts) + 2, minlength=5)
    assert len(counts) == 5
    assert counts.min() > 900  # 1000 expected; the standard deviation is 28
    assert shifts[:9] == [shift_days(KEY, "eyes", str(patient), 2) for patient in range(9)]
    assert shifts[:99] != [shift_days(KEY, "lungs", str(patient), 2) for patient in range(99)]


@pytest.mark.parametrize(("text", "day"), [("2026-03-01", "2026-03-01"), ("20260301", "2026-03-01"),
                                           ("2026-03-01T08:15:00", "2026-03-01"),
                                           (" 2026-03-01 08:15 ", "2026-03-01")])  # fmt: skip
def test_days(text, day):
    assert written(day_of(text)) == day


@pytest.mark.parametrize(
    "text", ["2026-13-01", "2026-03", "01.03.2026", "0026-03-01", "2026-03-01x", ""]
)
def test_what_is_no_day(text):
    assert day_of(text) is None


# --- the attack


def sets(*texts):
    return [frozenset(one) for one in texts]


def test_who_is_unique_is_found_and_who_is_not_is_named_by_chance():
    who = known(sets("a", "b", "a", "a"))
    assert attack(who, who, np.arange(4), 0) == pytest.approx([1 / 3, 1, 1 / 3, 1 / 3])


def test_who_is_not_there_or_does_not_fit_is_not_found():
    among = known(sets("a", "b"))
    assert attack(known(sets("a", "x", "a")), among, np.array([1, -1, -1]), 0).tolist() == [0, 0, 0]


def visits(*persons):
    """Take each person's rows: a text, and days as numbers (None where there is none)."""
    rows = [(number, text, days) for number, one in enumerate(persons) for text, *days in one]
    numbers = np.array([number for number, _, _ in rows])
    cells = [["" if day is None else written(day) for day in days] for _, _, days in rows]
    return known_visits(
        numbers, {"x": [text for _, text, _ in rows]}, list(zip(*cells, strict=True))
    )


D = 730_000  # a day in 1999


def test_days_and_the_distances_between_them_single_out():
    true = visits([("a", D), ("a", D + 10)], [("a", D), ("a", D + 20)])
    moved = visits([("a", D + 30), ("a", D + 40)], [("a", D - 7), ("a", D + 13)])
    assert attack(true, moved, np.arange(2), 30).tolist() == [1, 1]
    # 30 days apart are within 30, and not within 29
    assert attack(true, moved, np.arange(2), 29).tolist() == [0, 1]


def test_days_outside_the_window_leave_fewer_who_fit():
    who = visits([("a", D)], [("a", D + 4)], [("a", D + 10)])
    assert attack(who, who, np.arange(3), 4) == pytest.approx([1 / 2, 1 / 2, 1])
    assert attack(who, who, np.arange(3), 6) == pytest.approx([1 / 2, 1 / 3, 1 / 2])


def test_which_day_belongs_to_which_quasi_identifiers_counts():
    """The same quasi-identifiers and the same days of each, but in the other order."""
    who = visits([("a", D), ("b", D + 9)], [("b", D), ("a", D + 9)], [("b", D), ("a", D + 9)])
    assert attack(who, who, np.arange(3), 99) == pytest.approx([1, 1 / 2, 1 / 2])


def test_the_distance_between_dates_of_two_columns_counts():
    assert visits([("a", D, D + 4)]).keys != visits([("a", D, D + 3)]).keys
    assert visits([("a", D, None)]).keys != visits([("a", None, D)]).keys
    assert visits([("a", None, None)]).days.tolist() == [0]


def test_how_many_rows_a_person_has_counts():
    assert visits([("a", D)]).keys != visits([("a", D), ("a", D)]).keys


def test_combinations_of_persons():
    persons = np.array([0, 1, 0])
    assert combinations(persons, {"x": ["a", "b", "a"], "y": ["1", "2", "3"]}) == [
        frozenset({("a", "1"), ("a", "3")}), frozenset({("b", "2")})
    ]  # fmt: skip


def test_singled_out_is_who_is_named_for_certain():
    estimate = singled_out(np.array([1.0, 0.5, 0.5, 0.9] + [0.0] * 6))
    assert (estimate.value, estimate.high) == pytest.approx((0.1, 0.44502), abs=1e-5)


def test_success_has_the_exact_interval_over_patients():
    estimate = success(np.array([0.5, 0.4] + [0.0] * 8))
    # Clopper and Pearson, 1 of 10: hits are rounded up
    found = (estimate.value, estimate.low, estimate.high, estimate.n)
    assert found == pytest.approx((0.09, 0.00253, 0.44502, 10), abs=1e-5)
    assert success(np.zeros(0)).value is None
