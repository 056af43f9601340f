"""What engines say of tasks that they reject, and what helps there."""

from __future__ import annotations

import re

LINK_LEFT = "error creating vxlan interface: file exists"
"""What stopped before its task's sandbox was taken away may leave a network's link: in the sandbox, which the engine
takes away when it starts, or in the host's own namespace, where no engine looks for it (both on 26.1)."""


def link_left_remedy(host: str) -> str:
    """Return what takes the link away, wherever it is; one that is in use is in a sandbox, never in the host's own."""
    links = "ip -br link show type vxlan | grep -o '^vx-[^ @]*'"
    return f"on {host}: {links} | sudo xargs -rn1 ip link delete; sudo systemctl restart docker (H65)"


NO_AGENT = "cannot create a swarm scoped network when swarm is not active"
"""An engine that became a node, or was started as one, may have left its network agent stopped (moby issues 34864 and
38318): it is ready, and its tasks on overlays are rejected until it is started again."""


def no_agent_remedy(host: str) -> str:
    return f"its engine's network agent did not start: on {host}: sudo systemctl restart docker; then run up again"


_TAKEN_PORT = re.compile(
    r"listen (?:tcp|udp)\S* \S+:(\d+): bind: address already in use"
    r"|Bind for \S+:(\d+) failed: port is already allocated"
    # Of engines 28 (moby libnetwork/drivers/bridge/port_mapping_linux.go) and 29 (portallocator/osallocator_linux.go).
    r"|failed to bind host port (?:for )?(?:\[\S*?\]|[\d.]+):(\d+)\S* address already in use"
)
"""Of a process of the host, and of another container."""


def taken_port(error: str) -> str:
    """Return the port that a task could not have, as something on its host has it; else nothing."""
    match = _TAKEN_PORT.search(error)
    return next(filter(None, match.groups())) if match else ""


def taken_port_remedy(host: str, port: str) -> str:
    return (
        f"on {host}: ss -lnptu 'sport = :{port}' names who has port {port} there: stop that, and the next task "
        "has it; or publish another port"
    )
