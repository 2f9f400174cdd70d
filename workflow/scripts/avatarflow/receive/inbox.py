"""The folder that received files are kept in: whole or not at all, each instance once, and never too many."""

import errno
import fcntl
import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from avatarflow.core.errors import refuse
from avatarflow.imaging.formats.dicom_header import UNFINISHED

OUT_OF_RESOURCES = 0xA700
DUPLICATE = 0x0111
FAILED = 0x0110
"""Status codes, PS3.4 B.2.3 and PS3.7 annex C."""
WHERE = "receive FOLDER"
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


class Refused(Exception):  # noqa: N818 (an answer to the sender, as status and reason)
    """An instance that is not kept; the reason holds nothing of the instance."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True)
class Bounds:
    """What the folder may hold."""

    max_bytes: int = 256 * 2**20
    """Of one instance."""
    max_files: int = 100_000
    min_free_bytes: int = 2**30
    """What stays free on the disk."""


class Inbox:
    """A folder that one service at a time writes into.

    Parameters
    ----------
    folder : path
        Made for its owner only, if it is not there. What a killed service left half-written is removed.

    Raises
    ------
    AvatarflowError
        If it is no folder that can be written into, or another service receives into it.
    """

    def __init__(self, folder: str | Path, bounds: Bounds) -> None:
        self.folder = Path(folder)
        self.bounds = bounds
        self._lock = Lock()
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            self._handle = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            raise refuse(WHERE, "no folder, and it cannot be made", "name a folder") from None
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._handle)
            found = "another service receives into this folder"
            raise refuse(WHERE, found, "stop it, or name another folder") from None
        for path in self.folder.glob(f"{UNFINISHED}*"):
            path.unlink()
        self._count = self._counted()

    def close(self) -> None:
        """Let another service receive into the folder."""
        os.close(self._handle)

    @property
    def is_open_to_others(self) -> bool:
        """Whether other users of this machine may list the folder."""
        return bool(self.folder.stat().st_mode & 0o077)

    def keep(self, uid: str, file: bytes) -> bool:
        """Keep one instance under a name made of the digest of its UID.

        Parameters
        ----------
        uid : str
            Its SOPInstanceUID.
        file : bytes
            The DICOM file, preamble and file meta information included.

        Returns
        -------
        bool
            False if the same data set is there already.

        Raises
        ------
        Refused
            If another data set has this UID, the folder or the disk is full, or writing fails.
        """
        target = self.folder / f"{hashlib.sha256(uid.encode()).hexdigest()[:32]}.dcm"
        with self._lock:
            try:
                if target.is_symlink() or target.exists():
                    if target.is_symlink() or not _is_same(target, file):
                        raise Refused(DUPLICATE, "its UID is there with another content")
                    return False
                self._check_room(len(file))
                self._write(target, file)
            except OSError as error:
                if error.errno in NO_SPACE:
                    raise Refused(OUT_OF_RESOURCES, "the disk is full") from None
                raise Refused(FAILED, "the folder cannot be written into") from None
            self._count += 1
        return True

    def _check_room(self, size: int) -> None:
        if self._count >= self.bounds.max_files:
            self._count = self._counted()  # files may have been moved away
        if self._count >= self.bounds.max_files:
            raise Refused(
                OUT_OF_RESOURCES, f"the folder holds {self._count} files, and may not more"
            )
        if shutil.disk_usage(self.folder).free - size < self.bounds.min_free_bytes:
            raise Refused(OUT_OF_RESOURCES, "too little is left free on the disk")

    def _write(self, target: Path, file: bytes) -> None:
        """Write under a name that the source passes over, and rename once the bytes are on the disk."""
        handle, name = tempfile.mkstemp(dir=self.folder, prefix=UNFINISHED)  # mode 0600
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(file)
                stream.flush()
                os.fsync(stream.fileno())
            Path(name).rename(target)
            os.fsync(self._handle)  # the sender may delete what was answered with success
        finally:
            Path(name).unlink(missing_ok=True)

    def _counted(self) -> int:
        with os.scandir(self.folder) as entries:
            return sum(1 for _ in entries)


def _is_same(path: Path, file: bytes) -> bool:
    """Whether a file holds the same data set; what this service says of itself before it may differ."""
    kept = path.read_bytes()
    return kept[_start(kept) :] == file[_start(file) :]


def _start(file: bytes) -> int:
    """Return where the data set begins: behind the group that says its own length, PS3.10 7.1."""
    return 144 + int.from_bytes(file[140:144], "little")
