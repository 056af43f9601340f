"""What an engine runs containers by; pure."""

from __future__ import annotations

from collections.abc import Iterator

from swarmkit.doctor.evidence import HostEvidence
from swarmkit.finding import Finding

_UNKNOWN = "N/A"
"""What an engine says of a containerd that did not answer it (moby daemon/info_unix.go)."""


def check_containerd(host: HostEvidence) -> Iterator[Finding]:
    """Yield D16: an engine whose containerd is gone. It is a ready node, starts no task and hears of none that ends."""
    if (host.info.get("ContainerdCommit") or {}).get("ID") == _UNKNOWN:
        yield Finding(
            "D16", "error", host.name,
            "its engine has no containerd: no task starts here, and of one that ends the managers are not told",
            f"docker info: containerd version: {_UNKNOWN}",
            f"on {host.name}: systemctl restart containerd; systemctl restart docker; why it ended: "
            "journalctl -u containerd --since -1h",
        )  # fmt: skip
