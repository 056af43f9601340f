"""How a host is booted anew; a node's tasks go elsewhere first."""

from __future__ import annotations

from swarmkit.doctor.evidence import HostEvidence


def rebooted(host: HostEvidence) -> str:
    """Return the commands that boot *host* anew."""
    reboot = f"on {host.name}: systemctl reboot"
    if host.facts.engine.swarm_state != "active":
        return reboot
    return f"swarmkit node drain {host.name}; {reboot}; when it is back: swarmkit node activate {host.name}"
