"""Why a plan is refused for what a kernel lacks; pure."""

from __future__ import annotations

from collections.abc import Iterator

from swarmkit.finding import Finding
from swarmkit.observed.model import Observed

_FEATURES = {
    "esp": "CONFIG_INET_ESP and CONFIG_CRYPTO_GCM",
    "policy": "CONFIG_XFRM_USER",
    "mark": "CONFIG_NETFILTER_XT_MATCH_BPF",
    "refuse": "CONFIG_NETFILTER_XT_MATCH_POLICY",
}


def kernel_refusals(observed: Observed) -> Iterator[Finding]:
    """Yield what the kernels lack for an encrypted overlay and for service addresses, of hosts that were asked."""
    for name, facts in observed.hosts.items():
        kernel = facts.system.kernel
        if kernel is None:
            continue
        for feature, said in kernel.lacking(*_FEATURES).items():
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
                kernel.answers.get("ipvs", ""), "modprobe ip_vs, or install a kernel with CONFIG_IP_VS",
            )  # fmt: skip
        elif lacking := kernel.lacking("mesh"):
            yield Finding(
                "H20", "error", name, "its kernel refuses the rules of published ports: they would be dead",
                lacking["mesh"],
                "modprobe -a xt_ipvs xt_REDIRECT xt_mark, or a kernel with CONFIG_NETFILTER_XT_MATCH_IPVS",
            )  # fmt: skip
