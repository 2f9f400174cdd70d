"""Source `dicom`: a folder of DICOM files, whose headers say whose pictures they are.

Only the elements named here are read; private ones never are. A value that is missing leaves the
cell empty. A value that is wrong, or that contradicts another, refuses the row.
"""

import hashlib
import re
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pydicom

from avatarflow.core.errors import refuse
from avatarflow.imaging.formats.dicom_header import BARE, UNFINISHED, read_labels
from avatarflow.imaging.picture_checks import PictureError, refusing

from ..identifiers import normalised
from ..listed_files import resolve_inside, why_unresolved
from .rows import Place, as_rows

COLUMNS = (
    "file",
    "patient_id",
    "issuer",
    "laterality",
    "sex",
    "age_years",
    "acquired",
    "device",
    "modality",
)
SEXES = {"M": "male", "F": "female", "O": "other"}
SIDES = {"R": "right", "L": "left", "B": "", "U": ""}  # both, and unpaired
PREAMBLE, MAGIC = 128, b"DICM"  # bytes before it
DEVICE = ("Manufacturer", "ManufacturerModelName")
OLDEST = 130  # years; a birth date of 1840 or of the year 1 stands for none
DIRECTORY = "1.2.840.10008.1.3.10"  # Media Storage Directory: a list of files, no picture
DATE = re.compile(r"[0-9]{8}")
DATE_TIME = re.compile(r"[0-9]{8}([0-9]{2}){0,3}(\.[0-9]{1,6})?([+-][0-9]{4})?")
AGE = re.compile(r"([0-9]{3})([DWMY])")
PER_YEAR = {"D": 365.25, "W": 52.18, "M": 12, "Y": 1}
ONE_UID = "one SOPInstanceUID under two patients"


def read(
    place: Place, columns: list[str], if_there: Sequence[str], row_filter: str
) -> pd.DataFrame:
    """Read the headers of every DICOM file below a folder, in the order of their paths.

    Raises
    ------
    AvatarflowError
        If there is none, or a column that the entry names is none of `COLUMNS`.
    """
    names = list(_names(place.root))
    rows: list[dict[str, str]] = []
    refused: dict[int, str] = {}
    by_uid: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
    others = 0
    for name in names:
        path = resolve_inside(place.root, name)
        start = b"" if path is None else _start(path)
        if path is not None and start[PREAMBLE:] != MAGIC and not BARE.match(start):
            others += 1
            continue
        row = len(rows) + 1
        cells: dict[str, str] = {}
        try:
            if path is None:
                raise PictureError(why_unresolved(place.root, name))
            if start[PREAMBLE:] != MAGIC:
                raise PictureError("DICOM without its preamble is not read; save it as PNG")
            header = read_labels(path)
            if str(header.file_meta.get("MediaStorageSOPClassUID", "")) == DIRECTORY:
                others += 1
                continue
            cells, problems = _cells(header)
            by_uid[cells.pop("uid")].append((row, cells["patient_id"], cells["issuer"]))
            if problems:
                refused[row] = problems[0]
        except PictureError as error:
            refused[row] = str(error)
        rows.append({"file": name, **cells})
    if not rows:
        raise refuse(place.where, f"no DICOM file among {len(names)} files", "check source.dicom")
    for uid, users in by_uid.items():
        ids = {normalised(patient) for _, patient, _ in users}
        issuers = {normalised(issuer) for _, _, issuer in users} - {None}  # None: not said
        if uid and (len(ids) > 1 or len(issuers) > 1):
            refused |= dict.fromkeys((row for row, *_ in users), ONE_UID)
    odd = [f"{others} files of the folder hold no DICOM picture, and are left out"]
    table = pd.DataFrame(rows, columns=list(COLUMNS), dtype=object).fillna("")
    return as_rows(
        table, (columns, if_there, row_filter), place.where, odd[: bool(others)], refused
    )


