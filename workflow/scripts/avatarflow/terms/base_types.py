"""What FHIR R4 itself says of an element: type and cardinality, as the classes of `fhir.resources` have them."""

import re
import typing
from functools import cache
from typing import Any

CORE = "http://hl7.org/fhir/StructureDefinition/"
SLICE = re.compile(r":[^.]*")
PYTHON = {"bool": "boolean", "int": "integer", "str": "string"}


@cache
def element_of(path: str) -> dict[str, Any]:
    """Return `type`, `min`, `max` and `short` of an element, in the form of an ElementDefinition; empty if unknown.

    Parameters
    ----------
    path : str
        Such as `Patient.identifier.system` or `Observation.value[x]`, without slices.
    """
    head, *names = path.split(".")
    model, fields = _model(head), []
    for place, name in enumerate(names, start=1):
        fields = _fields(model, name)
        if not fields and name == "extension":  # of a text or a number
            return element_of(".".join(["Extension.extension", *names[place:]]))
        if not fields:
            return {}
        model = _model(_type(fields[0]))
    if model is None and not names:
        return {}
    if not names:
        return {"type": [{"code": head}], "min": 0, "max": "*"}
    known = [_extra(one) for one in fields]
    is_needed = any(
        field.is_required() or extra.get("element_required") or extra.get("one_of_many_required")
        for field, extra in zip(fields, known, strict=True)
    )
    return {
        "type": [
            {"code": _shown(_type(field)), **_targets(extra)}
            for field, extra in zip(fields, known, strict=True)
        ],
        "min": int(is_needed),
        "max": "*" if "List[" in str(fields[0].annotation) else "1",
        "short": fields[0].title or "",
    }


def is_type(name: str) -> bool:
    """Whether FHIR R4 has a resource or data type of this name."""
    return _model(name) is not None


def _extra(field: Any) -> dict[str, Any]:
    return dict(field.json_schema_extra or {})


def _targets(extra: dict[str, Any]) -> dict[str, Any]:
    """Return to which resources a reference may lead."""
    names = [name for name in extra.get("enum_reference_types", []) if name != "Resource"]
    return {"targetProfile": [f"{CORE}{name}" for name in names]} if names else {}


@cache
def _model(name: str) -> Any:
    from fhir.resources.R4B import get_fhir_model_class

    try:
        return get_fhir_model_class(name)
    except (ValueError, KeyError, ImportError, AttributeError):
        return None


def _fields(model: Any, name: str) -> list[Any]:
    """Return the field of a name, or all of a choice such as `value[x]` or one of it such as `valueQuantity`."""
    found = []
    for field in getattr(model, "model_fields", {}).values():
        extra = _extra(field)
        if name in (field.alias, f"{extra.get('one_of_many', '')}[x]"):
            found.append(field)
    return [field for field in found if str(field.alias)[0] != "_"]


def _type(field: Any) -> str:
    """Return the name of a field's type, without list and option."""
    annotation, marks = field.annotation, list(field.metadata)
    while True:
        if hasattr(annotation, "__metadata__"):
            return type(annotation.__metadata__[0]).__name__
        inner = [one for one in typing.get_args(annotation) if one is not type(None)]
        if not inner:
            named = marks[0] if marks and annotation is str else None
            return type(named).__name__ if named else str(annotation.__name__).removesuffix("Type")
        annotation = inner[0]


def _shown(name: str) -> str:
    """Return the name that FHIR has for a type: `code` for `Code`, `BackboneElement` for a part of a resource."""
    if name in PYTHON:
        return PYTHON[name]
    model = _model(name)
    if model is None:
        return name[:1].lower() + name[1:]
    return "BackboneElement" if model.__mro__[1].__name__ == "BackboneElement" else name


def without_slices(identifier: str) -> str:
    """Return the id of an element without the names of slices: its path."""
    return SLICE.sub("", identifier)
