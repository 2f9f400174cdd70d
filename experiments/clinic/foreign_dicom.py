"""Compare what intake reads from foreign DICOM files with two other readers, GDCM and DCMTK.

    PYTHONPATH=workflow/scripts .venv/bin/python experiments/clinic/foreign_dicom.py FOLDER \
        --out experiments/clinic/results/foreign_dicom.tsv

FOLDER holds a folder for each set of files, under which they lie as their project has them.
Compared is the one frame of each file, by the largest difference of a value:

- `stored`: what intake has after decompression, before lookup tables and windows, with GDCM's
  `gdcmconv --raw`. Gray and palettes as stored numbers; colours as RGB where GDCM has made RGB of them.
- `shown`: the 8 bits that intake shows, without its colour profile, with DCMTK's `dcmj2pnm`. Gray only where
  the file has a VOI LUT or a window (without, each reader shows what it likes) and outside of padding, which
  intake alone makes black. What DCMTK cannot decompress, `gdcmconv --raw` does for it.

The limits on the sides of a picture are lifted, since test files are small.
"""

import argparse
import hashlib
import subprocess
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from PIL import Image

from avatarflow.imaging.formats import dicom_pixels
from avatarflow.imaging.formats.dicom_gray import LINEAR, NARROWEST, _padded, _table
from avatarflow.imaging.formats.dicom_header import COLOURS, PALETTE, number, open_dicom
from avatarflow.imaging.io import read_bytes
from avatarflow.imaging.picture_checks import Limits, PictureError

LIMITS = Limits(min_side_px=1, max_aspect=1e6)
NO, UNDEFINED, NEAR = "not read", "not defined", ("1", "2")


def difference(ours: Any, theirs: Any) -> str:
    """Return the largest difference of a value, or the two shapes where they differ."""
    if ours.shape != theirs.shape:
        return f"{ours.shape} here, {theirs.shape} there"
    return f"{np.abs(ours.astype(np.float64) - theirs.astype(np.float64)).max():g}"


def ran(command: list[str], result: Path) -> bool:
    """Run a reader; say whether it ended well and wrote its result."""
    result.unlink(missing_ok=True)
    done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    return done.returncode == 0 and result.exists() and result.stat().st_size > 0


def numbers(path: Path) -> Any:
    """Return the first frame of a file that is not compressed, by NumPy alone; None for YCbCr."""
    file = pydicom.dcmread(path, force=True)
    if str(file.PhotometricInterpretation).startswith("YBR"):
        return None
    rows, columns, samples = int(file.Rows), int(file.Columns), int(file.SamplesPerPixel)
    size, sign = int(file.BitsAllocated), "iu"[file.PixelRepresentation == 0]
    if size == 1:
        bits = np.unpackbits(np.frombuffer(file.PixelData, np.uint8), bitorder="little")
        return bits[: rows * columns].reshape(rows, columns)
    values = np.frombuffer(file.PixelData, f"<{sign}{size // 8}", rows * columns * samples)
    unused = size - int(file.BitsStored)  # they may hold an overlay
    values = np.right_shift(np.left_shift(values, unused), unused)
    if samples == 1:
        return values.reshape(rows, columns)
    if file.get("PlanarConfiguration"):
        return values.reshape(samples, rows, columns).transpose(1, 2, 0)
    return values.reshape(rows, columns, samples)


def window(dataset: Any) -> list[str] | None:
    """Return the options by which DCMTK shows a gray file as its header says, None where it does not say."""
    if _table(dataset, "VOILUTSequence") is not None:
        return ["+Wl", "1"]
    centre, width = number(dataset, "WindowCenter"), number(dataset, "WindowWidth")
    narrowest = NARROWEST.get(str(dataset.get("VOILUTFunction") or LINEAR).strip().upper())
    is_said = centre is not None and width is not None and narrowest is not None
    return ["+Wi", "1"] if is_said and width >= narrowest else None


def ours_of(data: bytes) -> tuple[Any, Any, Any, bool]:
    """Return what intake decodes, what it shows, the parsed file, and whether it is gray."""
    read_bytes(data, LIMITS)  # with all checks
    dataset, header = open_dicom(data, LIMITS)
    decoded = dicom_pixels._decode(dataset, header)
    if header.kind == PALETTE:
        return decoded, dicom_pixels._looked_up(decoded, dataset), dataset, False
    if header.kind in COLOURS:
        return decoded, decoded, dataset, False
    return decoded, read_bytes(data, LIMITS)[0][..., 0], dataset, True


