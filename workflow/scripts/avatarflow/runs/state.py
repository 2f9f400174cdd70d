"""State of a long work that survives `kill -9`: one folder, one owner, checkpoints written whole or not at all."""

import json
import os
import socket
import uuid
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from avatarflow.core.errors import refuse
from avatarflow.core.paths import read_json, replacing, write_json

CHECKPOINT = "checkpoint.safetensors"


class State:
    """An opened state folder.

    The newest opener owns the folder: it writes its name into the lease, and an older writer, should one still live,
    is stopped at its next write.

    Parameters
    ----------
    folder : Path
        Made if absent.
    identity : str
        Digest of everything that decides the result.

    Raises
    ------
    AvatarflowError
        If the folder belongs to a work of another identity.
    """

    def __init__(self, folder: Path, identity: str) -> None:
        self.folder = folder
        self.owner = uuid.uuid4().hex
        folder.mkdir(parents=True, exist_ok=True)
        named = folder / "identity.json"
        if named.exists():
            known = read_json(named)["identity"]
            if known != identity:
                raise refuse(
                    f"state {folder}", f"it belongs to the configuration {known}, not to {identity}",
                    "delete the folder or give back the settings and data that it was made with",
                )  # fmt: skip
        else:
            write_json(named, {"identity": identity})
        self.former = self._lease()
        write_json(
            folder / "lease.json",
            {"host": socket.gethostname(), "pid": os.getpid(), "owner": self.owner},
        )

    def taken_over(self) -> str:
        """Return what is known of the former owner, for the log; empty if there was none."""
        if not self.former:
            return ""
        if self.former["host"] != socket.gethostname():
            return "a former writer on another host"
        alive = Path(f"/proc/{self.former['pid']}").exists() and self.former["pid"] != os.getpid()
        return (
            "a former writer that may still run; it will be stopped at its next write"
            if alive
            else "a dead writer"
        )

    def hold(self) -> None:
        """Refuse to go on when a newer writer has taken the folder."""
        if self._lease().get("owner") != self.owner:
            raise refuse(
                f"state {self.folder}", "a newer writer has taken it over", "let that one finish"
            )

    def save(
        self, tensors: dict[str, torch.Tensor], facts: dict[str, Any], name: str = CHECKPOINT
    ) -> None:
        """Write tensors and JSON-like facts as one file, whole or not at all."""
        self.hold()
        with replacing(self.folder / name) as path:
            save_file(
                {key: value.detach().contiguous().cpu() for key, value in tensors.items()},
                path,
                {"facts": json.dumps(facts)},
            )
            self.hold()

    def load(self, name: str = CHECKPOINT) -> tuple[dict[str, torch.Tensor], dict[str, Any]] | None:
        """Return what `save` wrote last, or None."""
        path = self.folder / name
        if not path.exists():
            return None
        with safe_open(path, framework="pt") as file:
            facts: dict[str, Any] = json.loads(file.metadata()["facts"])
            return {key: file.get_tensor(key) for key in file.keys()}, facts  # noqa: SIM118

    def forget(self, pattern: str) -> None:
        """Remove what was saved under these names and is no longer needed."""
        self.hold()
        for path in self.folder.glob(pattern):
            path.unlink()

    def _lease(self) -> dict[str, Any]:
        try:
            lease: dict[str, Any] = json.loads(
                (self.folder / "lease.json").read_text(encoding="utf-8")
            )
        except FileNotFoundError:
            return {}
        return lease


class Follower(State):
    """The state as all but the first of several processes see it: the first one loads and saves for them."""

    def __init__(self) -> None:
        pass

    def taken_over(self) -> str:
        """Nothing is."""
        return ""

    def hold(self) -> None:
        """There is nothing to hold."""

    def save(
        self, tensors: dict[str, torch.Tensor], facts: dict[str, Any], name: str = CHECKPOINT
    ) -> None:
        """Left to the first process."""

    def load(self, name: str = CHECKPOINT) -> None:
        """Left to the first process."""

    def forget(self, pattern: str) -> None:
        """Left to the first process."""
