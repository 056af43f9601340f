"""Durations, sizes and CPUs as Docker reads them, in the engine API's units; None for what is none of them."""

from __future__ import annotations

import functools
import re
from decimal import Decimal
from fractions import Fraction

from swarmkit.declared.documents.nodes import Plain

_NANOSECONDS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_STEP = re.compile(r"([0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_SIZE = re.compile(
    r"\+?((?:[0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})(?:e[+-]?[0-9]{1,2})?) ?([kmgtp])?i?b?",
    re.IGNORECASE | re.ASCII,
)
_CPUS = re.compile(
    r"(?:[0-9]{1,6}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})(?:e[+-]?[0-9]{1,2})?|[0-9]{1,9}/0*[1-9][0-9]{0,8}",
    re.IGNORECASE | re.ASCII,
)

# A large file says the same few amounts hundreds of times.
_kept = functools.lru_cache(maxsize=1024)


@_kept
def nanoseconds(text: str) -> int | None:
    """Return ``1m30s`` as nanoseconds (Go's time.ParseDuration); what is less than nothing is refused."""
    text = text.removeprefix("+")
    steps = _STEP.findall(text)
    if text == "0":
        return 0
    if not steps or "".join(number + unit for number, unit in steps) != text:
        return None
    total = int(sum(Decimal(number) * _NANOSECONDS[unit] for number, unit in steps))
    return total if total < 2**63 else None


@_kept
def bytes_of(text: str) -> int | None:
    """Return ``512M`` as bytes; all units are binary (docker/go-units RAMInBytes)."""
    match = _SIZE.fullmatch(text)
    if not match:
        return None
    power = " kmgtp".index((match[2] or " ").lower())
    count = int(Decimal(match[1]) * 1024**power)
    return count if count < 2**63 else None


@_kept
def nano_cpus(text: str) -> int | None:
    """Return ``0.25`` or ``1/4`` as nano-CPUs; what is no whole number of them is refused (opts.ParseCPUs)."""
    count = Fraction(text) * 10**9 if _CPUS.fullmatch(text) else None
    return count.numerator if count is not None and count.denominator == 1 else None


def go_text(value: Plain) -> str:
    """Return *value* as Go prints it: Docker turns unquoted numbers and truths into text so (fmt.Sprint)."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return _go_float(value) if isinstance(value, float) else str(value)


def _go_float(number: float) -> str:
    # Go's %v: the shortest digits, an exponent below 1e-4 and from 1e6 on (strconv, format 'g' -1).
    decimal = Decimal(repr(number)).normalize()
    power = decimal.adjusted()
    if -5 < power < 6:
        return f"{decimal:f}"
    sign, digits, _ = decimal.as_tuple()
    significant = "".join(map(str, digits))
    fraction = "." + significant[1:] if significant[1:] else ""
    return f"{'-' if sign else ''}{significant[0]}{fraction}e{power:+03d}"
