"""A spool that counts what is read of it: tests of all that must not hold every picture at once."""

from avatarflow.imaging.spool import Spool


class Watched(Spool):
    """A spool that keeps how many pictures each reading asked for."""

    def __init__(self, pictures):
        super().__init__(None, pictures.shape[1])
        self.extend(pictures)
        self.asked = []

    def __getitem__(self, rows):
        read = super().__getitem__(rows)
        self.asked.append(1 if read.ndim == 3 else len(read))
        return read
