"""Stopping in good order: a signal asks, the work stops at its next checkpoint and can be resumed from there.

A batch system warns before it kills: SIGTERM at the time limit, or earlier what `sbatch --signal` names (SIGUSR1).
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGTERM, signal.SIGUSR1)

TRY_AGAIN = 75
"""Exit status of a stopped step (EX_TEMPFAIL of sysexits.h): nothing was wrong, the same command goes on."""


class Stopped(Exception):  # noqa: N818 (no error: what was asked for)
    """The work was asked to stop and did so behind a checkpoint; the text says by what and where."""


class Stop:
    """Whether one of `SIGNALS` has come; a handler only notes it, so that no checkpoint is torn."""

    def __init__(self, also: Callable[[int], object] | None = None) -> None:
        self.signal: int | None = None
        self.also = also

    @property
    def asked(self) -> bool:
        """Whether to stop at the next checkpoint."""
        return self.signal is not None

    def now(self, where: str) -> Stopped:
        """Return what to raise once everything is saved; `where` says what the next run starts from."""
        name = (
            signal.Signals(self.signal).name
            if self.signal is not None
            else "a signal to another process"
        )
        return Stopped(f"stopped by {name} {where}; the same command goes on from there")

    def note(self, number: int, _: FrameType | None) -> None:
        """A signal handler."""
        self.signal = number
        if self.also is not None:
            self.also(number)


@contextmanager
def watching(also: Callable[[int], object] | None = None) -> Iterator[Stop]:
    """Note `SIGNALS` instead of dying of them, while the body works from checkpoint to checkpoint.

    `also` is called with each signal's number, to hand it on.

    Outside, and in threads that may not set handlers, they keep their meaning: what saves nothing loses nothing by
    dying at once.
    """
    stop = Stop(also)
    former: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        former = {number: signal.signal(number, stop.note) for number in SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
