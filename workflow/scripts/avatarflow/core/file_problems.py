"""Problems of large files: the first of each kind are named with their lines, the rest is counted."""

from .errors import Problems

MOST = 10  # lines named per kind of problem


class Complaints(Problems):
    """As `Problems`, bounded: memory and message stay small however bad a file is."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0
        self.counts: dict[tuple[str, str], int] = {}
        self.advice: dict[tuple[str, str], str] = {}
        self.units: dict[str, str] = {}  # what a file is counted in, where it is not lines

    def line(self, file: str, number: int, found: str, do: str) -> None:
        """Note a problem of one line; equal `found` of one file are one kind.

        Parameters
        ----------
        file : str
            As the configuration calls it: a path may name a patient.
        number : int
            From 1.
        found, do : str
            Without a value out of the file.
        """
        kind = (file, found)
        self.total += 1
        self.counts[kind] = self.counts.get(kind, 0) + 1
        self.advice[kind] = do
        if self.counts[kind] <= MOST:
            self.add(f"{file} {self.units.get(file, 'line')} {number}", found, do)

    def raise_if_any(self) -> None:
        """Raise with all that was named, and how many more of each kind there are."""
        for (file, found), count in self.counts.items():
            if count > MOST:
                unit = self.units.get(file, "line")
                self.add(file, f"{count - MOST} more {unit}s: {found}", self.advice[(file, found)])
        super().raise_if_any()
