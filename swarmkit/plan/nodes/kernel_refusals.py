"""Why a plan is refused for what a kernel lacks; pure."""

from __future__ import annotations

from collections.abc import Iterator

from swarmkit.finding import Finding
from swarmkit.observed.model import HostFacts, Observed
from swarmkit.plan.engines.versions import version_tuple
from swarmkit.plan.nodes.kernel_modules import hindrances, way_to

_OF_ENCRYPTION = ("esp", "policy", "mark", "refuse")
_BPF_ALONE = (24,)
"""The first engines that know VNIs by xt_bpf alone; those before take xt_u32 where it lacks (HAZARDS H02)."""


def marks_by_u32(facts: HostFacts) -> bool:
    """Return whether the host's engine marks what it encrypts by xt_u32, as its kernel has no xt_bpf."""
    kernel = facts.system.kernel
    return (
        kernel is not None
        and "mark" in kernel.lacking("mark")
        and kernel.answers.get("u32") == "ok"
        and version_tuple(facts.engine.version) < _BPF_ALONE
    )


def kernel_refusals(observed: Observed) -> Iterator[Finding]:
    """Yield what the kernels lack for an encrypted overlay and for service addresses, of hosts that were asked."""
    for name, facts in observed.hosts.items():
        kernel = facts.system.kernel
        if kernel is None:
            continue
        needed = [feature for feature in _OF_ENCRYPTION if feature != "mark" or not marks_by_u32(facts)]
        for feature, said in kernel.lacking(*needed).items():
            yield Finding(
                "H04", "error", name, "its kernel cannot carry an encrypted overlay",
                f"{feature}: {said}{hindrances(feature, kernel)}", way_to(feature, facts),
            )  # fmt: skip
        for said in kernel.lacking("vxlan").values():
            yield Finding(
                "H04", "error", name, "its kernel has no VXLAN", f"{said}{hindrances('vxlan', kernel)}",
                way_to("vxlan", facts),
            )  # fmt: skip
        # An engine looks for IPVS once, when it starts.
        restart = " && systemctl restart docker" if facts.engine.swarm_state == "active" else ""
        if lacking := kernel.lacking("ipvs"):
            yield Finding(
                "H20", "error", name, "its kernel has no IPVS: service addresses and published ports would be dead",
                f"{lacking['ipvs']}{hindrances('ipvs', kernel)}", way_to("ipvs", facts, after=restart),
            )  # fmt: skip
        elif lacking := kernel.lacking("mesh"):
            yield Finding(
                "H20", "error", name, "its kernel refuses the rules of published ports: they would be dead",
                f"{lacking['mesh']}{hindrances('mesh', kernel)}", way_to("mesh", facts, after=restart),
            )  # fmt: skip