def row(path: Path, folder: Path, work: Path) -> dict[str, str]:
    """Compare one file."""
    data = path.read_bytes()
    try:
        head = pydicom.dcmread(path, stop_before_pixels=True, force=True)
    except Exception:  # what is left of it is not known
        head = pydicom.Dataset()
    syntax = getattr(head, "file_meta", {}).get("TransferSyntaxUID")
    raw, picture = work / "raw.dcm", work / "picture.pnm"
    is_raw = ran(["gdcmconv", "--raw", "-i", str(path), "-o", str(raw)], raw)
    show = ["dcmj2pnm", "-O", "+op"]
    is_shown = ran([*show, str(path), str(picture)], picture)
    result = {
        "set": path.relative_to(folder).parts[0],
        "file": str(Path(*path.relative_to(folder).parts[1:])),
        "sha256": hashlib.sha256(data).hexdigest()[:12],
        "transfer_syntax": syntax.name if syntax else "",
        "photometric": str(head.get("PhotometricInterpretation", "")),
        "bits": str(head.get("BitsStored", "")),
        "frames": str(head.get("NumberOfFrames") or 1),
        "theirs": "+".join(["gdcm"] * is_raw + ["dcmtk"] * is_shown) or "none",
        "stored": "",
        "shown": "",
        "ours": "read",
    }
    try:
        decoded, shown, dataset, is_gray = ours_of(data)
    except PictureError as error:
        return result | {"ours": f"refused: {error.reason}"}
    theirs = numbers(raw) if is_raw else None
    result["stored"] = NO if theirs is None else difference(decoded, theirs)
    options = window(dataset) if is_gray else []
    if options is None:
        return result | {"shown": UNDEFINED}
    source = path if is_shown else raw
    if (is_shown or is_raw) and ran([*show, *options, str(source), str(picture)], picture):
        theirs = np.asarray(Image.open(picture))
        if is_gray and theirs.shape == shown.shape:
            shown, theirs = (a[~_padded(decoded, dataset)] for a in (shown, theirs))
        result["shown"] = difference(shown, theirs)
    else:
        result["shown"] = NO
    return result


def main() -> None:
    """Write a row for each file, and print how often each outcome came."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    paths = sorted(path for path in arguments.folder.rglob("*") if path.is_file())
    with tempfile.TemporaryDirectory() as work:
        rows = [row(path, arguments.folder, Path(work)) for path in paths]
    names = list(rows[0])
    lines = ["\t".join(names), *("\t".join(line[name] for name in names) for line in rows)]
    arguments.out.write_text("\n".join(lines) + "\n")
    for command in (["gdcmconv", "--version"], ["dcmj2pnm", "--version"]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        print(done.stdout.split("\n")[0])
    print("\n".join(summary(rows)))


def summary(rows: list[dict[str, str]]) -> Iterator[str]:
    """Yield a Markdown table by transfer syntax, then the reasons of the refusals by their number."""
    yield "| transfer syntax | files | read | stored: equal | shown: equal, by 1, by 2 | differs | refused |"
    yield "|---|---|---|---|---|---|---|"
    by_syntax: dict[str, list[dict[str, str]]] = {}
    for line in rows:
        by_syntax.setdefault(line["transfer_syntax"] or "not said", []).append(line)
    for syntax, lines in sorted(by_syntax.items()):
        read = [line for line in lines if line["ours"] == "read"]
        shown = [sum(line["shown"] == level for line in read) for level in ("0", *NEAR)]
        counts = (
            len(lines),
            len(read),
            sum(line["stored"] == "0" for line in read),
            ", ".join(map(str, shown)),
            sum(map(is_different, read)),
            len(lines) - len(read),
        )
        yield f"| {syntax} | {' | '.join(map(str, counts))} |"
    yield f"\nNeither compared: {sum(map(is_alone, rows))}\n"
    for reason, count in Counter(line["ours"] for line in rows).most_common():
        yield f"{count}\t{reason}"


def is_different(line: dict[str, str]) -> bool:
    """Whether the readers do not agree: stored values to the last bit, 8 bits to the rounding."""
    return line["stored"] not in (NO, "0") or line["shown"] not in (NO, UNDEFINED, "0", *NEAR)


def is_alone(line: dict[str, str]) -> bool:
    """Whether intake reads a file and no other reader could be compared with it."""
    return line["ours"] == "read" and {line["stored"], line["shown"]} <= {NO, UNDEFINED}


if __name__ == "__main__":
    main()
