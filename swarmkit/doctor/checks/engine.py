"""What an engine's own settings and its host's services forbid or put at risk; pure."""

from __future__ import annotations

import ipaddress
import json
import shlex
from collections.abc import Collection, Iterator

from swarmkit.doctor.checks.reboots import rebooted
from swarmkit.doctor.evidence import Evidence, HostEvidence
from swarmkit.finding import Finding
from swarmkit.plan.engines.remedies import daemon_key, daemon_setting, unit_option
from swarmkit.plan.engines.versions import version_tuple
from swarmkit.reach.engine import Json

_USUAL_WARNINGS = ("No cpuset support", "No swap limit support", "bridge-nf-call-ip6tables is disabled")
"""What engines say on most hosts and what no swarm suffers of."""
_POOR_DRIVERS = ("vfs", "devicemapper", "aufs", "overlay")


def check_backend(host: HostEvidence) -> Iterator[Finding]:
    """Yield H23 and D08: a firewall backend that a swarm refuses, and an engine that may write no rules."""
    backend = str((host.info.get("FirewallBackend") or {}).get("Driver", "iptables"))
    version = version_tuple(host.facts.engine.version)
    features = host.info.get("Features") or daemon_settings(host).get("features") or {}
    if backend.startswith("nftables"):
        is_refused = version < (29, 6) or not features.get("swarm-nftables")
        yield Finding(
            "H23", "error", host.name,
            "its engine uses nftables, which a swarm refuses" if is_refused
            else "its engine keeps a swarm's rules in nftables, where swarmkit verify cannot prove them",
            f"firewall backend {backend}{'' if is_refused else ', features: swarm-nftables'}",
            daemon_setting(host.name, "firewall-backend", f'"{backend}"', '"iptables"')
            if "firewall-backend" in daemon_settings(host) else unit_option(host.name, "--firewall-backend"),
        )  # fmt: skip
    in_file = daemon_settings(host).get("iptables") is False
    if in_file or "--iptables=false" in host.said.get("dockerd", ""):
        yield Finding(
            "D08", "error", host.name, "its engine may write no firewall rules: ports and encryption will not work",
            f"iptables is false {'in /etc/docker/daemon.json' if in_file else 'on the command line of dockerd'}",
            daemon_setting(host.name, "iptables", "false", "true")
            if in_file else unit_option(host.name, "--iptables=false"),
        )  # fmt: skip
    if "DOCKER_INSECURE_NO_IPTABLES_RAW=1" in host.said.get("dockerd", ""):
        yield Finding(
            "H22", "warning", host.name, "its engine does not protect containers' ports from neighbours on the LAN",
            "DOCKER_INSECURE_NO_IPTABLES_RAW=1",
            f"{unit_option(host.name, 'DOCKER_INSECURE_NO_IPTABLES_RAW')}; before it: modprobe iptable_raw, which some "
            "kernels have in a package of their own",
        )  # fmt: skip


def daemon_settings(host: HostEvidence) -> Json:
    """Return what the engine's own file says; nothing where there is none, or none that can be read."""
    try:
        settings = json.loads("\n".join(host.files.get("/etc/docker/daemon.json", ())) or "{}")
    except ValueError:
        return {}
    return settings if isinstance(settings, dict) else {}


def check_limits(host: HostEvidence) -> Iterator[Finding]:
    """Yield H41 and H45: mapped user ids, and control groups that lack a limit a stack may ask for."""
    if any("name=userns" in option for option in host.info.get("SecurityOptions") or []):
        yield Finding(
            "H41", "warning", host.name, "its engine maps user ids: volumes and host networks are limited",
            "userns-remap", _without_mapping(host),
        )  # fmt: skip
    if str(host.info.get("CgroupVersion", "2")) == "1":
        yield Finding(
            "H45", "warning", host.name, "it has control groups of version 1, which Docker gives up", "cgroup v1",
            _booted_with(host, "systemd.unified_cgroup_hierarchy=1"),
        )  # fmt: skip
    for said in host.info.get("Warnings") or []:
        if said.startswith("WARNING: No") and not any(usual in said for usual in _USUAL_WARNINGS):
            yield Finding(
                "H45", "warning", host.name, "a limit that a stack asks for may not hold here", str(said),
                _with_limit(host, str(said)),
            )  # fmt: skip


def _without_mapping(host: HostEvidence) -> str:
    """The engine has another data directory then: images, volumes and the swarm's state stay in the mapped one."""
    in_file = "userns-remap" in daemon_settings(host)
    out = (
        daemon_setting(host.name, "userns-remap", '"[^"]*"', '""')
        if in_file
        else unit_option(host.name, "userns-remap")
    )
    empty = "the engine starts with an empty data directory: its images and volumes stay in the mapped one"
    if host.facts.engine.swarm_state != "active":
        return f"unless it is meant, {out}; {empty}"
    return f"unless it is meant: swarmkit node drain {host.name}; {out}; {empty}, and so does its place in the swarm"


def _booted_with(host: HostEvidence, options: str) -> str:
    """Return how a host's kernel gets *options*, where grub starts it; a node's tasks have to go first."""
    write = f"echo 'GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX {options}\"' | tee -a /etc/default/grub"
    grub = f"{write} && {{ update-grub || grub2-mkconfig -o /boot/grub2/grub.cfg; }}"
    return f"on {host.name}, where grub starts it: {grub}; then {rebooted(host)}"