def digest_of_folder(root: str | Path) -> str:
    """Digest of the path, size and time of every file below a folder."""
    digest = hashlib.sha256()
    for name in _names(root):
        path = Path(root) / name
        facts = path.stat() if path.exists() else path.lstat()
        digest.update(f"{name}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode(errors="replace"))
    return digest.hexdigest()[:16]


def _names(root: str | Path) -> Iterator[str]:
    """Yield every file below a folder by its path inside it, in order."""
    base = Path(root)
    paths = (
        path
        for path in base.rglob("*")
        if (path.is_symlink() or path.is_file()) and not path.name.startswith(UNFINISHED)
    )
    names = sorted(path.relative_to(base).as_posix() for path in paths)
    if odd := sum(not _is_utf8(name) for name in names):
        raise refuse("source.dicom", f"{odd} file names that are not UTF-8", "rename the files")
    yield from names


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _start(path: Path) -> bytes:
    """Return the preamble of a file and the letters behind it; nothing of what is no file."""
    try:
        if not path.is_file():  # to open a pipe would wait for ever
            return b""
        with path.open("rb") as file:
            return file.read(PREAMBLE + len(MAGIC))
    except OSError:
        return b""


def _cells(header: Any) -> tuple[dict[str, str], list[str]]:
    """Return the cells of one file, and what refuses it; what cannot be read is empty.

    Whose picture it is stays known: refused rows join patients, too.
    """
    acquired: list[str] = []
    readers: dict[str, Callable[[], str]] = {
        "uid": lambda: _text(header, "SOPInstanceUID"),
        "patient_id": lambda: _text(header, "PatientID"),
        "issuer": lambda: _text(header, "IssuerOfPatientID"),
        "laterality": lambda: _agreed(header, ("ImageLaterality", "Laterality"), _side),
        "sex": lambda: _listed(_text(header, "PatientSex"), SEXES, "PatientSex"),
        "acquired": lambda: _agreed(header, ("AcquisitionDateTime", "AcquisitionDate"), _day),
        "age_years": lambda: _age(header, acquired[0]),
        "device": lambda: " ".join(filter(None, (_text(header, name) for name in DEVICE))),
        "modality": lambda: _text(header, "Modality"),
    }
    cells: dict[str, str] = {}
    problems = []
    with warnings.catch_warnings(), pydicom.config.disable_value_validation():
        warnings.simplefilter("ignore")  # pydicom's warnings quote values of the patient
        for name, read_cell in readers.items():
            try:
                cells[name] = read_cell()
            except PictureError as error:
                cells[name] = ""
                problems.append(str(error))
            acquired += [cells[name]] if name == "acquired" else []
    return cells, problems


def _text(header: Any, name: str) -> str:
    """Return the value of an element that holds one text; empty where it is missing."""
    # hostile bytes may raise anything, and the text may quote them
    with refusing(f"{name} cannot be read"):
        value = header.get(name)
        if value is None or value == "":
            return ""
        if isinstance(value, str) and "\\" not in value:
            return str(value).strip(" \0")
    raise PictureError(f"{name} holds several values")


def _agreed(header: Any, names: Sequence[str], read_value: Callable[[str, str], str]) -> str:
    """Return what elements that may stand in for each other say, if they do not differ."""
    said = {value for name in names if (value := read_value(_text(header, name), name))}
    if len(said) > 1:
        raise PictureError(f"{' and '.join(names)} contradict each other")
    return said.pop() if said else ""


def _listed(value: str, names: dict[str, str], element: str) -> str:
    if value and value not in names:
        raise PictureError(f"{element} is none of {', '.join(names)}")
    return names[value] if value else ""


def _side(value: str, element: str) -> str:
    return _listed(value, SIDES, element)


def _day(value: str, element: str) -> str:
    """Return a date or the day of a time as YYYY-MM-DD; the clock is that of the device."""
    if not value or (value.isdecimal() and len(value) < 8):
        return ""  # a year or a month is no day
    match = DATE_TIME.fullmatch(value) if element.endswith("DateTime") else DATE.fullmatch(value)
    with refusing(f"{element} is no date", ValueError):
        if match is None:
            raise ValueError
        return date.fromisoformat(value[:8]).isoformat()


def _age(header: Any, acquired: str) -> str:
    """Return whole years at the day of the picture, by birth date where there is one, else by PatientAge."""
    stated = _text(header, "PatientAge")
    match = AGE.fullmatch(stated) if stated else None
    if stated and match is None:
        raise PictureError("PatientAge has no unit, or is no age")
    by_age = int(int(match[1]) / PER_YEAR[match[2]]) if match else None
    born = _day(_text(header, "PatientBirthDate"), "PatientBirthDate")
    by_date = None
    if born and acquired:
        by_date = years_between(date.fromisoformat(born), date.fromisoformat(acquired))
        if by_date < 0:
            raise PictureError("the picture is older than the patient")
    if by_date is not None and by_age is not None and abs(by_date - by_age) > 1:
        raise PictureError("PatientAge and PatientBirthDate contradict each other")
    age = by_age if by_date is None else by_date
    if age is not None and age > OLDEST:
        raise PictureError(f"an age of more than {OLDEST} years")
    return "" if age is None else str(age)


def years_between(born: date, day: date) -> int:
    """Return the age in whole years on a day."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))
