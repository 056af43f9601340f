"""What a host's disk, memory, kernel settings and files say; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from swarmkit.doctor.evidence import HostEvidence, Link
from swarmkit.finding import Finding

DISK_ERROR_KIB = 512 * 1024
DISK_WARNING_KIB = 2 * 1024 * 1024
DISK_WARNING_SHARE = 0.15
"""Of the whole; the larger of the two amounts should be free."""
INODES_WARNING_SHARE = 0.05
CONNTRACK_WARNING_SHARE = 0.8
MEMORY_WARNING_KIB = 64 * 1024
SWARM_PORTS = (2377, 7946)
_MADE_OF_CARDS = ("vlan", "bond", "team")
_OF_ENGINE = re.compile(r"docker0|docker_gwbridge|br-[0-9a-f]{12}")
"""Bridges that no frame of another host comes by."""


def check_disk(host: HostEvidence) -> Iterator[Finding]:
    """Yield H38: raft cannot write on a full disk, and a manager that loses power on one does not start again."""
    numbers = host.said.get("space", "").split()
    if len(numbers) < 5 or not all(number.isdigit() for number in numbers):
        return
    block, blocks, free_blocks, inodes, free_inodes = map(int, numbers)
    free, whole = free_blocks * block // 1024, blocks * block // 1024
    where = f"at {host.info.get('DockerRootDir', '/var/lib/docker')}"
    evidence = f"{free} KiB free of {whole} {where}"
    remedy = f"on {host.name}: docker system df; docker image prune; or a larger disk"
    is_full = free < whole * DISK_WARNING_SHARE
    if free < DISK_ERROR_KIB:
        what = "its disk is almost full" if is_full else "its disk is too small"
        yield Finding("H38", "error", host.name, what, evidence, remedy)
    elif is_full or free < DISK_WARNING_KIB:
        what = "its disk is getting full" if is_full else "its disk is small"
        yield Finding("H38", "warning", host.name, what, evidence, remedy)
    # btrfs and others make inodes as they go, and tell of none.
    if inodes and free_inodes < inodes * INODES_WARNING_SHARE:
        evidence = f"{free_inodes} inodes free of {inodes} {where}"
        remedy = f"on {host.name}: df -i; docker image prune; or a file system with more inodes"
        yield Finding("H38", "error", host.name, "its disk has almost no inodes left", evidence, remedy)


def check_memory(host: HostEvidence) -> Iterator[Finding]:
    """Yield D03: so little memory that the kernel may kill the engine or a task."""
    amounts = dict(line.split(":") for line in host.files.get("/proc/meminfo", ()) if ":" in line)
    available = amounts.get("MemAvailable", "").split()
    if available and int(available[0]) < MEMORY_WARNING_KIB:
        yield Finding(
            "D03", "warning", host.name, "it has almost no memory left: the kernel will end processes",
            f"{available[0]} KiB available of {amounts.get('MemTotal', '?').strip()}",
            f"on {host.name}: docker stats --no-stream; set deploy.resources.limits.memory, or give it more memory",
        )  # fmt: skip


def check_forwarding(host: HostEvidence) -> Iterator[Finding]:
    """Yield H26: kernel settings with which containers reach no other host, or pass by the engine's rules."""
    yield from check_routing(host)
    # Frames within a bridge pass by the engine's rules then; docker_gwbridge has every container of an overlay.
    apart = "containers reach each other whatever networks keep them apart, and not their host's published ports"
    yield from _switched_off(host, "net.bridge.bridge-nf-call-iptables", apart)


def check_routing(host: HostEvidence) -> Iterator[Finding]:
    """Yield H26 where the host forwards no packet: no container on it reaches another host."""
    yield from _switched_off(host, "net.ipv4.ip_forward", "containers do not reach other hosts")


def _switched_off(host: HostEvidence, setting: str, what: str) -> Iterator[Finding]:
    if host.setting(setting) == "0":
        remedy = _keep(host, setting, "1")
        yield Finding("H26", "error", host.name, f"{setting} is 0: {what}", f"{setting} = 0", remedy)


def _keep(host: HostEvidence, setting: str, value: str) -> str:
    """Return how *setting* is set now and at each boot; a file each, that one does not take another's place."""
    path = f"/etc/sysctl.d/99-docker-{setting.rpartition('.')[2]}.conf"
    command = f"echo '{setting} = {value}' | tee {path} && sysctl --system"
    return f"on {host.name}: {command}, and where /etc/sysctl.conf says otherwise, there too"