def _with_limit(host: HostEvidence, said: str) -> str:
    if any(limit in said for limit in ("memory limit", "swap limit")):
        return _booted_with(host, "cgroup_enable=memory swapaccount=1")
    return f"boot {host.name} with all controllers; which there are: cat /sys/fs/cgroup/cgroup.controllers"


def check_storage(host: HostEvidence) -> Iterator[Finding]:
    """Yield D09: a storage driver that is gone from newer engines, or a file system without d_type."""
    driver, status = str(host.info.get("Driver", "")), dict(host.info.get("DriverStatus") or [])
    if driver in _POOR_DRIVERS or status.get("Supports d_type") == "false":
        lacking = "" if driver in _POOR_DRIVERS else ", on a file system without d_type"
        yield Finding(
            "D09", "warning", host.name, "its images are kept in a way that breaks or that newer engines refuse",
            f"storage driver {driver}{lacking}", _other_driver(host, lacking),
        )  # fmt: skip


def _other_driver(host: HostEvidence, lacking: str) -> str:
    if lacking:
        return f"another file system at its data directory, on {host.name}: ext4, or xfs made by mkfs.xfs -n ftype=1"
    settings, key, new = daemon_settings(host), "storage-driver", "overlay2"
    change = (
        daemon_setting(host.name, key, f'"{settings[key]}"', f'"{new}"')
        if key in settings
        else daemon_key(host.name, settings, key, new)
    )
    first = f"swarmkit node drain {host.name}; " if host.facts.engine.swarm_state == "active" else ""
    return f"{first}{change}; images are pulled or sent anew"


def check_services(host: HostEvidence) -> Iterator[Finding]:
    """Yield D02 and H24: Docker that does not start at boot, and firewalls whose reload removes Docker's rules."""
    units = host.said.get("units", "").splitlines()
    if "docker there" in units and "docker enabled" not in units:
        yield Finding(
            "D02", "warning", host.name, "Docker does not start when this host boots: the node stays down",
            "docker.service is not enabled", f"on {host.name}: systemctl enable docker",
        )  # fmt: skip
    for who, why in _flushers(host, units).items():
        yield Finding(
            "H24", "warning", host.name, f"a reload of {who} removes Docker's rules, encryption's among them", why,
            f"after each reload of {who} on {host.name}: systemctl restart docker, then: swarmkit verify",
        )  # fmt: skip


def _flushers(host: HostEvidence, units: Collection[str]) -> dict[str, str]:
    found = {}
    if "firewalld active" in units:
        # 29.0 restores ingress on a reload (moby #50445), and no engine the marks of encryption.
        found["firewalld"] = "firewalld.service is active"
    for path in ("/etc/nftables.conf", "/etc/sysconfig/nftables.conf"):
        if "nftables enabled" in units and "flush ruleset" in host.files.get(path, ()):
            found["nftables"] = f"nftables.service is enabled, {path} has: flush ruleset"
    ufw = (*host.files.get("/etc/ufw/ufw.conf", ()), *host.files.get("/etc/default/ufw", ()))
    if {"ENABLED=yes", "MANAGE_BUILTINS=yes"} <= set(ufw):
        found["ufw"] = "ufw is enabled, /etc/default/ufw has MANAGE_BUILTINS=yes"
    return found


def check_proxy(evidence: Evidence, host: HostEvidence) -> Iterator[Finding]:
    """Yield B56: an engine that asks a proxy for its peers."""
    proxied = host.info.get("HttpProxy") or host.info.get("HttpsProxy")
    without = str(host.info.get("NoProxy", ""))
    missing = [peer.advertise for peer in evidence.peers.values() if not _in_no_proxy(peer.advertise, without)]
    if proxied and missing:
        entries = ",".join(entry for entry in (without, *missing) if entry)
        yield Finding(
            "B56", "warning", host.name, "its engine asks a proxy for other hosts of the swarm",
            f"NO_PROXY lacks {', '.join(missing)}",
            _no_proxy(host, entries),
        )  # fmt: skip


def _no_proxy(host: HostEvidence, entries: str) -> str:
    if "proxies" in daemon_settings(host):
        proxies = daemon_settings(host)["proxies"]
        given = "no-proxy" in proxies
        before, begin = ('"no-proxy": *"[^"]*"', "") if given else ('"proxies": *{', '"proxies": {')
        end = "" if given or not proxies else ", "
        change = f"""sed -i 's|{before}|{begin}"no-proxy": "{entries}"{end}|' /etc/docker/daemon.json"""
        return f"on {host.name}: {change} && systemctl restart docker"
    folder = "/etc/systemd/system/docker.service.d"
    unit = shlex.quote(rf'[Service]\nEnvironment="NO_PROXY={entries}"\n')
    write = f"mkdir -p {folder} && printf {unit} | tee {folder}/zz-swarmkit.conf"
    return f"on {host.name}: {write} && systemctl daemon-reload && systemctl restart docker"


def _in_no_proxy(address: str, without: str) -> bool:
    for entry in without.replace(" ", "").split(","):
        try:
            if ipaddress.ip_address(address) in ipaddress.ip_network(entry, strict=False):
                return True
        except ValueError:
            continue
    return False
