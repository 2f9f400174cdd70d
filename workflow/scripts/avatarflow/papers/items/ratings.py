"""Blinded ratings over the guidance scale, by machines of known skill that went through the reader study."""

from avatarflow.core.paths import read_json

from .interface import Item, Request, estimate, picture

MACHINES = "machines"
WHO = "machine readers, no people"


def make(request: Request) -> Item:
    """Show how often machine readers call pictures of each guidance scale synthetic.

    Raises
    ------
    ValueError
        If the results are not those of machines: people's would be shown under a wrong name.
    """
    files = request.files[0]
    results = read_json(files["results"])
    if results["made_by"] != MACHINES:
        raise ValueError(f"ratings: results made by {results['made_by']}; give those of machines")
    origin = results["origin"]
    rows = [
        [
            group,
            WHO,
            estimate(rate),
            estimate(origin["called_synthetic_raw"][group]),
            estimate(origin["told_apart"].get(group)),
        ]
        for group, rate in sorted(origin["called_synthetic"].items())
    ]
    return Item(
        ["pictures", "rated by", "called synthetic (mixed model)", "called synthetic (plain share)",
         "told apart (0.5 is guessing)"],
        1,
        rows,
        picture(files["picture"]),
        f"Machine readers, no people: share of pictures called synthetic over the guidance scale, "
        f"{results['readers']} machine readers, 95 % intervals.",
        [
            results["remark"],
            f"{results['readers']} machine readers gave {results['answers']} answers. They read the key and answer "
            "with a skill that is set before, so nothing here says whether people take these pictures for real.",
        ],
    )  # fmt: skip
