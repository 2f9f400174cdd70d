"""Simulated human reads mixed into a user's reads: of them it is known which ones the tools miss.

They have the errors, qualities and lengths of the user's reads, one spike-in of each drawn read (nanopore: their mean
error, and lengths like theirs). Names are running numbers over both, so that no tool can tell them apart.
"""

import gzip
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from avatarflow.core.errors import AvatarflowError, refuse
from avatarflow.core.paths import read_json, replacing
from avatarflow.core.seeds import generator
from avatarflow.reads import bgzf
from avatarflow.reads.simulation.records import DIGITS
from avatarflow.reads.simulation.simulate import simulate_shard
from avatarflow.reads.user_reads.take import BLOCK
from avatarflow.runs.context import Step

from .own_qualities import MARGIN_BP, as_fragment, clean_kmers, drawn

LONGEST_BP = 1000  # of reads that short spike-ins can stand for
LEAST_LONG_BP = 50
LEAST_ERROR = 1e-4
MOST_ERROR = 0.3
BLOCK_BYTES = 1 << 22  # of FASTQ looked at at once
COLUMNS = ["number", "donor", "variants"]
KEYS = {
    "reads.error": "spike_ins.error",
    "reads.fragment_mean_bp": "spike_ins.fragment_mean_bp",
    "reads.long.min_bp": "own_reads.shortest_bp",
    "reads.long": "own_reads",
}
"""Keys of a benchmark that the simulator names, and what a release calls them."""

Bodies = Iterator[tuple[bytes, ...]]


def spike_settings(
    spikes: Mapping[str, Any], summary: Mapping[str, Any], single: bool
) -> dict[str, Any]:
    """How spike-ins are read: as the config says, and where it says nothing, as the user's reads are.

    Parameters
    ----------
    spikes : mapping
        The config's `spike_ins`.
    summary : mapping
        Of the user's reads.
    single : bool

    Raises
    ------
    AvatarflowError
        If spike-ins of the configured platform cannot stand for the user's reads.
    """
    error = spikes["error"] if spikes["error"] is not None else summary["error"]
    as_own = (
        spikes["error"] is None
        and spikes["profile"] is None
        and spikes["platform"] == "illumina"
        and spikes["pairs"] > 0
    )
    settings = {
        "as_own": as_own,
        "error": max(float(error), LEAST_ERROR),
        "error_told": spikes["error"] is not None,
        "platform": spikes["platform"],
    }
    if spikes["platform"] == "nanopore":
        if not single:
            raise refuse(
                "own_reads.fastq2",
                "mates, which nanopore reads do not have",
                "give one file, fastq1",
            )
        return settings | {"long": long_settings(summary)}
    if summary["length_max"] > LONGEST_BP:
        found = f"reads of up to {summary['length_max']} bases, which spike-ins of short reads cannot stand for"
        raise refuse("own_reads", found, "set spike_ins.platform: nanopore")
    if as_own and summary["error"] > MOST_ERROR:
        raise too_wrong(summary["error"])
    length = spikes["length_bp"] or summary["length_max" if as_own else "length_q05"]
    if as_own:
        settings |= {"error": LEAST_ERROR, "longest_bp": length}
        length += MARGIN_BP
    return settings | {
        "length_bp": length,
        "fragment_mean_bp": max(spikes["fragment_mean_bp"], length),
        "fragment_sd_bp": spikes["fragment_sd_bp"],
        "ends": "single" if single else "pairs",
        "indel_ratio": spikes["indel_ratio"],
    }


