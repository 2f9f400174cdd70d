import numpy as np
import pytest

from avatarflow.core.errors import AvatarflowError
from avatarflow.privacy.search import neighbours
from avatarflow.privacy.search.neighbours import nearest, pair_angles


def at(*degrees):
    angle = np.radians(degrees)
    return np.stack([np.cos(angle), np.sin(angle)], 1).astype(np.float32)


def unit_rows(n, d, seed=0):
    rows = np.random.default_rng(seed).standard_normal((n, d))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize(
    ("query", "others", "angle"), [(0, (0, 90), 0), (30, (0, 90), 30), (180, (0,), 180)]
)
def test_angle_to_the_nearest_original(query, others, angle):
    angles, _ = nearest(at(query), at(*others), 1)
    assert np.degrees(angles[0, 0]) == pytest.approx(angle, abs=1e-5)


def test_small_angles_are_exact():
    a = np.array([[1.0, 0.0]])
    b = np.array([[np.cos(1e-9), np.sin(1e-9)]])
    assert pair_angles(a, b)[0] == pytest.approx(1e-9, rel=1e-6)
    assert np.arccos(np.clip((a * b).sum(), -1, 1)) == 0  # what it is there to avoid


def test_all_neighbours_in_order():
    queries, references = unit_rows(40, 16, 1), unit_rows(90, 16, 2)
    angles, index = nearest(queries, references, 90)
    assert (np.sort(index, 1) == np.arange(90)).all()
    assert (np.diff(angles, axis=1) >= 0).all()
    truth = np.arccos(np.clip(queries.astype(float) @ references.astype(float).T, -1, 1))
    assert np.take_along_axis(truth, index, 1) == pytest.approx(angles, abs=1e-6)


def test_block_size_and_order_change_nothing():
    queries, references = unit_rows(50, 8, 1), unit_rows(70, 8, 2)
    angles, index = nearest(queries, references, 5)
    order = np.random.default_rng(3).permutation(50)
    for block in (1, 7, 50):
        again = nearest(queries[order], references, 5, block)
        assert (again[0] == angles[order]).all()
        assert (again[1] == index[order]).all()


def test_equal_references_give_the_smaller_row():
    references = np.repeat(unit_rows(1, 4), 5, 0)
    assert nearest(references[:1], references, 3)[1].tolist() == [[0, 1, 2]]


def test_refuses_rows_that_are_not_unit_vectors():
    bad = unit_rows(5, 4)
    bad[3] *= 1.01
    with pytest.raises(
        AvatarflowError, match=r"queries: row 3 has length 1.01, not 1; give unit vectors"
    ):
        nearest(bad, unit_rows(5, 4), 1)
    bad[2, 1] = np.nan
    with pytest.raises(AvatarflowError, match="references: row 2 has non-finite values"):
        nearest(unit_rows(5, 4), bad, 1)


def test_refuses_shapes_that_do_not_fit():
    with pytest.raises(AvatarflowError, match="3 dimensions where the originals have 4"):
        nearest(unit_rows(2, 3), unit_rows(2, 4), 1)
    with pytest.raises(AvatarflowError, match="no fingerprint"):
        nearest(unit_rows(2, 3), np.zeros((0, 3), np.float32), 1)


@pytest.mark.parametrize("threads", [1, 3])
def test_work_in_order_takes_up_few_tasks_ahead_of_what_was_handed_over(threads):
    taken, handed = [], []

    def tasks():
        for number in range(20):
            taken.append(number)
            assert len(taken) - len(handed) <= threads + 2
            yield (number,)

    for result in neighbours.in_order(lambda number: number**2, tasks(), threads):
        handed.append(result)
    assert handed == [number**2 for number in range(20)]


def test_long_rows_are_compared_exactly_few_at_a_time(monkeypatch):
    queries, references = unit_rows(50, 8, 1), unit_rows(70, 8, 2)
    whole, sizes = nearest(queries, references, 5), []

    def watched(left, right):
        sizes.append(right.size)
        return pair_angles(left, right)

    monkeypatch.setattr(neighbours, "EXACT", 1000)
    monkeypatch.setattr(neighbours, "pair_angles", watched)
    again = nearest(queries, references, 5)
    assert max(sizes) <= 1000
    assert (again[0] == whole[0]).all()
    assert (again[1] == whole[1]).all()
