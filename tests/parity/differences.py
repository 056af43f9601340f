"""Two stacks as the engine reads them back, in one form; and what may differ between them, with the reason."""

from __future__ import annotations

import ipaddress
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from swarmkit.declared.stack.service import Stack
from swarmkit.plan.stacks.spec_diff import VXLAN_NUMBERS

NAMESPACE = "com.docker.stack.namespace"
Specs = dict[str, Any]

ALLOWED = {
    r"(secrets|configs)\..*\.Labels\.swarmkit\.key": "our versions of one file are found by it",
    r"networks\..*\.Options\.com\.docker\.network\.driver\.overlay\.vxlanid_list": "numbered by the engine, of a "
    "network whose number the file does not declare",
    r"configs\.[^.]*\.before-\d+\..*": "our record of what ran before, for `swarmkit rollback`",
}
"""Fields that differ between the tools, each with the reason; on both engines the same."""
PASSED_OVER: Mapping[str, str] = {
    "services: all but Spec": "the engine's own: identity, version, times, addresses of the service",
    "networks: Id, Created, Peers, Containers": "the engine's own, and what is on it at the moment",
    "networks: ConfigFrom, ConfigOnly, Ingress": "a stack of docker's tool can ask for none of them",
    "networks: IPAM.Config.Gateway, IPRange, AuxiliaryAddresses": "docker's tool takes subnets alone; the engine adds "
    "the gateway",
    "networks: IPAM.Config, order of subnets": "the engine's own: IPv4 first",
    "networks: IPAM.Config from the pool": "the next free one, another each time; the corpus declares none in the pool",
    "services: Networks.Target": "an ID; the network's name is compared in its place",
    "services: SecretID, ConfigID": "an ID; the name is compared in its place, also in CredentialSpec",
    "secrets, configs: the hash that ends a name": "our names carry their content; docker's tool gives the plain one",
    "services: order of Secrets, Configs": "docker's tool has several references to one in another order each time: "
    "they come out of a map (docker/cli cli/command/service/parse.go)",
    "objects without a stack's label": "external ones, made beforehand for both tools; or the engine's, as ingress",
}
"""What `by_stack` leaves out or makes alike before anything is compared, each with the reason."""
REFUSALS_PASSED_OVER: Mapping[str, str] = {
    "B35": "the only host has no label that a constraint asks for, and is drained"
}
"""Findings of swarmkit on which a stack is deployed all the same."""
# Mounts of images came with API 1.48, of engine 28.0.
_REFUSED = {"image-mounts": 'invalid MountType: "image"', "secret-drivers": 'plugin "vault" not found'}
REFUSED_ON: Mapping[str, Mapping[str, str]] = {
    "26.1": _REFUSED,
    # Cluster volumes came with API 1.42.
    "20.10": {"cluster-volumes": 'invalid MountType: "cluster"', **_REFUSED},
}
"""Stacks that an engine refuses of both tools, and what it says."""
_VERSION = re.compile(r"-[0-9a-f]{12}$")
_POOL = ipaddress.ip_network("10.0.0.0/8")
_NETWORK = ("Driver", "Options", "Labels", "Attachable", "Internal", "EnableIPv6", "Scope", "IPAM")


def by_stack(raw: Mapping[str, list[dict[str, Any]]], names: Mapping[str, str]) -> dict[str, Specs]:
    """Return what was read back by stack, kind and name: *names* for networks' IDs, and no hashes of contents."""
    found: dict[str, Specs] = defaultdict(lambda: defaultdict(dict))
    for service in raw["services"]:
        spec = service["Spec"]
        for network in spec["TaskTemplate"].get("Networks", ()):
            network["Target"] = names[network["Target"]]
        _name_files(spec["TaskTemplate"]["ContainerSpec"])
        found[spec["Labels"][NAMESPACE]]["services"][spec["Name"]] = spec
    for network in raw["networks"]:
        if stack := (network["Labels"] or {}).get(NAMESPACE):
            found[stack]["networks"][network["Name"]] = _network({key: network[key] for key in _NETWORK})
    for kind in ("secrets", "configs"):
        for item in raw[kind]:
            if stack := (item["Spec"]["Labels"] or {}).get(NAMESPACE):
                found[stack][kind][_VERSION.sub("", item["Spec"].pop("Name"))] = item["Spec"]
    return found


def _network(spec: dict[str, Any]) -> dict[str, Any]:
    """Return the network with its declared subnets; one of the engine's own pool is another each time."""
    subnets = sorted(one["Subnet"] for one in spec["IPAM"]["Config"] or ())
    is_from_pool = any(_in_pool(subnet) for subnet in subnets)
    return {**spec, "IPAM": {**spec["IPAM"], "Config": "from the pool" if is_from_pool else subnets}}


def _in_pool(subnet: str) -> bool:
    network = ipaddress.ip_network(subnet)
    return isinstance(network, ipaddress.IPv4Network) and network.subnet_of(_POOL)


def _name_files(container: dict[str, Any]) -> None:
    account = (container.get("Privileges") or {}).get("CredentialSpec") or {}
    for what in ("Secret", "Config"):
        for reference in container.get(f"{what}s", ()):
            name = _VERSION.sub("", reference[f"{what}Name"])
            if account.get(what) == reference.pop(f"{what}ID"):
                account[what] = name
            reference[f"{what}Name"] = name
        container.get(f"{what}s", []).sort(key=lambda one: json.dumps(one, sort_keys=True))


def numbers_of(stack: Stack) -> frozenset[str]:
    """Return the fields of the VXLAN numbers that the file itself declares: they are to be the same."""
    declaring = (one for one in stack.networks if VXLAN_NUMBERS in one.driver_options)
    return frozenset(f"networks.{one.name}.Options.{VXLAN_NUMBERS}" for one in declaring)


def differences(docker: Specs, ours: Specs, declared: frozenset[str] = frozenset()) -> list[str]:
    """Return each field that differs and is not allowed to, with both values; those *declared* never may."""
    left, right = dict(_leaves(docker, "")), dict(_leaves(ours, ""))
    differing = [path for path in sorted(left.keys() | right.keys()) if left.get(path) != right.get(path)]
    allowed = {path for path in differing if any(re.fullmatch(pattern, path) for pattern in ALLOWED)} - declared
    real = [path for path in differing if path not in allowed]
    return [f"{path}: docker {left.get(path)}, swarmkit {right.get(path)}" for path in real]


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else key)
    else:
        yield path, json.dumps(value, sort_keys=True)
