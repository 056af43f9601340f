"""Swarm ports that stand open to everybody; pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from swarmkit.declared.inventory.host import Host
from swarmkit.doctor.evidence import Evidence
from swarmkit.finding import Finding

_CHAIN = "SWARM-PEERS"
_STRANGERS = ("9.9.9.9", "77.88.8.8", "203.0.114.1")
"""Public addresses far from one another, so that no range of one network's is taken for everybody."""


def check_exposed(evidence: Evidence) -> Iterator[Finding]:
    """Yield H33: hosts with a public address, be it another than the swarm's: its ports listen on all of them."""
    for host in evidence.inventory.hosts:
        carried = evidence.hosts[host.name].facts.system.addresses
        known = {host.advertise_addr or host.address: "", **carried}
        public = [address for address in known if _is_public(address) and not _is_closed(evidence, host, address)]
        if public:
            what = "its swarm ports are on a public address: 2377, 7946 and the data path listen on every interface"
            seen = ", ".join(f"{address} on {known[address]}" if known[address] else address for address in public)
            yield Finding("H33", "warning", host.name, what, seen, _remedy(evidence, host.name, public))


def _is_public(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_global
    except ValueError:
        return False


def _is_closed(evidence: Evidence, host: Host, address: str) -> bool:
    """Tell whether the host's own rules surely drop what strangers send to the swarm's ports at *address*."""
    rules = evidence.rules.get(host.name)
    if rules is None or _version(address) != 4:
        return False
    kinds = ["tcp/7946", "udp/7946", f"udp/{evidence.data_path_port}", *(["tcp/2377"] * (host.role == "manager"))]
    found = [rules.drops(kind, one, address, is_sent=False) for kind in kinds for one in _STRANGERS]
    return all(any(drop.is_sure for drop in drops) for drops in found)


def _remedy(evidence: Evidence, host: str, public: list[str]) -> str:
    """Return rules that let the hosts' own addresses alone to these ports.

    What is let through goes back to the chain it came from, where Docker's own rules drop clear frames of encrypted
    overlays. Other ports, SSH's among them, are not touched.
    """
    lines = [f"where no firewall before it does, on {host}:"]
    for version, command in ((4, "iptables"), (6, "ip6tables")):
        targets = [address for address in public if _version(address) == version]
        if targets:
            sources = [address for address in _own_addresses(evidence, host) if _version(address) == version]
            rules = [f"-N {_CHAIN}", *(f"-A {_CHAIN} -s {source} -j RETURN" for source in sources)]
            rules.append(f"-A {_CHAIN} -j DROP")
            to = f"-I INPUT -d {','.join(targets)}"
            for protocol, ports in (("tcp", "2377,7946"), ("udp", f"7946,{evidence.data_path_port}")):
                rules.append(f"{to} -p {protocol} -m multiport --dports {ports} -j {_CHAIN}")
            lines.append(" && ".join(f"{command} -w {rule}" for rule in rules))
    lines.append("in a cloud's security group: 2377/tcp, 7946/tcp, 7946/udp and the data path from these hosts alone")
    return "\n".join(lines)


def _own_addresses(evidence: Evidence, host: str) -> list[str]:
    """Return what the hosts may send from, those that could not be read included, and *host* to itself."""
    peers = [address for peer in evidence.peers.values() for address in (peer.advertise, peer.data)]
    unread = [
        address
        for one in evidence.unread
        for address in (one.advertise_addr, one.data_path_addr, one.address)
        if address and _version(address)
    ]
    return list(dict.fromkeys((*peers, *unread, *evidence.hosts[host].facts.system.addresses)))


def _version(address: str) -> int:
    try:
        return ipaddress.ip_address(address).version
    except ValueError:
        return 0
