"""Attacks on released data: each catches its positive control, and none fails its negative one."""

from dataclasses import replace

import numpy as np
import pytest

from avatarflow.core.errors import AvatarflowError
from avatarflow.core.outcomes import FAIL, INCONCLUSIVE, PASS
from avatarflow.imaging.spool import Spool
from avatarflow.privacy.attacks.interface import measure
from avatarflow.privacy.attacks.on_pictures import (
    attribute,
    density_ratio,
    extraction,
    linkage,
    nearest,
)
from avatarflow.privacy.attacks.on_pictures.knowledge import Knowledge, half_of, halves, planted
from avatarflow.privacy.attacks.on_pictures.registry import DATA_ATTACKS, attack_released
from avatarflow.privacy.attacks.on_pictures.views import Pixels

SETTINGS = {"largest_auc": 0.6, "fewest_persons": 100}
D = 24


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def population(persons, seed):
    """Two eyes, two visits of each: a person's pictures lie near each other, an eye's nearer still."""
    rng = np.random.default_rng(seed)
    person = rng.normal(size=(persons, 1, 1, D))
    eye = person + 0.6 * rng.normal(size=(persons, 2, 1, D))
    return unit((eye + 0.3 * rng.normal(size=(persons, 2, 2, D))).reshape(-1, D))


def knowledge(members=150, non_members=150, released=400, seed=0, leak=False):
    rng = np.random.default_rng(seed + 100)
    persons = np.repeat(np.arange(members + non_members), 4)
    known = population(members + non_members, seed)
    made, labels = population(released, seed + 1)[::4], rng.integers(0, 2, (len(persons), 1))
    made_labels = rng.integers(0, 2, (len(made), 1))
    member = persons < members
    if leak:
        copied = np.repeat(np.flatnonzero(member), 2)
        made = np.concatenate(
            [made, unit(known[copied] + 0.02 * rng.normal(size=(len(copied), D)))]
        )
        made_labels = np.concatenate([made_labels, labels[copied]])
    eyes = np.repeat(np.arange(2 * (members + non_members)), 2)
    return Knowledge(made, made_labels, known, labels, persons, eyes, member, seed)


def copies_of(here, count=2, seed=9):
    rng = np.random.default_rng(seed)
    rows = np.repeat(here.known[~here.member][:, None], count, 1)
    return unit(rows + 0.02 * rng.normal(size=rows.shape))


@pytest.fixture(scope="module")
def leaking():
    here = knowledge(leak=True)
    return attack_released(here, copies_of(here), SETTINGS)


@pytest.fixture(scope="module")
def independent():
    here = knowledge()
    return attack_released(here, copies_of(here), SETTINGS)


@pytest.mark.parametrize("name", DATA_ATTACKS)
def test_each_attack_sees_the_leak(leaking, name):
    found = leaking[name]
    assert found["positive"]["caught"], found["positive"]
    assert found["negative"]["clean"], found["negative"]
    assert found["conclusion"] == FAIL
    assert found["auc"]["low"] > 0.6


@pytest.mark.parametrize("name", DATA_ATTACKS)
def test_no_attack_cries_wolf(independent, name):
    found = independent[name]
    assert found["positive"]["caught"], found["positive"]
    assert found["negative"]["clean"], found["negative"]
    assert found["conclusion"] != INCONCLUSIVE
    assert found["auc"]["low"] < 0.5 < found["auc"]["high"] or found["conclusion"] == PASS


def test_without_a_second_visit_the_attack_says_so():
    here = knowledge(members=20, non_members=20)
    one_visit = replace(here, eyes=np.arange(len(here.eyes)))
    found = attack_released(one_visit, copies_of(one_visit), SETTINGS)
    assert found["linkage_another_visit"]["conclusion"] == INCONCLUSIVE
    assert "no person with two photographs of one eye" in found["linkage_another_visit"]["reason"]
    unknown = replace(here, eyes=np.full(len(here.eyes), -1))
    with pytest.raises(AvatarflowError, match="both eyes"):
        linkage.score_pairs(unknown, same_eye=False)


def test_nearest_and_attribute_of_known_rows():
    axes = np.eye(4, dtype=np.float32)
    here = Knowledge(
        axes[:2], np.array([[0], [1]]), axes[[0, 1, 2, 3]], np.array([[0], [0], [-1], [1]]), np.arange(4),
        np.arange(4), np.array([1, 1, 0, 0], bool), 0,
    )  # fmt: skip
    assert nearest.score(here).values == pytest.approx([0, 0, -np.pi / 2, -np.pi / 2])
    predicted = attribute.score(here)
    assert list(predicted.persons) == [0, 1, 3]  # a missing label is not asked
    assert list(predicted.values) == [1.0, 0.0, 0.0]
    with pytest.raises(AvatarflowError, match="no known picture has a label"):
        attribute.score(replace(here, labels=np.full((4, 1), -1)))


