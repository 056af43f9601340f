"""Rules of a host's firewall, not Docker's, that lead a port into a container past all publication; pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from swarmkit.observed.model import Route
from swarmkit.verify.encryption.firewall import rule_lines
from swarmkit.verify.encryption.xfrm import UnreadableError

_LED = re.compile(
    r"-A (?!DOCKER)\S+ (?:.* )?-p tcp (?:.* )?--dport (?P<port>\d+) (?:.* )?"
    r"-j DNAT --to-destination (?P<address>[\d.]+)(?::(?P<inner>\d+))?$"
)
_OF_DOCKER = ("docker", "br-")
"""How the bridges begin that containers are reached by from their host."""


def led_past(rules: str, routes: Iterable[Route]) -> dict[int, int]:
    """Return by port of the host the port of a container that a rule leads it to; nothing of rules that are unreadable.

    *rules*: the table nat, as ``iptables -S`` prints it. What leads elsewhere, as to a virtual machine, is left out.
    """
    try:
        lines = rule_lines(rules)
    except UnreadableError:  # told by V06
        return {}
    bridges = [ipaddress.ip_network(route.destination) for route in routes if route.device.startswith(_OF_DOCKER)]
    found: dict[int, int] = {}
    for led in filter(None, map(_LED.match, lines)):
        address = ipaddress.ip_address(led["address"])
        if any(address in bridge for bridge in bridges):
            found[int(led["port"])] = int(led["inner"] or led["port"])
    return found