def long_settings(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Lengths like the user's, lognormal between their shortest and longest; no adapters, chimeras or junk."""
    least = max(LEAST_LONG_BP, summary["length_min"])
    none = {"share": 0.0, "sequence": ""}
    return {
        "length_distribution": "lognormal",
        "mean_bp": summary["length_mean"], "sd_bp": max(1.0, summary["length_sd"]), "min_bp": least,
        "max_bp": max(least + 1, summary["length_max"]), "chimeras": 0.0, "junk": 0.0,
        "adapters": {"start": none, "end": none},
    }  # fmt: skip


def share_out(pairs: int, donors: int) -> list[int]:
    """So many fragments, in parts as equal as can be."""
    return [pairs // donors + (number < pairs % donors) for number in range(donors)]


def bodies(paths: Sequence[str]) -> Bodies:
    """Of each fragment the three lines behind the name, per mate, from files that were checked or written here."""
    with ExitStack() as stack:
        files = [stack.enter_context(gzip.open(path, "rb")) for path in paths]
        while all(file.readline() for file in files):
            yield tuple(b"".join(islice(file, 3)) for file in files)


def spike_in(
    inputs: Mapping[str, Any], spikes: Mapping[str, Any], single: bool, seed: int, outputs: Mapping[str, str],
    step: Step,
) -> None:  # fmt: skip
    """Simulate spike-ins and write both together.

    Parameters
    ----------
    inputs : mapping
        Paths: `reads1`, `reads2`, `summary` (as `own.take_reads` wrote them), `host`, `microbes`, `profile`; `variants`
        and `parts`, a list each with one path per donor.
    spikes : mapping
        The config's `spike_ins`.
    single : bool
        Whether there is one read per fragment.
    seed : int
    outputs : mapping
        Paths: `reads1`, `reads2`, `spikes` (Parquet: `number` of the fragment in the files, `donor` by number,
        `variants` that it shows).
    step : Step
    """
    summary = read_json(inputs["summary"])
    settings = spike_settings(spikes, summary, single)
    mates = (1,) if single else (1, 2)
    with tempfile.TemporaryDirectory(dir=Path(outputs["spikes"]).parent) as place:
        parts = []
        for donor, pairs in enumerate(share_out(spikes["pairs"], spikes["donors"])):
            if pairs:
                parts.append(_simulated(inputs, settings, donor, pairs, seed, Path(place), step))
        made = (body for part in parts for body in bodies([part[f"reads{mate}"] for mate in mates]))
        told = [
            pd.read_parquet(part["truth"], columns=["variants"]).assign(donor=i)
            for i, part in enumerate(parts)
        ]
        truth = (
            pd.concat(told, ignore_index=True)
            if told
            else pd.DataFrame(columns=["variants", "donor"])
        )
        places = _places(summary["fragments"], len(truth), seed)
        order = generator(seed, "spike-ins.order").permutation(len(truth))
        pool = list(made)
        paths = [inputs[f"reads{mate}"] for mate in mates]
        if settings["as_own"]:
            pool = like_own(pool, paths, settings, seed)
        own = bodies(paths)
        _merge(
            own,
            [pool[number] for number in order],
            places,
            summary["fragments"] + len(truth),
            outputs,
            step,
        )
    table = truth.iloc[order].reset_index(drop=True).assign(number=places)[COLUMNS]
    with replacing(outputs["spikes"]) as path:
        table.astype("int64").to_parquet(path, index=False)
    step.info("%d spike-ins, error %.4f", len(table), settings["error"])


def like_own(
    pool: list[tuple[bytes, ...]], paths: Sequence[str], settings: Mapping[str, Any], seed: int
) -> list[tuple[bytes, ...]]:
    """Give each spike-in length, qualities, N and errors of one of the user's fragments."""
    clean = [np.zeros(0), *map(clean_kmers, blocks(bodies(paths)))]
    numbers = drawn(np.concatenate(clean), len(pool), seed)
    wanted = set(numbers.tolist())
    models = {number: own for number, own in enumerate(bodies(paths)) if number in wanted}
    ratio, longest = settings["indel_ratio"], settings["longest_bp"]
    return [
        as_fragment(seed, place, body, models[number], ratio, longest)
        for place, (body, number) in enumerate(zip(pool, numbers.tolist(), strict=True))
    ]


def blocks(every: Bodies) -> Iterator[list[tuple[bytes, ...]]]:
    """Lists of fragments of a bounded size, however long the reads are."""
    block: list[tuple[bytes, ...]] = []
    size = 0
    for body in every:
        block.append(body)
        size += sum(map(len, body))
        if size > BLOCK_BYTES:
            yield block
            block, size = [], 0
    if block:
        yield block


def _simulated(
    inputs: Mapping[str, Any],
    settings: Mapping[str, Any],
    donor: int,
    pairs: int,
    seed: int,
    place: Path,
    step: Step,
) -> dict[str, str]:
    genomes = {key: inputs[key] for key in ("host", "microbes", "profile")}
    genomes |= {key: inputs[key][donor] for key in ("variants", "parts")}
    outputs = {key: str(place / f"{donor}.{key}") for key in ("reads1", "reads2", "bam", "truth")}
    cell = {"donor": f"spike{donor + 1}", "error": settings["error"],
            "seeds": {"fragments": seed, "errors": seed}}  # fmt: skip
    reads = {**settings, "pairs": pairs}
    mixture: dict[str, Any] = {"host_share": 1.0, "weights": {}}
    with keys_of_releases(settings["error"], told=settings["error_told"]):
        simulate_shard(genomes, reads, mixture, cell, (0, 1), outputs, step)
    return outputs


def too_wrong(error: float) -> AvatarflowError:
    """The refusal of reads whose qualities say next to nothing."""
    return refuse(
        "own_reads",
        f"the qualities of fastq1 or fastq2 tell a mean error of {error:.3g} a base, more than spike-ins have",
        "give reads with the qualities of the machine, or set spike_ins.error to its rate",
    )


@contextmanager
def keys_of_releases(error: float, told: bool) -> Iterator[None]:
    """Name in refusals of the simulator the keys that a release has; `told`: its config names the error.

    Raises
    ------
    AvatarflowError
        As the simulator, in the words of a release.
    """
    try:
        yield
    except AvatarflowError as refusal:
        where, _, rest = str(refusal).partition(": ")
        if where == "reads.error" and not told:
            raise too_wrong(error) from refusal
        raise AvatarflowError(f"{KEYS.get(where, where)}: {rest}") from refusal


def _places(own: int, spikes: int, seed: int) -> npt.NDArray[np.int64]:
    """Rising numbers of the spike-ins among all fragments, drawn evenly."""
    chosen = generator(seed, "spike-ins.places").choice(
        own + spikes, spikes, replace=False, shuffle=False
    )
    return np.sort(chosen).astype(np.int64)


def _merge(
    own: Bodies, pool: list[tuple[bytes, ...]], places: npt.NDArray[np.int64], total: int, outputs: Mapping[str, str],
    step: Step,
) -> None:  # fmt: skip
    spiked = iter(zip(places.tolist(), pool, strict=True))
    following = next(spiked, None)
    with (
        replacing(outputs["reads1"]) as one, replacing(outputs["reads2"]) as two,
        one.open("wb") as first, two.open("wb") as second,
    ):  # fmt: skip
        block: list[tuple[bytes, ...]] = []
        for number in range(total):
            if following is not None and following[0] == number:
                block.append(following[1])
                following = next(spiked, None)
            else:
                block.append(next(own))
            if len(block) == BLOCK or number == total - 1:
                write_numbered(block, number + 1 - len(block), (first, second))
                block = []
                step.progress(number + 1, total, "fragments")
        for file in (first, second):
            file.write(bgzf.EOF)


def write_numbered(
    block: Sequence[tuple[bytes, ...]], first: int, files: Sequence[IO[bytes]]
) -> None:
    """Write fragments, a file for each mate, under running numbers from `first`."""
    for mate, file in zip(range(len(block[0])), files, strict=False):
        text = b"".join(
            b"@r%0*d\n%b" % (DIGITS, number, body[mate]) for number, body in enumerate(block, first)
        )
        file.write(bgzf.compress(text))
