"""A donor's own VCF beside a panel: the same sites for all, so that ratios can be taken."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from avatarflow.core.errors import AvatarflowError, refuse
from avatarflow.reads.genomes.genome import Genome
from avatarflow.reads.risk.panel import Panel, read_panel


def with_donor(panel: Panel, vcf: str | Path, sample: str, genome: Genome) -> Panel:
    """The panel with the donor as its last person, over the sites of both on the panel's spans.

    ASSUME: a site that the donor's VCF lacks is the reference's in both copies; one that the panel lacks is so in
    everybody of it, which makes a private variant as telling as the panel's size allows. A person of the panel with the
    donor's very name is taken out: it is the donor.

    Raises
    ------
    AvatarflowError
        As `read_panel`; if the sample is not there, or nobody else is left.
    """
    try:
        own = read_panel(vcf, genome, fewest=1)
    except AvatarflowError as error:  # the path may name a person
        raise AvatarflowError(str(error).replace(str(vcf), "donor.vcf")) from None
    person = own.index(sample, "read_releases.<name>.donor.vcf")
    if sample in panel.people:
        panel = panel.without([panel.people.index(sample)])
    if len(panel.people) < 2:
        raise refuse(
            "read_releases.<name>.panel", "nobody but the donor", "give a panel of many people"
        )
    spans = panel.spans()
    inside = [
        site for site, (contig, at) in enumerate(zip(own.contig.tolist(), own.position.tolist(), strict=True))
        if contig in spans and spans[contig][0] <= at < spans[contig][1]
    ]  # fmt: skip
    own = own.at(np.array(inside, np.int64))
    known = {_key(panel, site): site for site in range(len(panel.position))}
    alleles = np.zeros((len(panel.position), 1, 2), np.uint8)
    private = []
    for site in range(len(own.position)):
        if (here := known.get(_key(own, site))) is not None:
            alleles[here, 0] = own.alleles[site, person]
        elif own.alleles[site, person].any():
            private.append(site)
    joined = replace(
        panel, people=(*panel.people, "donor"), alleles=np.concatenate([panel.alleles, alleles], axis=1),
        phased=np.append(panel.phased, own.phased[person]),
    )  # fmt: skip
    return _with_private(joined, own.at(np.array(private, np.int64)), person)


def _key(panel: Panel, site: int) -> tuple[int, int, int, int]:
    return (
        int(panel.contig[site]),
        int(panel.position[site]),
        int(panel.ref[site]),
        int(panel.alt[site]),
    )


def _with_private(panel: Panel, own: Panel, person: int) -> Panel:
    """The panel with sites that only the donor, its last person, carries; positions that are there already are not."""
    taken = set(zip(panel.contig.tolist(), panel.position.tolist(), strict=True))
    places = enumerate(zip(own.contig.tolist(), own.position.tolist(), strict=True))
    own = own.at(np.array([site for site, place in places if place not in taken], np.int64))
    alleles = np.zeros((len(own.position), len(panel.people), 2), np.uint8)
    alleles[:, -1] = own.alleles[:, person]
    contig = np.concatenate([panel.contig, own.contig])
    position = np.concatenate([panel.position, own.position])
    order = np.lexsort((position, contig))
    return Panel(
        panel.people, panel.contigs, contig[order], position[order], np.concatenate([panel.ref, own.ref])[order],
        np.concatenate([panel.alt, own.alt])[order], np.concatenate([panel.alleles, alleles])[order], panel.phased,
    )  # fmt: skip
