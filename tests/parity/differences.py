"""Two stacks as the engine reads them back, in one form; and what may differ between them, with the reason."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

Specs = dict[str, Any]

ALLOWED = {
    r"(secrets|configs)\..*\.Labels\.swarmkit\.key": "our versions of one file are found by it",
    r"networks\..*\.Options\.com\.docker\.network\.driver\.overlay\.vxlanid_list": "numbered by the engine",
    r"networks\..*\.IPAM\.Config": "taken by the engine from its pool, where the file names no subnet",
}
_VERSION = re.compile(r"-[0-9a-f]{12}$")


def named(raw: Mapping[str, list[dict[str, Any]]]) -> Specs:
    """Return what was read back by kind and name: names for IDs, secrets and configs without their content's hash."""
    names = {network["Id"]: network["Name"] for network in raw["networks"]}
    found: Specs = {"services": {}, "networks": {}, "secrets": {}, "configs": {}}
    for service in raw["services"]:
        spec = service["Spec"]
        for network in spec["TaskTemplate"].get("Networks", ()):
            network["Target"] = names[network["Target"]]
        _name_files(spec["TaskTemplate"]["ContainerSpec"])
        found["services"][spec["Name"]] = spec
    for network in raw["networks"]:
        if "com.docker.stack.namespace" in (network["Labels"] or {}):
            kept = ("Driver", "Options", "Labels", "Attachable", "Internal", "EnableIPv6", "Scope", "IPAM")
            spec = {key: network[key] for key in kept}
            spec["IPAM"]["Config"] = sorted(one["Subnet"] for one in network["IPAM"]["Config"] or ())
            found["networks"][network["Name"]] = spec
    for kind in ("secrets", "configs"):
        for item in raw[kind]:
            found[kind][_VERSION.sub("", item["Spec"].pop("Name"))] = item["Spec"]
    return found


def _name_files(container: dict[str, Any]) -> None:
    account = (container.get("Privileges") or {}).get("CredentialSpec") or {}
    for what in ("Secret", "Config"):
        for reference in container.get(f"{what}s", ()):
            name = _VERSION.sub("", reference[f"{what}Name"])
            if account.get(what) == reference.pop(f"{what}ID"):
                account[what] = name
            reference[f"{what}Name"] = name


def differences(docker: Specs, ours: Specs) -> list[str]:
    """Return each field that differs and is not allowed to, with both values."""
    left, right = dict(_leaves(docker, "")), dict(_leaves(ours, ""))
    differing = [path for path in sorted(left.keys() | right.keys()) if left.get(path) != right.get(path)]
    real = [path for path in differing if not any(re.fullmatch(pattern, path) for pattern in ALLOWED)]
    return [f"{path}: docker {left.get(path)}, swarmkit {right.get(path)}" for path in real]


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else key)
    else:
        yield path, json.dumps(value, sort_keys=True)
