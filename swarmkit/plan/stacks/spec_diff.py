"""What really differs between a declared spec and one read back from the engine."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from swarmkit.observed.model import NETWORK_LABEL, STACK_LABEL, subnets_of
from swarmkit.plan.networks.ipam import DEFAULT_DRIVER
from swarmkit.plan.stacks.shown_values import shown_value
from swarmkit.plan.stacks.spec_normal import normal_service


@dataclass(frozen=True)
class Change:
    """One field that differs; empty text: not there. What may be a secret shows as ``[redacted]``."""

    path: str
    old: str
    new: str


VXLAN_NUMBERS = "com.docker.network.driver.overlay.vxlanid_list"


def spec_changes(declared: Mapping[str, Any], observed: Mapping[str, Any]) -> tuple[Change, ...]:
    """Return what an update would change, from *observed* to *declared*; empty when both mean the same.

    Both hold names, not IDs (``with_names``). A setting that only the engine still has is a change too.
    """
    old, new = normal_service(observed), normal_service(declared)
    return _changes(_leaves(old), _leaves(new)) if old != new else ()


def network_changes(declared: Mapping[str, Any], observed: Mapping[str, Any]) -> tuple[Change, ...]:
    """Return how an existing network differs from its declaration; none of it can be changed in place.

    Subnets count when declared: the engine adds its own. Encryption counts by the option's presence.
    """
    wanted, found = _options(declared), _options(observed)
    pairs = [
        ("Driver", observed.get("Driver") or "overlay", declared.get("Driver") or "overlay"),
        ("Options.encrypted", _yes("encrypted" in found), _yes("encrypted" in wanted)),
        ("Attachable", _yes(observed.get("Attachable")), _yes(declared.get("Attachable"))),
        ("Internal", _yes(observed.get("Internal")), _yes(declared.get("Internal"))),
    ]
    found[VXLAN_NUMBERS] = declared_numbers(wanted.get(VXLAN_NUMBERS, ""), found.get(VXLAN_NUMBERS, ""))
    keys = sorted((wanted.keys() | found.keys()) - {"encrypted"})
    pairs += [(f"Options.{key}", found.get(key, ""), wanted.get(key, "")) for key in keys]
    pairs.append(("EnableIPv6", _yes(observed.get("EnableIPv6")), _yes(declared.get("EnableIPv6"))))
    # Of drivers whose networks are each host's own, as a bridge, the managers drop it and tell none.
    if (observed.get("IPAM") or {}).get("Driver"):
        pairs.append(("IPAM.Driver", _addresses_by(observed), _addresses_by(declared)))
    if _subnets(declared):
        pairs.append(("IPAM.Config", ", ".join(_subnets(observed)), ", ".join(_subnets(declared))))
    return tuple(Change(path, old, new) for path, old, new in pairs if old != new)


def label_changes(declared: Mapping[str, Any], observed: Mapping[str, Any]) -> tuple[Change, ...]:
    """Return which labels of an existing network are not as declared; those by which we know it again aside."""
    wanted, found = declared.get("Labels") or {}, observed.get("Labels") or {}
    keys = sorted((wanted.keys() | found.keys()) - {STACK_LABEL, NETWORK_LABEL})
    pairs = [(f"Labels.{key}", str(found.get(key, "")), str(wanted.get(key, ""))) for key in keys]
    return tuple(Change(path, _told(path, old), _told(path, new)) for path, old, new in pairs if old != new)


def declared_numbers(wanted: str, found: str) -> str:
    """Return of the VXLAN numbers *found* as many as were *wanted*: the engine adds one for each further subnet."""
    amount = len(wanted.split(",")) if wanted else 0
    return ",".join(found.split(",")[:amount])


def with_names(spec: Mapping[str, Any], network_names: Mapping[str, str]) -> dict[str, Any]:
    """Return an observed spec with the networks' names for their IDs; secrets and configs carry theirs.

    What needs no name is shared with *spec*.
    """
    named = dict(spec)
    task = dict(named.get("TaskTemplate") or {})
    container = task.get("ContainerSpec") or {}
    privileges = container.get("Privileges") or {}
    account = privileges.get("CredentialSpec") or {}
    if account.get("Config"):
        names = {one.get("ConfigID"): one["ConfigName"] for one in container.get("Configs") or ()}
        by_name = {**account, "Config": names.get(account["Config"], account["Config"])}
        task["ContainerSpec"] = {**container, "Privileges": {**privileges, "CredentialSpec": by_name}}
    for holder in (named, task):
        if holder.get("Networks"):
            holder["Networks"] = [
                {**one, "Target": network_names.get(one["Target"], one["Target"])} for one in holder["Networks"]
            ]
    if task:
        named["TaskTemplate"] = task
    return named


def carry_over(declared: Mapping[str, Any], observed: Mapping[str, Any]) -> dict[str, Any]:
    """Return *declared* with the observed ForceUpdate: an update without it would restart every task.

    So too with the platforms that Docker's tool has asked the registry for, while the image is theirs: tasks would go
    to nodes that cannot run it.
    """
    carried = copy.deepcopy(dict(declared))
    theirs, task = observed.get("TaskTemplate") or {}, carried.get("TaskTemplate") or {}
    platforms = (theirs.get("Placement") or {}).get("Platforms")
    if platforms and (theirs.get("ContainerSpec") or {}).get("Image") == (task.get("ContainerSpec") or {}).get("Image"):
        task["Placement"] = {**(task.get("Placement") or {}), "Platforms": platforms}
    force = (observed.get("TaskTemplate") or {}).get("ForceUpdate")
    if force:
        carried["TaskTemplate"]["ForceUpdate"] = force
    return carried


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Change, ...]:
    differing = [path for path in sorted(old.keys() | new.keys()) if old.get(path) != new.get(path)]
    return tuple(Change(path, _shown(path, old), _shown(path, new)) for path in differing)


def _told(path: str, value: str) -> str:
    return shown_value(path, value) if value else ""


def _shown(path: str, leaves: Mapping[str, Any]) -> str:
    return shown_value(path, leaves[path]) if path in leaves else ""


def _leaves(value: Any, path: str = "") -> dict[str, Any]:
    return dict(_walk(value, path))


def _walk(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _walk(item, f"{path}.{key}" if path and key else path or key)
    else:
        yield path, value


def _options(network: Mapping[str, Any]) -> dict[str, str]:
    return dict(network.get("Options") or {})


def _addresses_by(network: Mapping[str, Any]) -> str:
    """Return the driver of addresses; a plugin has a name like an image, with or without its tag."""
    return str((network.get("IPAM") or {}).get("Driver") or DEFAULT_DRIVER).removesuffix(":latest")


def _subnets(network: Mapping[str, Any]) -> list[str]:
    return sorted(subnets_of(network))


def _yes(value: object) -> str:
    return "true" if value else "false"
