"""Checks of single hosts: disk, kernel settings, links, certificates, engine; pure."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Iterator

from swarmkit.doctor.evidence import Evidence, HostEvidence
from swarmkit.finding import Finding
from swarmkit.plan.refusals import version_tuple

DISK_ERROR_KIB = 512 * 1024
DISK_WARNING_KIB = 2 * 1024 * 1024
DISK_WARNING_SHARE = 0.15
INODES_WARNING_SHARE = 0.05
CONNTRACK_WARNING_SHARE = 0.8
_DOCKER_MARK = "mark 0xd0c4e3"
_USUAL_WARNINGS = ("No cpuset support", "No swap limit support", "bridge-nf-call-ip6tables is disabled")
"""What engines say on most hosts and what no swarm suffers of."""


def check_disk(host: HostEvidence) -> Iterator[Finding]:
    """Yield H38: raft cannot write on a full disk, and a manager that loses power on one does not start again."""
    for section, unit in (("disk", "KiB"), ("inodes", "inodes")):
        numbers = host.said.get(section, "").splitlines()[-1:]
        words = numbers[0].split() if numbers else []
        if len(words) < 6 or not words[3].isdigit() or not words[1].isdigit() or int(words[1]) == 0:
            continue
        free, share = int(words[3]), int(words[3]) / int(words[1])
        evidence = f"{free} {unit} free of {words[1]} at {words[5]}"
        remedy = f"on {host.name}: docker system df; docker image prune; or a larger disk"
        if unit == "KiB" and free < DISK_ERROR_KIB:
            yield Finding("H38", "error", host.name, "its disk is almost full", evidence, remedy)
        elif unit == "KiB" and free < DISK_WARNING_KIB and share < DISK_WARNING_SHARE:
            yield Finding("H38", "warning", host.name, "its disk is getting full", evidence, remedy)
        elif unit == "inodes" and share < INODES_WARNING_SHARE:
            yield Finding("H38", "error", host.name, "its disk has almost no inodes left", evidence, remedy)


def check_kernel_settings(host: HostEvidence) -> Iterator[Finding]:
    """Yield H26 and H27: settings with which containers or the data path lose packets."""
    kernel = host.kernel
    for name, setting in (("ip_forward", "net.ipv4.ip_forward"), ("bridge_nf", "net.bridge.bridge-nf-call-iptables")):
        if kernel.get(name) == "0":
            yield Finding(
                "H26", "error", host.name, f"{setting} is 0: containers do not reach other hosts", f"{setting} = 0",
                f"on {host.name}: echo '{setting} = 1' > /etc/sysctl.d/99-docker.conf && sysctl --system",
            )  # fmt: skip
    cards = {link.name for link in host.links if not link.kind and link.name != "lo"}
    used = {device for device in host.facts.system.addresses.values() if device in cards}
    if kernel.get("rp_filter") == "1" and len(used) > 1:
        yield Finding(
            "H27", "warning", host.name, "strict reverse-path filtering on several interfaces drops overlay frames",
            f"net.ipv4.conf.all.rp_filter = 1, addresses on {', '.join(sorted(used))}",
            f"on {host.name}: sysctl -w net.ipv4.conf.all.rp_filter=2, and the same in /etc/sysctl.d",
        )  # fmt: skip
    most, count = int(kernel.get("conntrack_max", "0")), int(kernel.get("conntrack_count", "0"))
    if most and count > most * CONNTRACK_WARNING_SHARE:
        yield Finding(
            "D01", "warning", host.name, "its connection tracking table is almost full: new connections will be lost",
            f"{count} of {most} entries", f"on {host.name}: sysctl -w net.netfilter.nf_conntrack_max={most * 2}",
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


def check_links(host: HostEvidence) -> Iterator[Finding]:
    """Yield H10 and H65: a network card whose checksums break VXLAN, and VXLAN links left in the host's namespace."""
    for line in host.said.get("drivers", "").splitlines():
        name, _, driver = line.partition(" ")
        if driver.endswith("/vmxnet3"):
            yield Finding(
                "H10", "warning", host.name, "vmxnet3 computes wrong checksums for VXLAN: ping works, TCP does not",
                line, f"on {host.name}: ethtool -K {name} tx-checksum-ip-generic off, kept by a udev rule",
            )  # fmt: skip
    for link in host.links:
        if link.kind == "vxlan" and link.name.startswith("vx-"):
            yield Finding(
                "H65", "warning", host.name, f"a VXLAN link of an overlay was left behind: {link.name}",
                f"VNI {link.vni}", f"when no task of that network runs on {host.name}: ip link delete {link.name}",
            )  # fmt: skip


