"""How many fragments a sample has and from whom: by number and shares, or by depth; and what is spiked in."""

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from avatarflow.reads.simulation.nanopore.fragments import LongLayout

from .library import Library
from .mixture import HOST, Mixture


def known_bases(library: Library, taxa: int) -> list[float]:
    """Bases that are not N of the host (mean of both haplotypes) and of each microbe, in the mixture's order."""
    unknown = np.zeros(len(library.scaffold_starts) - 1)
    contig = np.searchsorted(library.scaffold_starts, library.unknown_starts, side="right") - 1
    np.add.at(unknown, contig, library.unknown_ends - library.unknown_starts)
    sizes = np.diff(library.scaffold_starts) - unknown
    views = [
        float(sizes[a:b].sum()) for a, b in zip(library.first[:-1], library.first[1:], strict=True)
    ]
    return [(views[0] + views[1]) / 2, *views[2 : taxa + 1]]


def bases_per_fragment(reads: Mapping[str, Any]) -> float:
    """Bases that are read of a fragment; of nanopore, their mean (contigs that end earlier are not counted off)."""
    if reads.get("platform", "illumina") == "nanopore":
        layout = LongLayout.of(reads)
        mean = float(layout.lengths((np.arange(1000) + 0.5) / 1000).mean())
        return mean * (1 - layout.junk + layout.chimeras)
    return float(reads["length_bp"] * (1 if reads.get("ends", "pairs") == "single" else 2))


def composed(
    mixture: Mapping[str, Any], reads: Mapping[str, Any], library: Library, seed: int, donor: str
) -> tuple[Mixture, int]:
    """The mixture and the number of fragments of a sample.

    Parameters
    ----------
    mixture : mapping
        `host_share` and `weights` (taxon to weight); `depths`, None or `host` and `microbes` (taxon to mean coverage of
        its known bases), in place of both and of `reads.pairs`; `spike_ins` (taxon to fragments), on top.
    reads : mapping
        The config's `reads`.
    library : Library
        Views in the mixture's order.
    seed : int
        Of fragments.
    donor : str
    """
    mix, count = Mixture.of(mixture["host_share"], mixture["weights"]), int(reads["pairs"])
    if depths := mixture.get("depths"):
        wanted = {HOST: depths["host"], **depths["microbes"]}
        sizes, each = known_bases(library, len(mix.taxa)), bases_per_fragment(reads)
        counts = [
            wanted.get(taxon, 0.0) * size / each
            for taxon, size in zip(mix.taxa, sizes, strict=True)
        ]
        count = max(round(sum(counts)), 1)
        mix = Mixture(mix.taxa, tuple(part / sum(counts) for part in counts))
    spikes = {taxon: number for taxon, number in (mixture.get("spike_ins") or {}).items() if number}
    if spikes:
        mix = mix.with_spikes(spikes, count, seed, zlib.crc32(donor.encode()))
    return mix, count + len(mix.spiked)
