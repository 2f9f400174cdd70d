"""avatarflow: releasable, anonymous avatars of real medical data, and the proof that they are."""

__version__ = "0.1.0"