def test_correct_predictions_are_printed_for_both_sides(leaking):
    right = leaking["attribute_inference"]["right"]
    assert right["members"]["value"] > 0.95
    assert 0.4 < right["non_members"]["value"] < 0.6


@pytest.mark.parametrize("attack", [each.score for each in DATA_ATTACKS.values()])
def test_order_of_pictures_changes_nothing(attack):
    here = knowledge(members=12, non_members=12, released=30, leak=True)
    rng = np.random.default_rng(5)
    rows, made = rng.permutation(len(here.known)), rng.permutation(len(here.released))
    shuffled = replace(
        here, known=here.known[rows], labels=here.labels[rows], persons=here.persons[rows], eyes=here.eyes[rows],
        member=here.member[rows], released=here.released[made], released_labels=here.released_labels[made],
    )  # fmt: skip
    plain, other = measure(attack(here)), measure(attack(shuffled))
    assert other["auc"] == pytest.approx(plain["auc"], abs=1e-6)
    assert other["worst"] == plain["worst"]


def test_halves_are_of_persons_and_depend_on_the_seed_alone():
    here = knowledge(members=10, non_members=11)
    control = halves(here)
    for person in np.unique(control.persons):
        assert len(np.unique(control.member[control.persons == person])) == 1
    assert len(np.unique(control.persons[control.member])) == 5
    assert not np.isin(control.persons, here.persons[here.member]).any()
    assert (half_of(control.persons[::-1], here.seed)[::-1] == control.member).all()
    assert (half_of(control.persons, here.seed + 1) != control.member).any()


def test_only_the_planted_half_is_among_the_released():
    here = knowledge(members=10, non_members=10)
    leaked = planted(here, copies_of(here))
    extra = leaked.released[len(here.released) :]
    own = (extra @ leaked.known[leaked.member].T).max(0)
    other = (extra @ leaked.known[~leaked.member].T).max(0)
    assert own.min() > 0.99
    assert other.max() < 0.95
    with pytest.raises(ValueError, match="all non-members"):
        planted(here, copies_of(here)[:-1])


def test_density_references_leave_a_person_out():
    here = knowledge(members=6, non_members=6)
    left = density_ratio.left_out(here)
    assert (left[~here.member] == here.persons[~here.member]).all()
    assert np.isin(left[here.member], here.persons[~here.member]).all()
    for person in np.unique(here.persons):
        assert len(np.unique(left[here.persons == person])) == 1


def test_extraction_keeps_the_repeated_pictures():
    rng = np.random.default_rng(0)
    alone = unit(rng.normal(size=(12, D)))
    repeated = unit(np.repeat(unit(rng.normal(size=(1, D))), 4, 0) + 0.01 * rng.normal(size=(4, D)))
    assert set(extraction.repeated(np.concatenate([alone, repeated]))) == {12, 13, 14, 15}
    with pytest.raises(AvatarflowError, match="generate more"):
        extraction.repeated(alone[:3])


def test_pixels_see_a_copy_and_not_a_non_member():
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 255, (40, 4, 4, 3)).repeat(8, 1).repeat(8, 2).astype(np.uint8)
    view = Pixels.fit(pictures[:20])
    rows, changed = (
        view.rows(pictures),
        view.rows(np.clip(pictures * 0.95 + 4, 0, 255).astype(np.uint8)),
    )
    assert (rows * changed).sum(1).min() > 0.99
    assert (rows[:20] @ rows[20:].T).max() < 0.6
    assert np.isfinite(view.rows(np.full((1, 32, 32, 3), 7, np.uint8))).all()
    with pytest.raises(AvatarflowError, match="no released picture"):
        Pixels.fit(pictures[:0])


def test_pixels_read_pictures_on_disk_one_by_one(monkeypatch):
    pictures, read = np.random.default_rng(0).integers(0, 255, (9, 32, 32, 3), np.uint8), []
    spool, consecutive = Spool(None, 32), Spool.consecutive
    spool.extend(pictures)
    monkeypatch.setattr(
        spool, "consecutive", lambda *rows: read.append(rows) or consecutive(spool, *rows)
    )
    np.testing.assert_array_equal(
        Pixels.fit(spool).rows(spool), Pixels.fit(pictures).rows(pictures)
    )
    assert read == 2 * [(place, place + 1) for place in range(9)]


def test_labels_that_no_released_picture_has_are_not_asked():
    here = knowledge(leak=True)
    bare = replace(here, released_labels=np.full_like(here.released_labels, -1))
    with pytest.raises(AvatarflowError, match="no released picture has a label"):
        attribute.score(bare)
    name = "attribute_inference"
    assert (
        attack_released(bare, copies_of(bare), SETTINGS, {name: DATA_ATTACKS[name]})[name][
            "conclusion"
        ]
        == INCONCLUSIVE
    )
    two = replace(
        here,
        labels=np.repeat(here.labels, 2, 1),
        released_labels=np.concatenate([here.released_labels, bare.released_labels], 1),
    )
    assert (
        attribute.score(two).values == attribute.score(here).values
    ).all()  # the second column answers nothing
