"""What an engine runs containers by; pure."""

from __future__ import annotations

from collections.abc import Iterator

from swarmkit.doctor.evidence import HostEvidence
from swarmkit.finding import Finding
from swarmkit.observed.parse import has_containerd
from swarmkit.plan.engines.remedies import containerd_back


def check_containerd(host: HostEvidence) -> Iterator[Finding]:
    """Yield D16: an engine whose containerd is gone. It is a ready node, starts no task and hears of none that ends."""
    if not has_containerd(host.info):
        yield Finding(
            "D16", "error", host.name,
            "its engine has no containerd: no task starts here, and of one that ends the managers are not told",
            "docker info: containerd version: N/A", containerd_back(host.name),
        )  # fmt: skip
