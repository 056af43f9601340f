"""Compose keys that a swarm does not take, each with what to write instead.

What ``docker stack deploy`` ignores is ignored here with a warning; what it forbids is refused.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from swarmkit.declared.complaints import did_you_mean, shown
from swarmkit.declared.field import Field

# docker/cli compose/types UnsupportedProperties and DeprecatedProperties; group_add and tmpfs it drops in silence.
IGNORED = {
    "build": "build the image beforehand and name it in image",
    "cgroup_parent": "remove it",
    "cgroupns_mode": "remove it",
    "container_name": "remove it; the service's name is its name on the network",
    "devices": "remove it; a swarm maps no devices",
    "domainname": "use hostname",
    "expose": "remove it; services on one network reach each other on every port",
    "external_links": "use a network that both services are on",
    "group_add": "use user: UID:GID",
    "ipc": "remove it",
    "links": "use a network that both services are on; aliases are under networks",
    "mac_address": "remove it",
    "network_mode": "use networks; for the host's own: an external network named host",
    "pid": "remove it",
    "privileged": "remove it, or use cap_add",
    "security_opt": "remove it",
    "shm_size": "use volumes with type: tmpfs and target: /dev/shm",
    "tmpfs": "use volumes with type: tmpfs",
    "userns_mode": "remove it",
}
_RESOURCES = "use deploy.resources"
# ForbiddenProperties, and what docker's schema does not know although Compose does.
_FORBIDDEN = {
    "annotations": "use labels",
    "cpu_count": _RESOURCES,
    "cpu_percent": _RESOURCES,
    "cpu_period": _RESOURCES,
    "cpu_quota": _RESOURCES,
    "cpu_shares": _RESOURCES,
    "cpus": _RESOURCES,
    "cpuset": _RESOURCES,
    "extends": "use a YAML anchor and <<",
    "gpus": "use deploy.resources.reservations.generic_resources",
    "mem_limit": _RESOURCES,
    "mem_reservation": _RESOURCES,
    "mem_swappiness": _RESOURCES,
    "memswap_limit": _RESOURCES,
    "pids_limit": "use deploy.resources.limits.pids",
    "platform": "use deploy.placement.constraints: node.platform.arch == ...",
    "profiles": "remove it; give another -f file for what is not always deployed",
    "pull_policy": "remove it",
    "scale": "use deploy.replicas",
    "volume_driver": "set the driver under the top-level volumes",
    "volumes_from": "name the volume under the top-level volumes and in each service",
}


def refuse_other_keys(
    field: Field, taken: Iterable[str], *, is_service: bool = False, ignored: Collection[str] = ()
) -> None:
    """Complain about every key of *field* that is neither *taken* nor an ``x-`` extension; warn of *ignored* ones."""
    known = tuple(taken)
    for key in field.fields():
        if key in known or key.startswith("x-"):
            continue
        place = field.key(key)
        if is_service and key in IGNORED:
            place.warn("B31", f"swarm ignores {shown(key)}", IGNORED[key])
        elif key in ignored:
            place.warn("B31", f"swarm ignores {shown(key)}", "remove it")
        elif is_service and key in _FORBIDDEN:
            place.refuse("B32", f"{shown(key)} is not supported in a swarm", _FORBIDDEN[key])
        else:
            place.refuse("B05", f"unknown key {shown(key)}", did_you_mean(key, known) or f"known: {', '.join(known)}")
