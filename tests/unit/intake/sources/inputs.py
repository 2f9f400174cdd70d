"""What intake is given and asked to write, as one line of a test."""

from avatarflow.intake.sources.rows import Place
from avatarflow.intake.sources.withdrawn import IntakeInputs


def listed(root, manifest, **more):
    return IntakeInputs(Place(str(root), str(root / manifest)), **more)


def outputs(folder):
    names = {"pictures": "pictures", "summary": "summary.json", "refused": "refused.csv"}
    return {name: str(folder / file) for name, file in names.items()}
