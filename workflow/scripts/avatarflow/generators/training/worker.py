"""One of several training processes: `torchrun -m avatarflow.generators.training.worker job.json`, started by `launch`.

The first process tells on standard output, a JSON line each, what the launching step logs and records.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from avatarflow.core.errors import AvatarflowError
from avatarflow.generators import steps as generator_steps
from avatarflow.runs.context import Step
from avatarflow.runs.stopping import TRY_AGAIN, Stopped

from .processes import joined


class Relay(Step):
    """A step whose messages and figures travel to the launching process."""

    def __init__(self) -> None:
        quiet = Step.null()
        super().__init__(quiet.log, quiet.run)
        self.info = lambda text, *values: say("info", text % values)  # type: ignore[method-assign,assignment,misc]
        self.warning = lambda text, *values: say("warning", text % values)  # type: ignore[method-assign,assignment,misc]
        self.metric = lambda name, value, step=0: say("metric", [name, float(value), step])  # type: ignore[method-assign,misc]
        self.params = lambda values: say("params", values)  # type: ignore[method-assign,assignment,misc]


def say(kind: str, what: Any) -> None:
    """One line to the launching process."""
    sys.stdout.write(json.dumps({"avatarflow": kind, "what": what}, default=str) + "\n")
    sys.stdout.flush()


def main(job: Path) -> int:
    """Run the function named by a job file and return the exit status."""
    asked = json.loads(job.read_text(encoding="utf-8"))
    first = os.environ["RANK"] == "0"
    step = Relay() if first else Step.null()
    with joined(asked["arguments"]["settings"]["compute"]["device"]):
        try:
            getattr(generator_steps, asked["function"])(**asked["arguments"], step=step)
        except AvatarflowError as error:
            say("refused", str(error))
            return 1
        except Stopped as stopped:
            if first:
                say("stopped", str(stopped))
            return TRY_AGAIN
        if first:
            say("finished", "all is written")  # whatever becomes of this process now
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
