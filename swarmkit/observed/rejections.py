"""What engines say of tasks that they reject, and what helps there."""

from __future__ import annotations

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
