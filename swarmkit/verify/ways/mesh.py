"""What the namespaces that balance load on a host do with what comes to published ports and to VIPs; pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass

from swarmkit.verify.encryption.firewall import rule_lines

_MARKED = re.compile(r"-A PREROUTING -p (\w+) .*--dport (\d+) -j MARK --set-x?mark (0x[0-9a-f]+|\d+)")
_AT_VIP = re.compile(r"-A INPUT -d ([\d.]+)/32 -j MARK --set-x?mark (0x[0-9a-f]+|\d+)")
_SERVICE = re.compile(r"FWM\s+([0-9A-F]{8}) ")
_SERVER = re.compile(r"-> ([0-9A-F]{8}):[0-9A-F]{4}\s+\w+\s+(\d+)")


@dataclass(frozen=True)
class Mesh:
    """Ports are marked, and IPVS leads each mark to tasks (moby libnetwork/service_linux.go)."""

    marks: Mapping[tuple[str, int], int]
    """(protocol, port) -> mark."""
    servers: Mapping[int, frozenset[str]]
    """Mark -> the addresses that it leads to."""

    def leads_to(self, protocol: str, port: int) -> frozenset[str] | None:
        """Return the addresses that *port* is led to; None where nothing marks it."""
        mark = self.marks.get((protocol, port))
        return None if mark is None else self.servers.get(mark, frozenset())


def parse_mesh(rules: str, services: str) -> Mesh:
    """Return the mesh of mangle *rules* and of the kernel's list of IPVS *services*; raises UnreadableError."""
    marks = {
        (found[1], int(found[2])): int(found[3], 0) for line in rule_lines(rules) if (found := _MARKED.match(line))
    }
    return Mesh(marks, _servers(services))


def vips_lead_to(rules: str, services: str) -> dict[str, frozenset[str]]:
    """Return by VIP of a network the addresses that it is led to; as *parse_mesh*, of that network's namespace."""
    servers = _servers(services)
    marks = {found[1]: int(found[2], 0) for line in rule_lines(rules) if (found := _AT_VIP.match(line))}
    return {vip: servers.get(mark, frozenset()) for vip, mark in marks.items()}


def _servers(services: str) -> dict[int, frozenset[str]]:
    """Return by mark the addresses that are given requests: one of weight 0, whose task ends, is given none."""
    servers: dict[int, set[str]] = {}
    mark = None
    for line in map(str.strip, services.splitlines()):
        if begun := _SERVICE.match(line):
            mark = int(begun[1], 16)
        elif not line.startswith("->"):
            mark = None  # a service of another kind
        elif mark is not None and (server := _SERVER.match(line)) and int(server[2]):
            servers.setdefault(mark, set()).add(str(ipaddress.IPv4Address(int(server[1], 16))))
    return {mark: frozenset(addresses) for mark, addresses in servers.items()}
