#!/usr/bin/env python3
"""Add the hashes of every package's files, as the registry publishes them, to pins on the standard input.

    .venv/bin/pip freeze | envs/add_hashes.py > envs/requirements.lock

pip then installs only files with one of these hashes. Kept are files for Python 3.11 to 3.13 on Linux
and macOS. torch has none: its CPU or CUDA build comes from the user's index. Under faiss-cpu stand
the hashes of faiss-gpu too, which replaces it in the GPU variant (envs/lock.sh).
"""

import json
import re
import sys
import urllib.request

HEADER = """\
# Every package of the host environment at the version that was tested (Python 3.11), with the hashes of its files;
# `make setup` installs it. torch has no hash: it comes from whichever index pip is configured with, so that its CPU or
# CUDA build is the user's choice. Change envs/requirements.txt, install it into an empty .venv, run envs/add_hashes.py.
"""
REGISTRY = "https://pypi.org/simple/{}/"
ACCEPT = {"Accept": "application/vnd.pypi.simple.v1+json"}
NO_HASH = {"torch"}
ALSO = {"faiss-cpu": ["faiss-gpu"]}
# the tags that a wheel's name ends with: interpreter, ABI, platforms
USED = re.compile(
    r"-(py3|py2\.py3|cp3\d+)(\.\w+)*-(none|abi3|cp311|cp312|cp313)-"
    r"(any|\S*(manylinux\w*_(x86_64|aarch64)|linux_x86_64|macosx\w*))\.whl$"
)


def hashes(name: str, version: str) -> list[str]:
    """Return the SHA-256 of a version's files that can be used; asks the registry."""
    request = urllib.request.Request(REGISTRY.format(name), headers=ACCEPT)
    with urllib.request.urlopen(request, timeout=60) as answer:
        files = json.load(answer)["files"]
    # a source distribution may spell the name with any of - _ .
    stem = re.sub(r"[-_.]+", "[-_.]+", name)
    of_version = re.compile(rf"{stem}-{re.escape(version)}(-|\.tar\.gz|\.zip)", re.IGNORECASE)
    used = [
        one["hashes"]["sha256"]
        for one in files
        if of_version.match(one["filename"])
        and (USED.search(one["filename"]) or not one["filename"].endswith(".whl"))
    ]
    if not used:
        raise SystemExit(f"{name} {version}: no file that can be used; choose another version")
    return used


def main() -> None:
    """Read pins, write them with hashes."""
    sys.stdout.write(HEADER)
    for line in sys.stdin:
        if not (pin := re.match(r"([\w.-]+)==([\w.]+)", line)):
            continue
        name, version = pin.groups()
        found: list[str] = []
        if name not in NO_HASH:
            for one in [name, *ALSO.get(name, [])]:
                found += hashes(one, version)
        parts = [f"{name}=={version}", *(f"    --hash=sha256:{one}" for one in sorted(found))]
        sys.stdout.write(" \\\n".join(parts) + "\n")


if __name__ == "__main__":
    main()
