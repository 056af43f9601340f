"""Who answers on a host's own LAN. Sends ARP probes, which change nothing on any machine."""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterable

from swarmkit.errors import SwarmkitError
from swarmkit.observed.networks import ON_LAN, HostNetwork
from swarmkit.reach.fleet import Shell

PROBE_TIMEOUT_SECONDS = 30.0
_SCRIPT = 'script=$1; shift; exec perl -e "$script" "$@"'


def answering(shell: Shell, device: str, addresses: Iterable[str]) -> dict[str, str]:
    """Return those of the IPv4 *addresses* that a machine on the link of *device* answers for, with its MAC address."""
    probe = importlib.resources.files("swarmkit.observed").joinpath("arp.pl").read_text()
    result = shell.run(_SCRIPT, (probe, device, *addresses), timeout_seconds=PROBE_TIMEOUT_SECONDS)
    if result.exit_code != 0:
        raise SwarmkitError(
            f"it cannot be asked who has addresses on {device}", result.stderr.strip()[-300:], "perl is needed there"
        )
    return dict(line.split(" ", 1) for line in result.stdout.splitlines())


def is_answered(shell: Shell, address: str, network: HostNetwork | None) -> bool:
    """Ask for *address* on the link of the network's parent; only a macvlan's or ipvlan's addresses are on one."""
    parent = network.options.get("parent", "") if network else ""
    if network is None or network.driver not in ON_LAN or not parent or ":" in address:
        return False
    return bool(answering(shell, parent, [address]))


def has_device(shell: Shell, device: str) -> bool:
    """Tell whether the host has *device*; of ``eth0.50`` Docker makes the VLAN, so eth0 is asked for."""
    name = device.partition(".")[0]
    result = shell.run('test -e "/sys/class/net/$1"', (name,), timeout_seconds=PROBE_TIMEOUT_SECONDS, root=False)
    return result.exit_code == 0