def check_engine(host: HostEvidence) -> Iterator[Finding]:
    """Yield what the engine's own settings and its host's services forbid or put at risk."""
    info, version = host.info, version_tuple(host.facts.engine.version)
    backend = str((info.get("FirewallBackend") or {}).get("Driver", "iptables"))
    if backend.startswith("nftables") and version < (29, 6):
        yield Finding(
            "H23", "error", host.name, "its engine uses nftables, which a swarm refuses", f"firewall backend {backend}",
            'remove "firewall-backend" from /etc/docker/daemon.json and restart docker',
        )  # fmt: skip
    if any("name=userns" in option for option in info.get("SecurityOptions") or []):
        yield Finding("H41", "warning", host.name, "its engine maps user ids: volumes and host networks are limited")
    if str(info.get("CgroupVersion", "2")) == "1":
        yield Finding(
            "H45", "warning", host.name, "it has control groups of version 1, which Docker gives up", "cgroup v1",
            "boot with systemd.unified_cgroup_hierarchy=1",
        )  # fmt: skip
    for said in info.get("Warnings") or []:
        if said.startswith("WARNING: No") and not any(usual in said for usual in _USUAL_WARNINGS):
            yield Finding("H45", "warning", host.name, "a limit that a stack asks for may not hold here", str(said))
    if host.said.get("boot", "enabled") not in ("enabled", "static", "indirect", ""):
        yield Finding(
            "D02", "warning", host.name, "Docker does not start when this host boots: the node stays down",
            f"docker.service is {host.said['boot']}", f"on {host.name}: systemctl enable docker",
        )  # fmt: skip


def check_proxy(evidence: Evidence, host: HostEvidence) -> Iterator[Finding]:
    """Yield B56: an engine that asks a proxy for its peers."""
    proxied = host.info.get("HttpProxy") or host.info.get("HttpsProxy")
    without = str(host.info.get("NoProxy", ""))
    missing = [peer.advertise for peer in evidence.peers.values() if not _in_no_proxy(peer.advertise, without)]
    if proxied and missing:
        yield Finding(
            "B56", "warning", host.name, "its engine asks a proxy for other hosts of the swarm",
            f"NO_PROXY lacks {', '.join(missing)}",
            f"add them to NO_PROXY of docker.service on {host.name} and restart docker",
        )  # fmt: skip


def _in_no_proxy(address: str, without: str) -> bool:
    for entry in without.replace(" ", "").split(","):
        try:
            if ipaddress.ip_address(address) in ipaddress.ip_network(entry, strict=False):
                return True
        except ValueError:
            continue
    return False


def check_certificate(host: HostEvidence, now: datetime.datetime) -> Iterator[Finding]:
    """Yield H35: a node certificate that has ended or ends before Docker would have renewed it."""
    text = host.said.get("certificate", "")
    if "BEGIN CERTIFICATE" not in text:
        return
    from cryptography import x509

    certificate = x509.load_pem_x509_certificates(text.encode())[0]
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    evidence = f"valid from {begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC"
    if now > end:
        yield Finding("H35", "error", host.name, "its swarm certificate has ended", evidence, _REJOIN)
    elif (end - now) < (end - begin) * 0.15:
        # Docker renews between half and four fifths of the time (moby swarmkit ca/renewer.go).
        yield Finding(
            "H35", "warning", host.name, "its swarm certificate ends soon and was not renewed when it was due",
            evidence, "see that the node reaches a manager's port 2377, then: docker swarm ca --rotate",
        )  # fmt: skip


_REJOIN = "a worker: docker swarm leave, then swarmkit up; the last manager: docker swarm init --force-new-cluster"
