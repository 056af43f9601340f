"""One engine's own networks and the containers on them, with libnetwork's rules that a command can run into."""

from __future__ import annotations

import copy
import ipaddress
from typing import TYPE_CHECKING

from fakes.cluster import Json, Refused

if TYPE_CHECKING:
    from fakes.swarm import FakeEngine


def local_network(engine: FakeEngine, identity: str) -> Json | None:
    """Return the host's own network of that ID or name."""
    networks = engine.config_networks
    return networks.get(identity) or next((one for one in networks.values() if one["Name"] == identity), None)


def create_local(engine: FakeEngine, body: Json) -> str:
    if local_network(engine, body["Name"]) and body.get("CheckDuplicate"):
        raise Refused(409, f"network with name {body['Name']} already exists")
    ipam = {"Driver": "default", "Options": None, "Config": [], **copy.deepcopy(body.get("IPAM") or {})}
    _check_driver(engine, ipam)
    if ipam["Driver"] == "null" and body["Driver"] == "bridge" and not body.get("ConfigOnly"):
        raise Refused(400, f"bridge network {body['Name']} requires ipv4 configuration")
    for entry in ipam["Config"]:
        _allocate(entry, config_only=bool(body.get("ConfigOnly")))
    identity = f"{body['Name']}-{engine.host}"
    engine.config_networks[identity] = {
        "Id": identity,
        "Name": body["Name"],
        "Created": engine.world.tick(),
        "Driver": "null" if body.get("ConfigOnly") else body["Driver"],
        "Scope": "local",
        "Internal": bool(body.get("Internal")),
        "Attachable": bool(body.get("Attachable")),
        "Ingress": False,
        "EnableIPv6": bool(body.get("EnableIPv6")),
        "ConfigOnly": bool(body.get("ConfigOnly")),
        "ConfigFrom": body.get("ConfigFrom") or {"Network": ""},
        "Options": dict(body.get("Options") or {}),
        "Labels": dict(body.get("Labels") or {}),
        "Containers": {},
        "IPAM": ipam,
    }
    return identity


def _check_driver(engine: FakeEngine, ipam: Json) -> None:
    if ipam["Driver"] == "null" and ipam["Config"]:
        raise Refused(400, "null ipam driver does not handle specific address pool requests")
    if ipam["Driver"] not in ("default", "null", *(plugin["Name"] for plugin in engine.plugins)):
        raise Refused(404, f'plugin "{ipam["Driver"]}" not found')


def _allocate(entry: Json, *, config_only: bool) -> None:
    """Take the gateway's address and then the auxiliary ones of a subnet, each of which is given once."""
    pool = ipaddress.ip_network(entry["Subnet"])
    # 26.1 names all that is wrong at once: "invalid network config", with 400.
    for name, address in (entry.get("AuxiliaryAddresses") or {}).items():
        if ipaddress.ip_address(address) not in pool:
            raise Refused(400, f"invalid auxiliary address {name}: parent subnet {pool} doesn't contain this address")
    if config_only:
        return
    entry.setdefault("Gateway", str(pool[1]))
    taken = {entry["Gateway"]}
    for name, address in (entry.get("AuxiliaryAddresses") or {}).items():
        if address in taken:
            raise Refused(500, f"failed to allocate secondary ip address ({name}:{address}): Address already in use")
        taken.add(address)


def remove_local(engine: FakeEngine, identity: str) -> None:
    network = local_network(engine, identity)
    assert network is not None
    if any(one.get("ConfigFrom", {}).get("Network") == network["Name"] for one in engine.config_networks.values()):
        raise Refused(403, f"configuration network {network['Name']!r} is in use")
    on_it = [
        container
        for container in engine.containers.values()
        if network["Name"] in container["NetworkSettings"]["Networks"] and container["State"] == "running"
    ]
    if on_it or network.get("Containers"):
        raise Refused(403, f"error while removing network: network {network['Name']} has active endpoints")
    del engine.config_networks[network["Id"]]


def connect(engine: FakeEngine, name: str, container: str, endpoint: Json) -> None:
    """Put *container* on a network as asked; of one of the swarm only the addresses are kept, as managers give them.

    A name that the engine does not know is taken for a container that is stopped, and looked for when it starts.
    """
    if container not in engine.containers:
        raise Refused(404, f"No such container: {container}")
    its = engine.containers[container]
    if its["State"] != "running" and name not in {one["Name"] for one in engine.find("networks")}:
        its["NetworkSettings"]["Networks"][name] = copy.deepcopy(endpoint)
        return
    network = local_network(engine, name) or engine.inspect("networks", name)
    asked = endpoint.get("IPAMConfig") or {}
    addresses = {"IPAddress": asked.get("IPv4Address", ""), "GlobalIPv6Address": asked.get("IPv6Address", "")}
    pools = [ipaddress.ip_network(entry["Subnet"]) for entry in (network.get("IPAM") or {}).get("Config") or ()]
    for key, address in addresses.items():
        if address and pools and not any(ipaddress.ip_address(address) in pool for pool in pools):
            raise Refused(400, f"invalid endpoint settings:\nno configured subnet contains IP address {address}")
        for other in engine.containers.values():
            its = other["NetworkSettings"]["Networks"].get(network["Name"], {})
            if address and its.get(key) == address:
                raise Refused(403, "Address already in use")
    kept = {key: copy.deepcopy(endpoint.get(key)) for key in ("Aliases", "Links", "DriverOpts", "IPAMConfig")}
    if network["Scope"] == "swarm":
        kept["IPAMConfig"] = {key: value for key, value in asked.items() if key != "LinkLocalIPs"}
    engine.containers[container]["NetworkSettings"]["Networks"][network["Name"]] = {**kept, **addresses}
