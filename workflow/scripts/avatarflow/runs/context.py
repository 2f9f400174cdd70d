"""What every script does around its one call: log to console and file, keep the traceback, time it, record it."""

import errno
import logging
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from avatarflow.core.errors import AvatarflowError, problem

from .records import FOLDER, Run
from .stopping import TRY_AGAIN, Stopped

LOGGER = "avatarflow"


class Step:
    """A running step: a logger and a run record in one handle.

    Domain functions take it as `step` and use `info`, `warning`, `progress`, `metric`, `params` and `artifact`.
    """

    def __init__(self, log: logging.Logger, run: Run) -> None:
        self.log = log
        self.run = run
        self.info = log.info
        self.warning = log.warning
        self.metric = run.metric
        self.params = run.params
        self.artifact = run.artifact
        self.failure = ""
        self._began = time.monotonic()
        self._last = float("-inf")

    @classmethod
    def null(cls) -> "Step":
        """Return a step that is logged and recorded nowhere (tests, interactive use)."""
        log = logging.getLogger(f"{LOGGER}.null")
        log.propagate = False
        log.addHandler(logging.NullHandler())
        return cls(log, Run.null())

    def fail(self, reason: str) -> None:
        """Record the run as FAILED although its job ends well: what went wrong is in its outputs and costs no other."""
        self.warning("%s", reason)
        self.failure = reason

    def progress(self, done: int, total: int, unit: str, every_s: float = 10.0) -> None:
        """Log how far a long work is and when it ends, at most once per `every_s` seconds and at the end."""
        now = time.monotonic()
        if now - self._last < every_s and done < total:
            return
        self._last = now
        spent = now - self._began
        left = spent / done * (total - done) if done else float("nan")
        self.run.progress(done, total, unit, left)
        self.info("%d of %d %s, %.0f s spent, about %.0f s left", done, total, unit, spent, left)


@contextmanager
def step(snakemake: Any) -> Iterator[Step]:
    """Run the body of a `script:` file as a step.

    Messages go to the console and to the rule's log file. A user's error (`AvatarflowError`) ends the process with its
    text and no traceback; any other exception keeps its traceback in the log. A work stopped behind a checkpoint ends
    with `TRY_AGAIN`. The run record ends FINISHED, FAILED or KILLED.

    Parameters
    ----------
    snakemake : object
        The object Snakemake hands to scripts. `log[0]`, `rule`, `wildcards`, `params.entry` (optional) are read.
    """
    log = _logger(snakemake.log[0] if len(snakemake.log) else None)
    entry = str(getattr(snakemake.params, "entry", "") or "workflow/shared")
    run = Run.null()
    try:
        # not a parameter of the rules: where runs are shown must not make anything again
        tracking = getattr(snakemake, "config", {}).get("tracking") or {}
        run = Run(snakemake.rule, entry, FOLDER, tracking.get("uri"))
        run.params({name: str(value) for name, value in snakemake.wildcards.items()}, "wildcard.")
        handle = Step(log, run)
        yield handle
        run.finish("FAILED" if handle.failure else "FINISHED", handle.failure)
    except AvatarflowError as error:
        _give_up(run, "FAILED", "refused")
        for line in str(error).splitlines():
            log.error("%s", line)
        sys.exit(1)
    except Stopped as stopped:
        _give_up(run, "KILLED", "stopped")
        log.warning("%s", stopped)
        sys.exit(TRY_AGAIN)
    except KeyboardInterrupt:
        _give_up(run, "KILLED", "interrupted")
        raise
    except BaseException as error:
        _give_up(run, "FAILED", type(error).__name__)
        log.error("%s", _traceback(error, error.__traceback__))
        if is_full(error):
            log.error(
                "%s", problem("results", "no space left on the disk", "free some and start again")
            )
        sys.exit(1)
    log.info("done in %.1f s, peak memory %.0f MB", run.record["wall_s"], run.record["peak_mb"])


def is_full(error: BaseException | None) -> bool:
    """Return whether an error, or one that it came from, says that the disk or the user's share of it is full."""
    while error is not None:
        # safetensors and SQLite have no error numbers of their own
        texts = ("No space left on device", "Disk quota exceeded", "database or disk is full")
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or any(
            text in str(error) for text in texts
        ):
            return True
        error = error.__cause__ or error.__context__
    return False


def _give_up(run: Run, status: str, error: str) -> None:
    """Close a record as well as a full disk allows; one that stays open counts as killed."""
    with suppress(OSError):
        run.finish(status, error)


def _traceback(error: BaseException, trace: TracebackType | None) -> str:
    return "".join(traceback.format_exception(type(error), error, trace))


def _logger(path: str | None) -> logging.Logger:
    log = logging.getLogger(LOGGER)
    log.setLevel(logging.INFO)
    log.propagate = False
    for handler in list(log.handlers):
        log.removeHandler(handler)
    form = logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S")
    handlers: list[logging.Handler] = [logging.StreamHandler()]
    if path:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        handlers.append(logging.FileHandler(path, mode="w", encoding="utf-8"))
    for handler in handlers:
        handler.setFormatter(form)
        log.addHandler(handler)
    return log
