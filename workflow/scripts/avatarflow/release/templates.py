"""The texts of a release are Jinja2 templates under workflow/report/templates/."""

import base64
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

FOLDER = Path(__file__).resolve().parents[3] / "report" / "templates"


def fill(template: str, **values: Any) -> str:
    """Fill a template; HTML is escaped, and a value that is missing is an error, never a blank."""
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> Environment:
    """Return the templates' environment; it keeps what it has compiled, for pages that are served."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        undefined=StrictUndefined,
        autoescape=select_autoescape(["html", "html.j2"]),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["figure"] = figure
    return environment


def embedded(picture: str | Path) -> str:
    """Return a picture file as a page holds it; empty where there is none, or nothing is in it."""
    path = Path(picture)
    return base64.b64encode(path.read_bytes()).decode() if path.is_file() else ""


def figure(value: float | int | None, digits: int = 4) -> str:
    """Return a number with so many significant digits; a dash where there is none."""
    if value is None:
        return "-"
    return (
        f"{value:.0f}" if float(value).is_integer() and abs(value) >= 10 else f"{value:.{digits}g}"
    )
