"""Filters of networks, in Docker's words and with Docker's meaning."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from swarmkit.errors import InputError
from swarmkit.observed.networks import HostNetwork

LISTED_BY = ("name", "id", "driver", "scope", "label", "type", "dangling")
PRUNED_BY = ("until", "label", "label!")
BUILT_IN = ("bridge", "host", "none")
"""What Docker's tool means by type=builtin."""
_TRUTHS: Mapping[str | None, bool | None] = {None: None, "true": True, "1": True, "false": False, "0": False}
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_SPAN = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")


@dataclass(frozen=True)
class NetworkFilter:
    """Key -> values: of one key any will do, but all labels must be there."""

    wanted: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    until: datetime | None = None
    dangling: bool | None = None
    """Whether nothing is on it, on any host; the engine's own networks never are so."""

    def passes(self, network: HostNetwork, used: Collection[str] = ()) -> bool:
        """Tell of *network*, when those whose IDs are *used* have somebody on them."""
        labels = network.raw.get("Labels") or {}
        is_dangling = network.id not in used and network.name not in BUILT_IN
        if self.dangling not in (None, is_dangling):
            return False
        if self.until is not None and not _is_older(str(network.raw.get("Created") or ""), self.until):
            return False
        if (unwanted := self.wanted.get("label!")) and all(_has(labels, one) for one in unwanted):
            return False
        return all(_is_met(key, values, network) for key, values in self.wanted.items() if key != "label!")


def read_filter(words: Sequence[str], known: Sequence[str], now: datetime) -> NetworkFilter:
    """Return the filter of KEY=VALUE *words*; raises InputError for a key that is not *known*, or no such value."""
    wanted: dict[str, tuple[str, ...]] = {}
    for word in words:
        key, sign, value = word.partition("=")
        if not sign or key not in known:
            raise InputError(f"--filter {word!r} is none of this command", to_do=f"there are {'=, '.join(known)}=")
        if key == "type" and value not in ("builtin", "custom"):
            raise InputError(f"--filter {word!r} is no type", to_do="give builtin or custom")
        wanted[key] = (*wanted.get(key, ()), value)
    untils = wanted.pop("until", ())
    dangling: tuple[str | None, ...] = wanted.pop("dangling", ()) or (None,)
    if len(set(dangling)) > 1 or dangling[0] not in _TRUTHS:
        raise InputError("--filter dangling is true or false", to_do="give it once, as dangling=true")
    if len(untils) > 1:
        raise InputError("--filter until was given twice", to_do="give it once")
    return NetworkFilter(wanted, moment(untils[0], now) if untils else None, _TRUTHS[dangling[0]])


def moment(text: str, now: datetime) -> datetime:
    """Return the time that *text* means to Docker: so long before *now*, seconds since 1970, or a date."""
    if re.fullmatch(f"({_SPAN.pattern})+", text):
        return now - timedelta(seconds=sum(float(number) * _UNITS[unit] for number, unit in _SPAN.findall(text)))
    try:
        if re.fullmatch(r"\d+(\.\d+)?", text):
            return datetime.fromtimestamp(float(text), UTC)
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise InputError(f"--filter until={text} is no time", to_do="write it as 24h, or 2026-01-31T15:00:00") from None


def _is_met(key: str, values: Sequence[str], network: HostNetwork) -> bool:
    if key == "label":
        return all(_has(network.raw.get("Labels") or {}, value) for value in values)
    if key == "type":
        return ("builtin" if network.name in BUILT_IN else "custom") in values
    if key == "driver":
        return bool({network.driver, str(network.raw.get("Driver"))} & set(values))
    if key == "scope":
        return network.scope in values
    text = network.name if key == "name" else network.id
    return any(_found(value, text) for value in values)


def _found(pattern: str, text: str) -> bool:
    try:
        return pattern == text or re.search(pattern, text) is not None
    except re.error:
        return False


def _has(labels: Mapping[str, str], wanted: str) -> bool:
    key, sign, value = wanted.partition("=")
    return labels.get(key) == value if sign else key in labels


def _is_older(created: str, until: datetime) -> bool:
    """One whose engine does not say when it was made is none: it stays."""
    try:
        return datetime.fromisoformat(created) <= until
    except ValueError:
        return False
