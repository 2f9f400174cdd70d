"""The step that makes one item of a paper: its data and its figure."""

from collections.abc import Mapping
from typing import Any

from avatarflow.core.paths import write_bytes, write_json
from avatarflow.runs.context import Step

from .contents import digests_of, document
from .items.interface import Request
from .items.registry import ITEMS


def make_item(
    inputs: Mapping[str, str], item: Mapping[str, Any], outputs: Mapping[str, str], step: Step
) -> None:
    """Make an item.

    Parameters
    ----------
    inputs : mapping
        As from `kinds.files_of`: `<what>_<place of the entry>` to a path.
    item : mapping
        `name`, `kind`, `entries` (their names), `facts` (what the configuration says of each), `settings`, and
        `digest` (of the part of the configuration that it depends on).
    outputs : mapping
        Files to write: `data` (JSON), `picture` (PNG).
    """
    made = ITEMS[item["kind"]](
        Request(by_entry(inputs, len(item["entries"])), item["entries"], item["settings"], item["facts"])
    )  # fmt: skip
    content = document(
        item["name"], item["kind"], item["digest"], made, digests_of(list(inputs.values()))
    )
    write_bytes(outputs["picture"], made.figure)
    write_json(outputs["data"], content, allow_nan=False)
    step.info("%s: %d rows", item["kind"], len(made.rows))
    step.artifact(outputs["picture"])


def by_entry(inputs: Mapping[str, str], count: int) -> list[dict[str, str]]:
    """Return the files of each entry by what they are.

    >>> by_entry({"scores_0": "a", "scores_1": "b"}, 2)
    [{'scores': 'a'}, {'scores': 'b'}]
    """
    files: list[dict[str, str]] = [{} for _ in range(count)]
    for name, path in inputs.items():
        what, _, place = name.rpartition("_")
        files[int(place)][what] = path
    return files
