"""What a run ends with: a line per entry, what was decided and by which gate, and where its page is.

Imported while Snakemake parses: standard library only.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

SHOWN_REASONS = 6
NOT_MADE = "not asked for in this run"  # a run of one map's target leaves the others out
NO_DECISION = "no decision that can be read"
UNREADABLE = (NOT_MADE, NO_DECISION)
FINE = ("made", "released", "pass", NOT_MADE)

CERTIFICATE = "results/{map}/{name}/certificate.json"
DECISIONS = {
    "releases": "results/{map}/{name}/release/certificate.json",
    "read_releases": CERTIFICATE,
    "audits": "results/{map}/{name}/audit.json",
    "tables": CERTIFICATE,
}
PAGES = dict.fromkeys(DECISIONS, "results/{map}/{name}/report.html") | {
    "read_benchmarks": "results/{map}/{name}/scores.html",
    "papers": "results/{map}/{name}/index.html",
}
PAGE_ALONE = ("papers",)
"""Maps whose entries decide nothing, and are made where their page is there."""


def closing_lines(config: Mapping[str, Any], workdir: Path = Path()) -> tuple[list[str], int]:
    """Sum up a run that ended well.

    Parameters
    ----------
    config : mapping
        The checked configuration.
    workdir : Path
        The run's working directory.

    Returns
    -------
    lines : list of str
        One per entry, with names of entries and gates and nothing from the data.
    refused : int
        How many entries were refused, failed, or have a decision that cannot be read.
    """
    lines, refused = [], 0
    entries = [(map_name, name) for map_name in PAGES for name in config.get(map_name, {})]
    for map_name, name in entries:
        what, page = f"{map_name} {name}", PAGES[map_name].format(map=map_name, name=name)
        decision, reasons = _decision(map_name, name, page, workdir)
        refused += decision not in FINE
        is_made = decision != NOT_MADE  # else there is no page to look at
        lines.append(
            closing_line(what, decision, reasons, page) if is_made else f"{what}: {decision}"
        )
    return lines, refused


def _decision(map_name: str, name: str, page: str, workdir: Path) -> tuple[str, list[str]]:
    """Return what was decided on an entry, with its reasons; an entry that decides nothing is made."""
    if map_name in DECISIONS:
        return read_decision(workdir / DECISIONS[map_name].format(map=map_name, name=name))
    not_made = map_name in PAGE_ALONE and not (workdir / page).is_file()
    return NOT_MADE if not_made else "made", []


def closing_line(what: str, decision: str, reasons: Sequence[str], page: str | Path) -> str:
    """Return the line of one entry: what was decided, by which gates, and where its page is."""
    cause = f" ({'; '.join(reasons)})" if reasons else ""
    return f"{what}: {decision}{cause}; see {page}"


def read_decision(path: Path) -> tuple[str, list[str]]:
    """Return the decision of a certificate or an audit with its reasons; one of `UNREADABLE` where there is none."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return NOT_MADE, []
    except (OSError, ValueError):
        return NO_DECISION, []
    if "decision" in document:
        words = {"pass": "released"}.get(document["decision"], "refused")
        return words, _shortened(document.get("reasons", []))
    failed = [
        f"{answer['name']}: {answer['answer']}"
        for answer in document.get("answers", [])
        if answer["answer"] == "fail"
    ]
    return str(document.get("overall", NO_DECISION)), _shortened(failed)


def _shortened(reasons: list[str]) -> list[str]:
    more = len(reasons) - SHOWN_REASONS
    return [*reasons[:SHOWN_REASONS], f"and {more} more"] if more > 0 else list(reasons)