def check_reverse_path(host: HostEvidence) -> Iterator[Finding]:
    """Yield H27: strict reverse-path filtering where frames may come back by another interface."""
    cards = {link.name for link in host.links if _carries_frames(link)}
    used = sorted({device for device in host.facts.system.addresses.values() if device in cards})
    # The kernel takes the stricter of the two (ip-sysctl, rp_filter: the maximum of all and the interface's).
    values = {
        device: max(host.setting(f"net.ipv4.conf.{name}.rp_filter") for name in ("all", device)) for device in used
    }
    strict = [device for device, value in values.items() if value == "1"]
    if strict and len(used) > 1:
        first = strict[0]
        yield Finding(
            "H27", "warning", host.name, "strict reverse-path filtering on several interfaces drops overlay frames",
            f"net.ipv4.conf.{first}.rp_filter = 1, addresses on {', '.join(used)}",
            _keep(host, "net.ipv4.conf.all.rp_filter", "2"),
        )  # fmt: skip


def _carries_frames(link: Link) -> bool:
    """Tell whether frames of other hosts may come by *link*: a card, or what is made of cards but by the engine."""
    if link.kind == "bridge":
        return not _OF_ENGINE.fullmatch(link.name)
    return link.kind in _MADE_OF_CARDS or (not link.kind and link.name != "lo")


def check_connection_tracking(host: HostEvidence) -> Iterator[Finding]:
    """Yield D01: a table of connections that is almost full."""
    most, count = (int(host.setting(f"net.netfilter.nf_conntrack_{name}") or 0) for name in ("max", "count"))
    if most and count > most * CONNTRACK_WARNING_SHARE:
        yield Finding(
            "D01", "warning", host.name, "its connection tracking table is almost full: new connections will be lost",
            f"{count} of {most} entries", _keep(host, "net.netfilter.nf_conntrack_max", str(most * 2)),
        )  # fmt: skip


def check_local_ports(host: HostEvidence) -> Iterator[Finding]:
    """Yield D04: outgoing connections that may be given a port the swarm listens on."""
    bounds = host.setting("net.ipv4.ip_local_port_range").split()
    taken = [str(port) for port in SWARM_PORTS if len(bounds) == 2 and int(bounds[0]) <= port <= int(bounds[1])]
    if taken:
        yield Finding(
            "D04", "warning", host.name, "any connection may take a port that the swarm needs when it starts",
            f"net.ipv4.ip_local_port_range = {bounds[0]} {bounds[1]}, with {', '.join(taken)}",
            _keep(host, "net.ipv4.ip_local_port_range", "32768 60999"),
        )  # fmt: skip


def check_files(host: HostEvidence) -> Iterator[Finding]:
    """Yield S22 and D05: keys that others can read, and a socket with which anybody there is root."""
    for line in host.said.get("modes", "").splitlines():
        mode, _, path = line.partition(" ")
        if path.endswith("docker.sock") and int(mode, 8) & 0o006:
            yield Finding(
                "D05", "error", host.name, "every user of this host may use its engine, and so is root",
                f"{path} has mode {mode}", f"on {host.name}: chmod 660 {path}",
            )  # fmt: skip
        elif path.endswith("_key") and int(mode, 8) & 0o027:
            yield Finding(
                "S22", "error", host.name, "others can read a private key of this host", f"{path} has mode {mode}",
                f"on {host.name}: chmod 600 {path}, and if others were logged in: make a new key",
            )  # fmt: skip
        elif path.endswith(".key") and int(mode, 8) & 0o077:
            yield Finding(
                "S22", "error", host.name, "others can read its swarm certificate's key", f"{path} has mode {mode}",
                f"on {host.name}: chmod 600 {path}, then: swarmkit rotate ca",
            )  # fmt: skip


def check_user(host: HostEvidence) -> Iterator[Finding]:
    """Yield S09: a user without root, who cannot have everything read."""
    if host.said.get("user") == "other":
        yield Finding(
            "S09", "warning", host.name, "swarmkit is not root there: kernel, packets and certificates were not tried",
            "the docker group is as powerful as root and does not open these",
            f"set ansible_become: true for {host.name}, with sudo that needs no password or --ask-become-pass",
        )  # fmt: skip
