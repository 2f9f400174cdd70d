"""Errors a user can act on: `<where>: <what was found>; <what to do>`, all problems at once."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class AvatarflowError(Exception):
    """A refusal the user can act on; its text never holds a personal value."""


class Problems:
    """Collects every problem of one input and raises once.

    >>> problems = Problems()
    >>> problems.add("config releases.demo.size_px", "found 'big'", "give a whole number of pixels")
    >>> problems.raise_if_any()  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    AvatarflowError: config releases.demo.size_px: found 'big'; give a whole number of pixels
    """

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, where: str, found: str, do: str) -> None:
        """Note one problem."""
        self.lines.append(problem(where, found, do))

    def extend(self, lines: Iterable[str]) -> None:
        """Note problems that are already worded."""
        self.lines.extend(lines)

    def raise_if_any(self) -> None:
        """Raise `AvatarflowError` with one line per problem, if there is any."""
        if self.lines:
            raise AvatarflowError("\n".join(self.lines))


@contextmanager
def noting(problems: Problems) -> Iterator[None]:
    """Note a refusal and go on, so that all of them are told at once."""
    try:
        yield
    except AvatarflowError as error:
        problems.extend(str(error).splitlines())


def problem(where: str, found: str, do: str) -> str:
    """Return one line in the project's form."""
    return f"{where}: {found}; {do}"


def refuse(where: str, found: str, do: str) -> AvatarflowError:
    """Return an error of one problem, to be raised by the caller."""
    return AvatarflowError(problem(where, found, do))
