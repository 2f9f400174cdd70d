"""Results as plain values for JSON."""

import math
from collections.abc import Mapping
from typing import Any

DIGITS = 6  # significant digits of every number, so that rounding noise of a machine does not show


def clean(value: Any) -> Any:
    """Return JSON-able values: keys sorted, numbers to 6 significant digits, None for what is not finite.

    >>> clean({"b": float("nan"), "a": 0.12345678})
    {'a': 0.123457, 'b': None}
    """
    if isinstance(value, Mapping):
        return {str(key): clean(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, list | tuple):
        return [clean(item) for item in value]
    if isinstance(value, bool | str | int) or value is None:
        return value
    number = float(value)
    return float(f"{number:.{DIGITS}g}") if math.isfinite(number) else None
