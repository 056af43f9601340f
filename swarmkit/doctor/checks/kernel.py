"""What a host's kernel, its modules and its network cards lack; pure."""

from __future__ import annotations

from collections.abc import Iterator

from swarmkit.doctor.checks.reboots import rebooted
from swarmkit.doctor.evidence import HostEvidence, Link
from swarmkit.finding import Finding
from swarmkit.observed.rejections import LINK_LEFT
from swarmkit.plan.nodes.kernel_modules import way_to
from swarmkit.plan.nodes.kernel_refusals import marks_by_u32

_DOCKER_MARK = "mark 0xd0c4e3"
_OTHER_PORT = "before the swarm is made, in the inventory, under vars: swarm_data_path_port: 7789"


def check_modules(host: HostEvidence) -> Iterator[Finding]:
    """Yield D06 and H22: modules that went with a kernel's upgrade, and such as an engine's upgrade will need."""
    lines = host.said.get("modules", "").splitlines()
    gone = [line.removeprefix("gone ") for line in lines if line.startswith("gone ")]
    if gone:
        yield Finding(
            "D06", "error", host.name, "the running kernel's modules are gone: what is not loaded yet cannot be",
            f"there is no /lib/modules/{gone[0]}", rebooted(host),
        )  # fmt: skip
        return
    if marks_by_u32(host.facts):
        yield Finding(
            "H22", "warning", host.name, "its kernel lacks what engines from 24.0 on need: they would not encrypt here",
            f"engine {host.facts.engine.version} takes xt_u32; no xt_bpf",
            f"before the engine is upgraded, {way_to('mark', host.facts)}",
        )  # fmt: skip
    missing = [line.partition("Module ")[2].split()[0] for line in lines if "Module " in line and " not found" in line]
    if missing:
        yield Finding(
            "H22", "warning", host.name, "its kernel lacks what engines from 28.0 on need: one will not start here",
            f"engine {host.facts.engine.version}; no module {', '.join(missing)}",
            f"before the engine is upgraded, on {host.name}: apt-get install linux-modules-extra-$(uname -r), or "
            "dnf install kernel-modules-extra-$(uname -r)",
        )  # fmt: skip


def check_other_ipsec(host: HostEvidence) -> Iterator[Finding]:
    """Yield H18: IPsec policies that are not Docker's; another stack may flush or overrule ours."""
    policies = _paragraphs(host.said.get("policies", ""))
    foreign = [policy for policy in policies if _DOCKER_MARK not in policy and "socket " not in policy]
    if foreign:
        yield Finding(
            "H18", "warning", host.name, "another IPsec user has policies here: its restart can remove Docker's",
            f"{len(foreign)} policies, the first: {foreign[0].splitlines()[0]}",
            "run swarmkit verify after each restart of that software (strongSwan, Cilium, ...)",
        )  # fmt: skip


def _paragraphs(text: str) -> list[str]:
    found: list[str] = []
    for line in text.splitlines():
        if line[:1].isspace() and found:
            found[-1] += "\n" + line
        elif line.strip():
            found.append(line)
    return found


def check_cards(host: HostEvidence) -> Iterator[Finding]:
    """Yield H09 and H10: hypervisors that swallow VXLAN, and cards that compute its checksums wrongly."""
    if "vmw_conn_notify" in host.said.get("modules", ""):
        yield Finding(
            "H09", "warning", host.name, "the hypervisor's guest introspection swallows large VXLAN frames",
            "a VMware guest with the module vmw_conn_notify",
            f"{_OTHER_PORT}; or stop the introspection agent",
        )  # fmt: skip
    for line in host.said.get("drivers", "").splitlines():
        name, driver, *offload = line.split()
        if driver != "vmxnet3" or offload == ["off"]:
            continue
        if offload:
            what, seen = "vmxnet3 computes wrong checksums for VXLAN: ping works, TCP does not", "is on"
        else:
            what, seen = "vmxnet3 may compute wrong checksums for VXLAN: whether it does was not read", "is not told"
        yield Finding(
            "H10", "warning", host.name, what, f"{name}: driver vmxnet3, tx-checksum-ip-generic {seen}",
            f"on {host.name}: {'' if offload else 'apt-get install -y ethtool || dnf install -y ethtool; '}"
            f"{_without_offload(name)}",
        )  # fmt: skip


def _without_offload(name: str) -> str:
    off = f"ethtool -K {name} tx-checksum-ip-generic off"
    rule = f'ACTION=="add", SUBSYSTEM=="net", KERNEL=="{name}", RUN+="/usr/bin/env {off}"'
    return f"{off} && echo '{rule}' | tee /etc/udev/rules.d/90-vxlan-{name}.rules"


def check_vxlan_links(host: HostEvidence, data_path_port: int) -> Iterator[Finding]:
    """Yield H65 and D07: VXLAN links that an overlay left behind, and others' on the swarm's port."""
    for link in host.links:
        if link.kind == "vxlan" and link.name.startswith("vx-"):
            yield Finding(
                "H65", "warning", host.name, f"a VXLAN link of an overlay was left behind: {link.name}",
                f"VNI {link.vni}; tasks of its network are rejected here: {LINK_LEFT}",
                f"on {host.name}: ip link delete {link.name}",
            )  # fmt: skip
        elif link.kind == "vxlan" and link.port == data_path_port:
            yield Finding(
                "D07", "warning", host.name, f"{link.name} is another VXLAN user on the swarm's data-path port",
                f"VNI {link.vni}, port {link.port}",
                _other_port(host, link),
            )  # fmt: skip


def _other_port(host: HostEvidence, link: Link) -> str:
    """Return what parts the two: a living swarm cannot change its own port."""
    theirs = f"another port for that software; what has it, on {host.name}: ip -d link show dev {link.name}"
    return theirs if host.facts.engine.swarm_state == "active" else f"{_OTHER_PORT}; or {theirs}"
