"""The files that a manifest lists: where they are, whether they changed, and what is odd about a name."""

import errno
import hashlib
import unicodedata
from pathlib import Path

import pandas as pd

from avatarflow.core.errors import AvatarflowError

from .tables.manifest import EMBEDDED, read_manifest
from .tables.text_table import FILE

INVALID = "file name too long or not valid"
CANNOT_BE = {
    errno.ELOOP: "symbolic links in a circle",
    errno.ENAMETOOLONG: INVALID,
    errno.EACCES: "file cannot be read",
}
OUTSIDE = "path leads outside the root"
SLASH = "slash at the end of the file name"


def resolve_inside(root: str | Path, name: str) -> Path | None:
    """The file a manifest row means, or None if it lies outside the root (`..`, absolute path, symbolic link).

    A name that ends like that of a folder means none, although `Path` would leave the slash out.

    A name may be written in composed or decomposed Unicode, as Macs do, whatever the file system holds.
    """
    if _ends_like_a_folder(name):
        return None
    base = Path(root).resolve()
    spellings = dict.fromkeys(
        (name, unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name))
    )
    try:
        paths = [(base / spelling).resolve() for spelling in spellings]
        path = next((path for path in paths if _is_there(path)), paths[0])
    except (OSError, RuntimeError, ValueError):
        return None
    return path if path.is_relative_to(base) else None


def why_unresolved(root: str | Path, name: str) -> str:
    """Why `resolve_inside` finds no file of this name."""
    if _ends_like_a_folder(name):
        return SLASH
    try:
        (Path(root) / name).stat()
    except OSError as error:
        return CANNOT_BE.get(error.errno or 0, OUTSIDE)
    except ValueError:  # a zero byte
        return INVALID
    return OUTSIDE


def _is_there(path: Path) -> bool:
    """Whether there is such a file, or a folder without rights hides it."""
    try:
        return path.exists()
    except PermissionError:
        return True


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except PermissionError:
        return False


def _ends_like_a_folder(name: str) -> bool:
    return name.endswith(("/", "/."))


def files_of(rows: pd.DataFrame, root: str | Path) -> "pd.Series[str]":
    """What file each row means, however its name is written; None where there is none.

    A picture inside the manifest is told by its content.
    """
    contents = rows[EMBEDDED] if EMBEDDED in rows.columns else [None] * len(rows)
    return pd.Series(
        [_file_of(name, content, root) for name, content in zip(rows[FILE], contents, strict=True)],
        index=rows.index,
        dtype=object,
    )


def _file_of(name: str | None, content: bytes | None, root: str | Path) -> str | None:
    if content is not None:  # nothing at all is nobody's picture
        return hashlib.sha256(content).hexdigest() if content else None
    path = resolve_inside(root, name) if name and name.strip() else None
    return str(path) if path is not None and _is_file(path) else None


def digest_of_listed(manifest: str | Path, root: str | Path) -> str:
    """Digest of a manifest's content and of the name, size and time of every file that it lists.

    A picture that is replaced, repaired or deleted changes it, and so does a manifest that is restored with an older
    date. A manifest that cannot be read counts by its content; intake says what is wrong with it.
    """
    digest = hashlib.sha256()
    try:
        digest.update(Path(manifest).read_bytes())
        names = read_manifest(manifest, [])[FILE].dropna()
    except (OSError, AvatarflowError):
        return digest.hexdigest()[:16]
    for name in names if Path(root).is_dir() else ():
        path = resolve_inside(root, name)
        facts = path.stat() if path is not None and _is_file(path) else None
        digest.update(f"{name}\0{facts and (facts.st_size, facts.st_mtime_ns)}\n".encode())
    return digest.hexdigest()[:16]


def advice_on_name(name: str) -> str:
    """What is odd about a file name that leads to nothing, in a few words without the name; empty if nothing is."""
    if len(name) > 1 and name[1] == ":":
        return "a Windows path"
    if "\\" in name:
        return "backslashes in the name"
    return "blanks around the name" if name != name.strip() else ""
