"""A healthy cluster as the doctor sees it; tests break one thing each."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from unit.verify.verify_world import World

from swarmkit.doctor.evidence import Evidence, HostEvidence, Link
from swarmkit.doctor.examine import examine
from swarmkit.doctor.model import Paths
from swarmkit.doctor.paths import peers_of
from swarmkit.finding import Finding

NOW = datetime.datetime(2026, 6, 1, tzinfo=datetime.UTC)
FILES = {
    "/proc/sys/net/ipv4/ip_forward": "1",
    "/proc/sys/net/bridge/bridge-nf-call-iptables": "1",
    "/proc/sys/net/ipv4/conf/all/rp_filter": "0",
    "/proc/sys/net/ipv4/ip_local_port_range": "32768\t60999",
    "/proc/sys/net/netfilter/nf_conntrack_max": "1000",
    "/proc/sys/net/netfilter/nf_conntrack_count": "10",
    "/proc/meminfo": "MemTotal:  1011796 kB\nMemFree:  1 kB\nMemAvailable:  927612 kB",
    "/etc/ssh/sshd_config": "#MaxSessions 1\nInclude /etc/ssh/sshd_config.d/*.conf",
}
HEALTHY = {
    "space": "4096 2038647 1773735 524288 515500",
    "modes": "600 /etc/ssh/ssh_host_ed25519_key\n660 /run/docker.sock\n640 /etc/ssh/ssh_host_rsa_key",
    "units": "docker there\ndocker enabled",
    "user": "root",
}


def file_lines(files: Mapping[str, str]) -> str:
    return "\n".join(f"{path}:{line}" for path, text in files.items() for line in text.splitlines())


def evidence(
    *,
    said: Mapping[str, str] | None = None,
    files: Mapping[str, str] | None = None,
    links: tuple[Link, ...] | None = None,
    info: Mapping[str, object] | None = None,
    **more: Any,
) -> Evidence:
    """Return a healthy cluster whose host C says *said*, has *files* and *links*, and whose engine tells *info*."""
    world = World()
    observed = world.observed
    hosts = {}
    healthy = {**HEALTHY, "files": file_lines(FILES)}
    broken = {**healthy, **(said or {}), "files": file_lines({**FILES, **(files or {})})}
    for number, (name, facts) in enumerate(observed.hosts.items()):
        card = next(iter(facts.system.addresses.values()), "eth0")
        own = (Link(card, 1500, f"52:54:00:00:00:0{number}", ""),)
        mine = name == "C"
        hosts[name] = HostEvidence(
            facts,
            dict(info or {}) if mine else {},
            links if mine and links is not None else own,
            broken if mine else healthy,
            **{"listening": frozenset(), **(more if mine else {})},
        )
    peers = peers_of(world.inventory, observed)
    return Evidence(world.inventory, None, observed, hosts, (), Paths((), {}, {}), peers)


def found(cluster: Evidence) -> list[Finding]:
    healthy = {finding.code for finding in examine(evidence(), now=NOW)}
    return [finding for finding in examine(cluster, now=NOW) if finding.code not in healthy]


def card_of(name: str) -> str:
    return next(iter(World().observed.hosts[name].system.addresses.values()))
