"""The arguments of `avatarflow clean`."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from avatarflow.core.errors import refuse

PROGRAM = "avatarflow clean"
NONE = "none"  # of --y-contig: the reference has no Y chromosome
EXIT_STATUSES = """\
exit status:
  0  released: every gate passed, and OUT/release has the cleaned reads
  1  no decision: a step failed or was stopped; the same command goes on
  2  no decision: bad input, one line per problem
  3  refused: a gate did not pass; OUT has the certificate and the dossier, and no reads

docs/reads/clean.md explains each option.
"""


@dataclass(frozen=True)
class Request:
    """What was asked for, as it was typed; paths start where the user stands."""

    reads: tuple[str, ...]
    reference: str | None = None
    out: str | None = None
    name: str = "sample"
    tools: tuple[str, ...] = ()
    detection_tools: tuple[str, ...] = ()
    y_contigs: tuple[str, ...] = ()
    config: str | None = None
    cores: str = "all"
    work: str | None = None
    keep_work: bool = False


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Refuse in the project's form instead of showing the usage."""
        raise refuse(PROGRAM, message, f"see {PROGRAM} --help")


def parse(arguments: Sequence[str]) -> Request:
    """Return what the arguments behind `avatarflow` ask for.

    Raises
    ------
    AvatarflowError
        If they cannot be read; what they name is checked later, all at once.
    """
    if arguments and arguments[0] in ("-h", "--help"):
        arguments = ["clean", *arguments]
    if not arguments or arguments[0] != "clean":
        found = f"found '{arguments[0]}'" if arguments else "no command"
        raise refuse("avatarflow", found, f"write {PROGRAM}; see {PROGRAM} --help")
    values: dict[str, Any] = vars(_parser().parse_intermixed_args(arguments[1:]))
    lists = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
    return Request(**(values | lists))


def _parser() -> _Parser:
    parser = _Parser(
        prog=PROGRAM,
        description="Remove human reads from one sample, measure what is left of the donor, and "
        "release the cleaned reads if every gate passes.",
        epilog=EXIT_STATUSES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "reads", nargs="*", metavar="READS", help="FASTQ of single reads, or the two files of pairs"
    )
    add("--reference", metavar="FASTA", help="the human genome, such as GRCh38.fa.gz; required")
    add("--out", metavar="OUT", help="folder to make; required")
    add("--name", default="sample", help="name in the certificate, no person's (default: sample)")
    add(
        "--tool", dest="tools", action="append", default=[], metavar="TOOL[:SETTING]",
        help="tool that removes reads; may be repeated (default: bowtie2:very-sensitive-local-unpaired)",
    )  # fmt: skip
    add(
        "--detection-tool", dest="detection_tools", action="append", default=[], metavar="TOOL[:SETTING]",
        help="tool that searches what is left; may be repeated (default: bwa:mem, minimap2:sr, kraken2:default)",
    )  # fmt: skip
    add(
        "--y-contig", dest="y_contigs", action="append", default=[], metavar="NAME",
        help="Y chromosome of the reference, may be repeated; none if it has none (default: Y or chrY)",
    )  # fmt: skip
    add("--config", metavar="YAML", help="further keys of a read_releases entry (config/README.md)")
    add("--cores", default="all", metavar="N", help="cores to use (default: all)")
    add("--work", metavar="FOLDER", help="folder for the run (default: OUT.work, beside OUT)")
    add("--keep-work", action="store_true", help="leave the folder of the run; it has human reads")
    return parser
