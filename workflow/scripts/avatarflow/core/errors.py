"""Errors a user can act on: `<where>: <what was found>; <what to do>`, all problems at once."""

import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Self

Main = Callable[[Sequence[str]], int]


class AvatarflowError(Exception):
    """A refusal the user can act on; its text never holds a personal value."""


class Problems:
    """Collects every problem of one input and raises once, at the end of a `with` block or where it is told to.

    >>> with Problems() as problems:  # doctest: +IGNORE_EXCEPTION_DETAIL
    ...     problems.add("config releases.demo.size_px", "found 'big'", "give a whole number")
    Traceback (most recent call last):
    AvatarflowError: config releases.demo.size_px: found 'big'; give a whole number
    """

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if error is None:
            self.raise_if_any()

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


def command(main: Callable[[Sequence[str]], int | None]) -> Main:
    """Make a command of a function: its refusals are logged line by line, and the exit status is then 2.

    Else it is what the function returns, and 0 for None.
    """

    @wraps(main)
    def with_status(arguments: Sequence[str]) -> int:
        try:
            status = main(arguments)
        except AvatarflowError as error:
            for line in str(error).splitlines():
                logging.getLogger(main.__module__).error("%s", line)
            return 2
        return status or 0

    return with_status


def start(main: Main, line_format: str = "%(message)s") -> None:
    """Run a command with this process's arguments, and end with its exit status."""
    logging.basicConfig(format=line_format, level=logging.INFO)
    sys.exit(main(sys.argv[1:]))
