"""The classes of `fhir.resources` that resources are checked against: those of FHIR R4B, which fit R4."""

import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

KINDS = ("Condition", "Consent", "Patient")
"""What intake reads; of other kinds are the profiles and protocols of `terms`."""
CHANGES = "modifierExtension"


@cache
def model(kind: str) -> Any:
    """Return the class of a kind of resource; loading them takes half a second, and most sets hold no FHIR."""
    from fhir.resources.R4B import get_fhir_model_class

    return get_fhir_model_class(kind)


@cache
def _modules() -> frozenset[str]:
    from fhir.resources import R4B

    return frozenset(module.name for module in pkgutil.iter_modules(R4B.__path__))


def is_kind(name: str, known: Sequence[str] = KINDS) -> bool:
    """Whether a name is that of a kind of resource: one in small letters would be passed over as another kind.

    Parameters
    ----------
    known : list of str
        The kinds that are read.
    """
    small = name.lower()
    if not name.isalpha() or not name[0].isupper() or small not in _modules():
        return False
    return name in known or small not in {kind.lower() for kind in known}


def names_in(value: Any) -> Iterator[str]:
    """Yield the name of every element inside a value, at any depth."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield name
            yield from names_in(part)
    elif isinstance(value, list):
        for part in value:
            yield from names_in(part)


def changed_meaning(content: Mapping[str, Any]) -> str:
    """Return what changes the meaning of a resource in a way that is not known here; empty if nothing does."""
    if content.get("implicitRules"):
        return "implicit rules"
    return "an extension that changes its meaning" if CHANGES in set(names_in(content)) else ""


def check(kind: str, content: Mapping[str, Any]) -> str:
    """Return why a resource does not fit FHIR R4, in words without a value of it; empty where it does.

    The classes check fields and types. They do not check value sets: a Consent of status "maybe" fits.
    """
    try:
        model(kind).model_validate(dict(content))
    except Exception:  # hostile content may raise anything, and the text may quote it
        return "it does not fit FHIR R4"
    return ""
