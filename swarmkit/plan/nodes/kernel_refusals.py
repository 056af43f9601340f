"""Why a plan is refused for what a kernel lacks; pure."""

from __future__ import annotations

from collections.abc import Iterator

from swarmkit.finding import Finding
from swarmkit.observed.model import HostFacts, Observed
from swarmkit.plan.refusals import version_tuple

_FEATURES = {
    "esp": "CONFIG_INET_ESP and CONFIG_CRYPTO_GCM",
    "policy": "CONFIG_XFRM_USER",
    "mark": "CONFIG_NETFILTER_XT_MATCH_BPF",
    "refuse": "CONFIG_NETFILTER_XT_MATCH_POLICY",
}
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
        needed = [feature for feature in _FEATURES if feature != "mark" or not marks_by_u32(facts)]
        for feature, said in kernel.lacking(*needed).items():
            yield Finding(
                "H04", "error", name, "its kernel cannot carry an encrypted overlay",
                f"{feature}: {said}", f"it needs a kernel with {_FEATURES[feature]}: modprobe -a esp4 xfrm_user xt_bpf",
            )  # fmt: skip
        if kernel.lacking("vxlan"):
            yield Finding(
                "H04", "error", name, "its kernel has no VXLAN", kernel.answers.get("vxlan", ""), "modprobe vxlan"
            )
        if kernel.lacking("ipvs"):
            yield Finding(
                "H20", "error", name, "its kernel has no IPVS: service addresses and published ports would be dead",
                kernel.answers.get("ipvs", ""),
                "modprobe ip_vs, or a kernel with CONFIG_IP_VS; then restart the engine where it is in a swarm",
            )  # fmt: skip
        elif lacking := kernel.lacking("mesh"):
            yield Finding(
                "H20", "error", name, "its kernel refuses the rules of published ports: they would be dead",
                lacking["mesh"],
                "modprobe -a xt_ipvs xt_REDIRECT xt_mark, or a kernel with CONFIG_NETFILTER_XT_MATCH_IPVS",
            )  # fmt: skip
