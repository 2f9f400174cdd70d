r"""Make the fingerprint of human sequence that read releases look for, from a human chromosome.

    PYTHONPATH=workflow/scripts .venv/bin/python experiments/reads/fingerprint.py \
        --human ../shared/data/genomes/human/chr20_b37.fa.gz --others ../shared/data/genomes/microbes/*

`repeats.npy`: the 31-mers that occur most often, without those of low complexity and those that an `--others` genome
has. `unique.npy`: 31-mers that occur once, spread evenly. Both are sorted hashes (`compiled.mix` of the canonical
31-mer), without positions. Source: GRCh37 chromosome 20 as Debian's package vt-examples has it (MIT).
"""

import argparse
from pathlib import Path

import numpy as np

from avatarflow.core.arrays import Codes, Mask
from avatarflow.reads.compiled import compiled, mix
from avatarflow.reads.genomes.genome import read_fasta
from avatarflow.reads.release.fingerprint import SHIPPED, Hashes, K, KmerSet, scan

LEAST_TRIPLETS = 15  # different ones among the 29 of a 31-mer


@compiled
def words_of(codes: Codes) -> tuple[Hashes, Mask]:
    """Hash of the canonical k-mer that ends at each base, and whether there is one of good complexity."""
    words, good = np.zeros(len(codes), np.uint64), np.zeros(len(codes), np.bool_)
    forward, backward, run = np.uint64(0), np.uint64(0), 0
    mask, top = (np.uint64(1) << np.uint64(2 * K)) - np.uint64(1), np.uint64(2 * (K - 1))
    for at in range(len(codes)):
        if codes[at] > 3:
            run = 0
            continue
        code = np.uint64(codes[at])
        forward = ((forward << np.uint64(2)) | code) & mask
        backward = (backward >> np.uint64(2)) | ((np.uint64(3) - code) << top)
        run += 1
        if run < K:
            continue
        words[at] = mix(min(forward, backward))
        triplets = np.uint64(0)
        for place in range(K - 2):
            triplets |= np.uint64(1) << ((forward >> np.uint64(2 * place)) & np.uint64(63))
        count = 0
        while triplets:
            triplets &= triplets - np.uint64(1)
            count += 1
        good[at] = count >= LEAST_TRIPLETS
    return words, good


def main() -> None:
    """Count, choose, leave out what others have, and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--human", type=Path, required=True)
    parser.add_argument("--others", type=Path, nargs="+", required=True)
    parser.add_argument("--repeats", type=int, default=16_000)
    parser.add_argument("--unique", type=int, default=6_000)
    parser.add_argument("--out", type=Path, default=SHIPPED)
    asked = parser.parse_args()
    words, good = words_of(read_fasta(asked.human).codes)
    known, first, counts = np.unique(words[good], return_index=True, return_counts=True)
    places = np.flatnonzero(good)[first]
    often = np.argsort(-counts, kind="stable")[: asked.repeats]
    single = np.flatnonzero(counts == 1)
    single = single[np.argsort(places[single])]
    # evenly over the chromosome, whatever its runs of N
    chosen = np.linspace(0, len(single) - 1, asked.unique).astype(int)
    for name, hashes in (("repeats", known[often]), ("unique", known[single[chosen]])):
        kmers = KmerSet.of(hashes)
        taken = np.zeros(len(kmers.hashes), bool)
        for path in asked.others:
            genome = read_fasta(path)
            scan(genome.codes, genome.starts[1:], kmers, taken)
        asked.out.mkdir(parents=True, exist_ok=True)
        np.save(asked.out / f"{name}.npy", kmers.hashes[~taken])
        print(
            name, (~taken).sum(), "k-mers,", taken.sum(), "left out; least count", counts[often[-1]]
        )


if __name__ == "__main__":
    main()
