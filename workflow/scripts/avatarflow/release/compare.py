"""Two releases side by side: decisions, gates, settings, files by checksum. `make release-diff A=... B=...`.

Reads certificates and checksum lists alone, so either release may be an archived copy. Writes nothing.
"""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from avatarflow.core.errors import Problems, command, start

log = logging.getLogger(__name__)
CERTIFICATE, CHECKSUMS = "certificate.json", "SHA256SUMS"
NAMED = 20  # files that are named; more are counted


class Release:
    """A release's certificate and the checksums of what it released.

    Parameters
    ----------
    certificate : mapping
    checksums : mapping of path to SHA-256
        Empty for refused reads, of which there is no folder.
    """

    def __init__(self, certificate: Mapping[str, Any], checksums: Mapping[str, str]) -> None:
        self.certificate, self.checksums = certificate, checksums
        self.gates = {gate["name"]: gate for gate in certificate["gates"]}


def read_releases(folders: Mapping[str, str]) -> list[Release]:
    """Read releases from their folders: `results/releases/<name>`, `results/read_releases/<name>` or `release/` itself.

    Raises
    ------
    AvatarflowError
        One line per folder that is none, all of them.
    """
    problems, found = Problems(), []
    for letter, folder in folders.items():
        places = [Path(folder) / "release", Path(folder)]
        certificates = [place / CERTIFICATE for place in places if (place / CERTIFICATE).is_file()]
        if not folder or not certificates:
            where = f"release-diff {letter}"
            problems.add(
                where,
                f"no {CERTIFICATE} in {folder or 'nothing'}",
                f"give {letter}=results/releases/<name>",
            )
            continue
        try:
            certificate = json.loads(certificates[0].read_text(encoding="utf-8"))
            found.append(Release(certificate, _checksums(certificates[0].parent / CHECKSUMS)))
        except (ValueError, KeyError, TypeError):
            problems.add(
                f"release-diff {letter}", f"a {CERTIFICATE} that is damaged", "make it again"
            )
    problems.raise_if_any()
    return found


def _checksums(path: Path) -> dict[str, str]:
    """Return the checksums of a list as `sha256sum` writes it; none where there is no list."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def differences(a: Release, b: Release) -> Iterator[str]:
    """Yield what differs, line by line; one line where nothing does."""
    found = [
        *_values("decision", a.certificate["decision"], b.certificate["decision"]),
        *_gates(a, b),
        *_settings("asked", a.certificate["asked"], b.certificate["asked"]),
        *_files(a.checksums, b.checksums),
    ]
    yield from found or ["no difference in decision, gates, settings and files"]


def _values(name: str, a: Any, b: Any) -> list[str]:
    return [] if a == b else [f"{name}: {_short(a)} -> {_short(b)}"]


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _gates(a: Release, b: Release) -> Iterator[str]:
    """Yield a line per gate whose figure, threshold or result differs, or that one release lacks."""
    for name in [*a.gates, *(name for name in b.gates if name not in a.gates)]:
        one, other = a.gates.get(name), b.gates.get(name)
        if one is None or other is None:
            yield f"gate {name}: only in {'B' if one is None else 'A'}"
            continue
        for part in ("value", "low", "high", "n", "threshold", "result"):
            yield from _values(f"gate {name} {part}", one[part], other[part])


def _settings(where: str, a: Any, b: Any) -> Iterator[str]:
    """Yield a line per setting that differs, at any depth."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        for key in sorted({*a, *b}):
            yield from _settings(f"{where}.{key}", a.get(key), b.get(key))
    else:
        yield from _values(where, a, b)


def _files(a: Mapping[str, str], b: Mapping[str, str]) -> Iterator[str]:
    """Yield the files that one release lacks or that differ, and how many are the same."""
    both = a.keys() & b.keys()
    changed = sorted(name for name in both if a[name] != b[name])
    for what, names in (
        ("only in A", sorted(a.keys() - both)),
        ("only in B", sorted(b.keys() - both)),
        ("other bytes", changed),
    ):
        if names:
            more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            yield f"files, {what}: {len(names)}: {', '.join(names[:NAMED])}{more}"
    if changed or a.keys() != b.keys():
        yield f"files, the same: {len(both) - len(changed)}"


@command
def main(arguments: Sequence[str]) -> None:
    """Show the differences of two folders; the exit status is 2 where one cannot be read."""
    folders = dict(zip("AB", [*arguments, "", ""][:2], strict=True))
    a, b = read_releases(folders)
    for line in differences(a, b):
        log.info("%s", line)


if __name__ == "__main__":
    start(main)
