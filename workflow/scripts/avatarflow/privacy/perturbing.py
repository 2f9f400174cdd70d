"""Perturb pictures from a process that must not load torch: another process, started once, draws them.

faiss and torch bring an OpenMP runtime each and never share a process.
"""

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any, cast

from avatarflow.core.arrays import Pictures
from avatarflow.core.paths import environment_for_package


class Perturber:
    """The process that draws; see `perturber`.

    Parameters
    ----------
    process : Popen
        Of `main`.
    """

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process

    def alter(
        self, pictures: Pictures, name: str, draws: int, seed: int, items: Sequence[int], purpose: str,
        only: Sequence[int] | None = None,
    ) -> Pictures:  # fmt: skip
        """Do as `perturbations.alter` does.

        Raises
        ------
        RuntimeError
            If the process died; what it said stands in the log.
        """
        call = (pictures, name, draws, seed, list(items), purpose, only)
        try:
            pickle.dump(call, cast(IO[bytes], self.process.stdin))
            cast(IO[bytes], self.process.stdin).flush()
            return cast(Pictures, pickle.load(cast(IO[bytes], self.process.stdout)))
        except (EOFError, BrokenPipeError) as error:
            raise RuntimeError("the process that draws perturbations died; see above") from error


@contextmanager
def perturber() -> Iterator[Perturber]:
    """Start a process that draws perturbations, and end it."""
    with subprocess.Popen(
        [sys.executable, "-m", "avatarflow.privacy.perturbing"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment_for_package(),
    ) as process:  # fmt: skip
        try:
            yield Perturber(process)
        finally:
            cast(IO[bytes], process.stdin).close()  # its sign to end


def main() -> None:
    """Answer calls of `Perturber.alter` until there are no more."""
    import torch

    from avatarflow.privacy import perturbations

    torch.set_num_threads(1)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not get between the answers
    calls: Any = sys.stdin.buffer
    while calls.peek(1):
        pickle.dump(perturbations.alter(*pickle.load(calls)), answers)
        answers.flush()


if __name__ == "__main__":
    main()
