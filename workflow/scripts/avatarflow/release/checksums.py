"""The list of a release's checksums, and its signature: what a receiver verifies."""

from pathlib import Path

from avatarflow.core.digest import file_sha256

from .signing import Signer

CHECKSUMS = "SHA256SUMS"
SIGNATURE = ".sig"
"""What the name of the list gets for the name of its signature."""


def write_checksums(folder: Path, name: str, signer: Signer | None = None) -> None:
    """Write the SHA-256 of every file of the folder, in the form that `sha256sum -c` reads, and sign the list.

    Call it last: a file that comes later is on no list. The signature covers the list, and the list every file.
    """
    signature = folder / f"{name}{SIGNATURE}"
    signature.unlink(missing_ok=True)  # one of an earlier list
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != name)
    text = "".join(
        f"{file_sha256(path)}  {path.relative_to(folder).as_posix()}\n" for path in files
    )
    (folder / name).write_text(text, encoding="utf-8")
    if signer is not None:
        signature.write_bytes(signer.sign(text.encode()))
