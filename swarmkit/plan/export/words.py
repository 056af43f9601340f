"""Numbers of the engine's API as a stack file writes them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from swarmkit.plan.stacks.container_spec import written

_DURATIONS = ((10**9, "s"), (10**6, "ms"), (10**3, "us"), (1, "ns"))
_SIZES = ((1 << 30, "G"), (1 << 20, "M"), (1 << 10, "K"))


def duration(nanoseconds: int | None) -> str | None:
    if nanoseconds is None:
        return None
    amount, unit = next((one, unit) for one, unit in _DURATIONS if nanoseconds % one == 0)
    return f"{nanoseconds // amount}{unit}"


def size(amount: int | None) -> str | None:
    if amount is None:
        return None
    unit, letter = next(((one, letter) for one, letter in _SIZES if amount and amount % one == 0), (1, "B"))
    return f"{amount // unit}{letter}"


def cpus(nano_cpus: int | None) -> str | None:
    return f"{Decimal(nano_cpus) / 10**9:f}" if nano_cpus else None


def said(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries that are not the engine's own defaults: nothing, false, zero, and what is empty."""
    return {key: value for key, value in written(values).items() if value is not False and value not in (0, "0s")}
