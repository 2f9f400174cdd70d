"""Problems are worded alike and raised together."""

import pytest

from avatarflow.core.errors import AvatarflowError, Problems, problem, refuse


def test_one_problem_says_where_what_and_what_to_do():
    assert problem("manifest row 3", "no file", "add it") == "manifest row 3: no file; add it"
    assert str(refuse("manifest row 3", "no file", "add it")) == "manifest row 3: no file; add it"
    assert isinstance(refuse("a", "b", "c"), AvatarflowError)


def test_all_problems_are_raised_at_once_in_their_order():
    problems = Problems()
    problems.add("a", "b", "c")
    problems.extend(["d: e; f"])
    problems.add("g", "h", "i")
    with pytest.raises(AvatarflowError) as caught:
        problems.raise_if_any()
    assert str(caught.value).splitlines() == ["a: b; c", "d: e; f", "g: h; i"]


def test_no_problem_no_error():
    Problems().raise_if_any()


def in_a_block(*lines, then=None):
    with Problems() as problems:
        problems.extend(lines)
        if then is not None:
            raise then


def test_a_block_raises_all_problems_at_its_end_and_hides_no_other_error():
    in_a_block()
    with pytest.raises(AvatarflowError) as caught:
        in_a_block("a: b; c", "d: e; f")
    assert str(caught.value).splitlines() == ["a: b; c", "d: e; f"]
    with pytest.raises(KeyError):
        in_a_block("a: b; c", then=KeyError())
