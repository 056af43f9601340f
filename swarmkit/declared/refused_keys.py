"""Compose keys that are not taken, each with what to write instead."""

from __future__ import annotations

from collections.abc import Iterable

from swarmkit.declared.complaints import did_you_mean, shown
from swarmkit.declared.field import Field

# What a swarm ignores (docker/cli compose/types UnsupportedProperties, DeprecatedProperties; tmpfs is never converted).
_IGNORED = {
    "build": "build the image beforehand and name it in image",
    "cgroup_parent": "remove it",
    "cgroupns_mode": "remove it",
    "container_name": "remove it; the service's name is its name on the network",
    "cpu_count": "use deploy.resources.limits.cpus",
    "devices": "remove it; a swarm maps no devices",
    "domainname": "use hostname",
    "expose": "remove it; services on one network reach each other on every port",
    "external_links": "use a network that both services are on",
    "ipc": "remove it",
    "links": "use a network that both services are on; aliases are under networks",
    "mac_address": "remove it",
    "network_mode": "use networks",
    "pid": "remove it",
    "platform": "use deploy.placement.constraints: node.platform.arch == ...",
    "privileged": "remove it, or use cap_add",
    "profiles": "remove it",
    "pull_policy": "remove it",
    "restart": "use deploy.restart_policy",
    "scale": "use deploy.replicas",
    "security_opt": "remove it",
    "shm_size": "use volumes with type: tmpfs and target: /dev/shm",
    "tmpfs": "use volumes with type: tmpfs",
    "userns_mode": "remove it",
}
_RESOURCES = "use deploy.resources"
_FORBIDDEN = {
    "cpu_quota": _RESOURCES,
    "cpu_shares": _RESOURCES,
    "cpus": _RESOURCES,
    "cpuset": _RESOURCES,
    "extends": "use a YAML anchor and <<",
    "mem_limit": _RESOURCES,
    "mem_reservation": _RESOURCES,
    "memswap_limit": _RESOURCES,
    "pids_limit": "use deploy.resources.limits.pids",
    "volume_driver": "set the driver under the top-level volumes",
    "volumes_from": "name the volume under the top-level volumes and in each service",
}
_NOT_YET = (
    "annotations credential_spec dns dns_opt dns_search env_file extra_hosts isolation logging oom_score_adj "
    "stdin_open tty include generic_resources ipv4_address ipv6_address link_local_ips driver_opts priority gateway "
    "ip_range aux_addresses enable_ipv6 enable_ipv4 template_driver driver content host_ip app_protocol name "
    "consistency cluster image bind required restart gpus devices"
)
NOT_YET = frozenset(_NOT_YET.split())


def refuse_other_keys(field: Field, taken: Iterable[str], *, is_service: bool = False) -> None:
    """Complain about every key of *field* that is neither *taken* nor an ``x-`` extension."""
    known = tuple(taken)
    for key in field.fields():
        if key in known or key.startswith("x-"):
            continue
        place = field.key(key)
        if is_service and key in _IGNORED:
            place.refuse("B31", f"swarm ignores {shown(key)}", _IGNORED[key])
        elif is_service and key in _FORBIDDEN:
            place.refuse("B32", f"{shown(key)} is not supported in a swarm", _FORBIDDEN[key])
        elif key in NOT_YET:
            place.refuse("B29", f"{shown(key)} is not supported yet")
        else:
            place.refuse("B05", f"unknown key {shown(key)}", did_you_mean(key, known) or f"known: {', '.join(known)}")
