"""What would make a stack's macvlan and ipvlan networks again, and their way back from it; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from swarmkit.finding import Finding
from swarmkit.observed.model import NetworkState, Observed
from swarmkit.plan.model import Operation, Step
from swarmkit.plan.networks.lan_removal import live_lans
from swarmkit.plan.networks.operations import CreateHostNetwork
from swarmkit.plan.networks.wish import NetworkWish
from swarmkit.plan.stacks.operations import CreateNetwork

Json = dict[str, Any]


def lan_bodies(observed: Observed, stack: str) -> tuple[Json, ...]:
    """Return of each LAN network of *stack* the body of the swarm's network, and by host that of its part."""
    lans = live_lans(observed.cluster, observed, stack)
    return tuple(
        {
            "network": _over(network).body,
            "parts": {host: _wish(part.raw).body for host, part in lans.parts if part.name == network.config_from},
        }
        for network in lans.networks
    )


def lan_operations(lan: Mapping[str, Any], observed: Observed) -> Iterator[Operation]:
    """Yield the creation of each host's part that is not there, and of the swarm's network over them."""
    reason = "it was there before"
    made: set[str] = set()
    for host, body in lan["parts"].items():
        if host in observed.hosts and observed.hosts[host].engine.config_network(body["Name"]) is None:
            key = f"network:{body['Name']}@{host}"
            made.add(key)
            step = Step(key, "network", "create", host, f"create config-only network {body['Name']}", reason)
            yield CreateHostNetwork(step, host, _wish(body))
    name, driver = str(lan["network"]["Name"]), lan["network"]["Driver"]
    step = Step(f"network:{name}", "network", "create", name, f"create {driver}", reason, frozenset(made))
    yield CreateNetwork(step, lan["network"])


def lan_obstacles(lan: Mapping[str, Any], observed: Observed) -> Iterator[Finding]:
    """Yield the hosts whose part was made anew since, with other settings."""
    for host, body in lan["parts"].items():
        live = observed.hosts[host].engine.config_network(body["Name"]) if host in observed.hosts else None
        changes = _wish(body).differences(live.raw) if live else ()
        if changes:
            what = f"the config-only network {body['Name']} on {host} was made anew since, with other settings"
            evidence = "; ".join(f"{change.path}: live {change.old}, before {change.new}" for change in changes)
            remedy = f"remove it with swarmkit network rm, or run swarmkit up with the earlier file: {body['Name']}"
            yield Finding("H73", "error", str(lan["network"]["Name"]), what, evidence, remedy)


def _over(network: NetworkState) -> NetworkWish:
    raw = network.raw
    return NetworkWish(
        name=network.name, driver=network.driver, scope="swarm", config_from=network.config_from,
        attachable=bool(raw.get("Attachable")), internal=bool(raw.get("Internal")),
    )  # fmt: skip


def _wish(raw: Mapping[str, Any]) -> NetworkWish:
    entries = (raw.get("IPAM") or {}).get("Config") or []
    return NetworkWish(
        name=str(raw["Name"]),
        driver="null",
        subnets=tuple(str(entry["Subnet"]) for entry in entries),
        gateways=tuple(str(entry.get("Gateway") or "") for entry in entries),
        ip_ranges=tuple(str(entry.get("IPRange") or "") for entry in entries),
        aux_addresses=tuple(entry.get("AuxiliaryAddresses") or {} for entry in entries),
        options=dict(raw.get("Options") or {}),
        labels=dict(raw.get("Labels") or {}),
        internal=bool(raw.get("Internal")),
        ipv6=bool(raw.get("EnableIPv6")),
        config_only=True,
    )
