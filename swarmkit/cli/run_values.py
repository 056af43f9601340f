"""Values of `docker run`'s options as the engine's API has them; raises InputError for what is none."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from swarmkit.declared.documents import units
from swarmkit.declared.stack.runtime_checks import ulimit_flaw
from swarmkit.errors import InputError

_BOOLEANS = {"": True, "true": True, "1": True, "false": False, "0": False}


def text(_option: str, value: str) -> str:
    return value


def words(_option: str, values: Sequence[str]) -> list[str]:
    return list(values)


def flag(_option: str, value: bool) -> bool:  # noqa: FBT001 - of a table of readers
    return value


def whole(option: str, value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise InputError(f"{option} {value!r} is no whole number") from None


def size(option: str, value: str) -> int:
    """Return bytes; -1, of --memory-swap, is no limit."""
    found = -1 if value == "-1" else units.bytes_of(value)
    if found is None:
        raise InputError(f"{option} {value!r} is no amount of memory", to_do="write it as 512m or 2g")
    return found


def cpus(option: str, value: str) -> int:
    found = units.nano_cpus(value)
    if found is None:
        raise InputError(f"{option} {value!r} is no number of CPUs", to_do="write it as 0.5")
    return found


def span(option: str, value: str) -> int:
    found = units.nanoseconds(value)
    if found is None:
        raise InputError(f"{option} {value!r} is no duration", to_do="write it as 10s or 1m30s")
    return found


def shell(_option: str, value: str) -> list[str]:
    return ["CMD-SHELL", value]


def no_check(_option: str, _value: bool) -> list[str]:  # noqa: FBT001 - of a table of readers
    return ["NONE"]


def settings(option: str, values: Sequence[str]) -> dict[str, str]:
    """Return KEY=VALUE words as a dictionary."""
    found = {}
    for value in values:
        key, sign, rest = value.partition("=")
        if not key or not sign:
            raise InputError(f"{option} {value!r} is no KEY=VALUE")
        found[key] = rest
    return found


def ulimits(option: str, values: Sequence[str]) -> list[dict[str, Any]]:
    """Return NAME=SOFT[:HARD] words."""
    found = []
    for name, value in settings(option, values).items():
        soft, colon, hard = value.partition(":")
        both = [whole(option, one) for one in (soft, hard if colon else soft)]
        what, to_do = ulimit_flaw(name, *both)
        if what:
            raise InputError(f"{option} {name}={value}: {what}", to_do=to_do)
        found.append({"Name": name, "Soft": both[0], "Hard": both[1]})
    return found


def devices(option: str, values: Sequence[str]) -> list[dict[str, str]]:
    """Return HOST[:CONTAINER][:rwm] words."""
    found = []
    for value in values:
        host, *more = value.split(":")
        allowed = more.pop() if more and set(more[-1]) <= set("rwm") and more[-1] else "rwm"
        if not host or len(more) > 1:
            raise InputError(f"{option} {value!r} is no device", to_do="write it as /dev/ttyS0[:/dev/ttyS1][:rwm]")
        inside = more[0] if more else host
        found.append({"PathOnHost": host, "PathInContainer": inside, "CgroupPermissions": allowed})
    return found


def tmpfs(_option: str, values: Sequence[str]) -> dict[str, str]:
    """Return PATH[:OPTIONS] words."""
    return {path: options for path, _, options in (value.partition(":") for value in values)}


def security(option: str, values: Sequence[str]) -> list[str]:
    """Return the words, a seccomp profile's file in its own place, as the engine is on another machine."""
    found = []
    for value in values:
        key, sign, rest = value.replace(":", "=", 1).partition("=") if "=" not in value else value.partition("=")
        if key == "systempaths":
            raise InputError(f"{option} {value} is not known here", to_do="use --privileged")
        if key == "seccomp" and rest not in ("unconfined", "builtin"):
            value = f"seccomp={_profile(option, rest)}"
        elif sign:
            value = f"{key}={rest}"
        found.append(value)
    return found


def _profile(option: str, path: str) -> str:
    try:
        return json.dumps(json.loads(Path(path).read_text()), separators=(",", ":"))
    except (OSError, ValueError) as error:
        raise InputError(f"{option}: cannot read the seccomp profile {path!r}: {error}") from None


def mounts(option: str, values: Sequence[str]) -> list[dict[str, Any]]:
    """Return the mounts that TYPE=...,source=...,target=... words ask for."""
    return [_mount(option, value) for value in values]


def _mount(option: str, value: str) -> dict[str, Any]:
    found: dict[str, Any] = {"Type": "volume"}
    try:
        parts = next(csv.reader([value]))
    except csv.Error:
        to_do = "write it in one line: type=bind,source=/a,target=/b"
        raise InputError(f"{option} {value!r} is no line of words between commas", to_do=to_do) from None
    for part in parts:
        key, sign, rest = part.partition("=")
        key = key.strip().lower()
        if key not in _MOUNT_KEYS or (not sign and key not in _SWITCHES):
            known = ", ".join(sorted(_MOUNT_KEYS))
            raise InputError(f"{option} {value!r}: {part!r} is none of its words", to_do=f"there are {known}")
        place, read = _MOUNT_KEYS[key]
        put(found, place, read(f"{option} {key}", rest), is_more=key in ("volume-label", "volume-opt"))
    if not found.get("Target"):
        raise InputError(f"{option} {value!r} names no target", to_do="write target=/path")
    return found


def put(into: dict[str, Any], place: str, value: Any, *, is_more: bool = False) -> None:
    """Write *value* at a dotted *place*, beside what is there where it *is_more*."""
    *above, last = place.split(".")
    for key in above:
        into = into.setdefault(key, {})
    into[last] = {**into.get(last, {}), **value} if is_more else value


def _truth(option: str, value: str) -> bool:
    if value.lower() not in _BOOLEANS:
        raise InputError(f"{option}={value} is neither true nor false")
    return _BOOLEANS[value.lower()]


def _mode(option: str, value: str) -> int:
    try:
        return int(value, 8)
    except ValueError:
        raise InputError(f"{option} {value!r} is no mode", to_do="write it as 1770") from None


def _one(option: str, value: str) -> dict[str, str]:
    return settings(option, [value])


_SWITCHES = ("readonly", "ro", "volume-nocopy")
_Read = Callable[[str, str], Any]
_MOUNT_KEYS: Mapping[str, tuple[str, _Read]] = {
    "type": ("Type", text),
    **dict.fromkeys(("source", "src"), ("Source", text)),
    **dict.fromkeys(("target", "dst", "destination"), ("Target", text)),
    **dict.fromkeys(("readonly", "ro"), ("ReadOnly", _truth)),
    "consistency": ("Consistency", text),
    "bind-propagation": ("BindOptions.Propagation", text),
    "volume-nocopy": ("VolumeOptions.NoCopy", _truth),
    "volume-subpath": ("VolumeOptions.Subpath", text),
    "volume-label": ("VolumeOptions.Labels", _one),
    "volume-driver": ("VolumeOptions.DriverConfig.Name", text),
    "volume-opt": ("VolumeOptions.DriverConfig.Options", _one),
    "tmpfs-size": ("TmpfsOptions.SizeBytes", size),
    "tmpfs-mode": ("TmpfsOptions.Mode", _mode),
    "image-subpath": ("ImageOptions.Subpath", text),
}
