"""Every key of a stack file and what becomes of it: the readers, docs/stack-files.md and the tests go by this table."""

from __future__ import annotations

from collections.abc import Mapping

_ATTACHED_FILE = ("source", "target", "uid", "gid", "mode")
_AMOUNTS = ("cpus", "memory")
_UPDATE = ("parallelism", "delay", "failure_action", "monitor", "max_failure_ratio", "order")

KEYS: Mapping[str, tuple[str, ...]] = {
    "": ("version", "name", "services", "networks", "volumes", "secrets", "configs"),
    "services.*": (
        "image",
        "command",
        "entrypoint",
        "environment",
        "env_file",
        "hostname",
        "extra_hosts",
        "dns",
        "dns_search",
        "dns_opt",
        "user",
        "working_dir",
        "labels",
        "healthcheck",
        "networks",
        "ports",
        "volumes",
        "secrets",
        "configs",
        "depends_on",
        "logging",
        "read_only",
        "stdin_open",
        "tty",
        "init",
        "isolation",
        "credential_spec",
        "oom_score_adj",
        "cap_add",
        "cap_drop",
        "ulimits",
        "sysctls",
        "stop_signal",
        "stop_grace_period",
        "deploy",
        "restart",
    ),
    "services.*.healthcheck": (
        "test",
        "interval",
        "timeout",
        "start_period",
        "start_interval",
        "retries",
        "disable",
    ),
    "services.*.depends_on.*": ("condition", "required", "restart"),
    "services.*.networks.*": ("aliases", "driver_opts"),
    "services.*.ports[]": ("target", "published", "protocol", "mode"),
    "services.*.volumes[]": (
        "type",
        "source",
        "target",
        "read_only",
        "consistency",
        "bind",
        "volume",
        "tmpfs",
    ),
    "services.*.volumes[].bind": ("propagation",),
    "services.*.volumes[].volume": ("nocopy", "subpath"),
    "services.*.volumes[].tmpfs": ("size",),
    "services.*.secrets[]": _ATTACHED_FILE,
    "services.*.configs[]": _ATTACHED_FILE,
    "services.*.logging": ("driver", "options"),
    "services.*.credential_spec": ("config", "file", "registry"),
    "services.*.ulimits.*": ("soft", "hard"),
    "services.*.deploy": (
        "mode",
        "replicas",
        "labels",
        "placement",
        "resources",
        "restart_policy",
        "update_config",
        "rollback_config",
        "endpoint_mode",
    ),
    "services.*.deploy.placement": ("constraints", "preferences", "max_replicas_per_node"),
    "services.*.deploy.placement.preferences[]": ("spread",),
    "services.*.deploy.resources": ("limits", "reservations"),
    "services.*.deploy.resources.limits": (*_AMOUNTS, "pids"),
    "services.*.deploy.resources.reservations": (*_AMOUNTS, "generic_resources"),
    "services.*.deploy.resources.reservations.generic_resources[]": ("discrete_resource_spec",),
    "services.*.deploy.resources.reservations.generic_resources[].discrete_resource_spec": ("kind", "value"),
    "services.*.deploy.restart_policy": ("condition", "delay", "max_attempts", "window"),
    "services.*.deploy.update_config": _UPDATE,
    "services.*.deploy.rollback_config": _UPDATE,
    "networks.*": (
        "driver",
        "driver_opts",
        "labels",
        "ipam",
        "internal",
        "attachable",
        "enable_ipv6",
        "external",
        "name",
        "x-swarmkit",
    ),
    "networks.*.ipam": ("driver", "config"),
    "networks.*.ipam.config[]": ("subnet",),
    "networks.*.x-swarmkit": ("encrypted", "reason"),
    "volumes.*": ("driver", "driver_opts", "external", "name", "labels", "x-swarmkit"),
    "volumes.*.x-swarmkit": ("backup",),
    "volumes.*.x-swarmkit.backup": ("dump", "restore", "service"),
    "secrets.*": (
        "file",
        "environment",
        "driver",
        "driver_opts",
        "external",
        "name",
        "labels",
        "template_driver",
    ),
    "configs.*": ("file", "environment", "content", "external", "name", "labels", "template_driver"),
}
"""The keys that are taken, by where they stand: ``*`` for a name, ``[]`` for an entry of a list."""

# docker/cli compose/types UnsupportedProperties and DeprecatedProperties; tmpfs it drops in silence.
IGNORED: Mapping[str, str] = {
    "build": "build the image beforehand and name it in image",
    "cgroup_parent": "remove it",
    "cgroupns_mode": "remove it",
    "container_name": "remove it; the service's name is its name on the network",
    "devices": "remove it; a swarm maps no devices",
    "domainname": "use hostname",
    "expose": "remove it; services on one network reach each other on every port",
    "external_links": "use a network that both services are on",
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
"""Keys of a service that docker ignores, each with what to write instead."""
_RESOURCES = "use deploy.resources"
# ForbiddenProperties, and what docker's schema does not know although Compose does.
FORBIDDEN: Mapping[str, str] = {
    "annotations": "use labels",
    "cpu_count": _RESOURCES,
    "cpu_percent": _RESOURCES,
    "cpu_period": _RESOURCES,
    "cpu_quota": _RESOURCES,
    "cpu_shares": _RESOURCES,
    "cpus": _RESOURCES,
    "cpuset": _RESOURCES,
    "extends": "use a YAML anchor and <<",
    "group_add": "use user: UID:GID",
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
"""Keys of a service that are refused, each with what to write instead."""
_BY_COMMAND = "leave it out; a network with one by command: swarmkit network create -d overlay"
FORBIDDEN_RANGES: tuple[Mapping[str, str], Mapping[str, str]] = (
    {
        "gateway": f"{_BY_COMMAND} --gateway, and external: true",
        "ip_range": f"{_BY_COMMAND} --ip-range, and external: true",
        "aux_addresses": "leave it out: managers drop it, for a command too",
    },
    {
        "gateway": "write it under the network: x-swarmkit: {gateway: ...}",
        "ip_range": "write it under the network, for all hosts or each: x-swarmkit: {range: ...}",
        "aux_addresses": "keep them out of x-swarmkit: {range: ...}",
    },
)
"""Keys of a subnet that Docker's tool refuses, each with what to write instead; of other networks, and of a LAN."""
LAN_KEYS: Mapping[str, str] = {
    "parent": "the device under it, of every host that names no other; docker's own word is `driver_opts.parent`",
    "gateway": "the LAN's router; without one each engine keeps the first address of its range for one",
    "range": "the addresses for tasks, a part of the subnet, shared out among the hosts",
    "hosts": "what is particular to a host, by its name in the inventory",
}
"""Under ``x-swarmkit`` of a macvlan or ipvlan network."""
LAN_HOST_KEYS: Mapping[str, str] = {
    "parent": "the device under it there",
    "range": "the addresses for its tasks; no two hosts may give the same ones",
}
"""Of a host there."""
IGNORED_INSIDE: Mapping[str, tuple[str, ...]] = {
    # A service has as many addresses as tasks, and the swarm gives them.
    "services.*.networks.*": ("ipv4_address", "ipv6_address"),
    # What docker's schema lets through and its conversion drops.
    "services.*.volumes[].bind": ("create_host_path", "selinux", "recursive"),
    "services.*.volumes[].volume": ("labels",),
    "services.*.volumes[].tmpfs": ("mode",),
}
"""Keys that docker ignores elsewhere; where its schema lets all through, those of them that other tools know."""
PASSED_OVER: Mapping[str, str] = {
    "volumes.*.x-cluster-spec": "`docker volume create` makes cluster volumes, a stack only mounts them",
}
"""Keys of docker's schema that its own tool does nothing with, and says nothing of."""
OURS: Mapping[str, str] = {
    "name": "the stack's name, where no `--stack` gives another",
    "services.*.oom_score_adj": "docker's tool of version 28 takes the key, and sends nothing of it",
    "services.*.dns_opt": "options of the resolver; docker's tool does not know the key",
    "services.*.depends_on": "the order in which services are made; docker's tool takes the list only, and ignores it",
    "services.*.depends_on.*.condition": "`service_started`: its containers are there, healthy or not yet; "
    "`service_healthy`, and the list form: all its tasks run, healthy; `service_completed_successfully`: of a job, all "
    "tasks have completed",
    "services.*.depends_on.*.required": "`false`: no such service in the files is a warning, else an error",
    "services.*.depends_on.*.restart": "`true` is ignored, with a warning: `docker compose` restarts the service with "
    "the one it depends on, a swarm does not",
    "networks.*.enable_ipv6": "an IPv6 network; docker's tool does not know the key",
    "networks.*.x-swarmkit": "docker's tool passes over it",
    "networks.*.x-swarmkit.encrypted": "`false` leaves an overlay in clear, with a reason",
    "networks.*.x-swarmkit.reason": "why it is in clear; the plan shows it",
    "volumes.*.x-swarmkit": "docker's tool passes over it",
    "volumes.*.x-swarmkit.backup": "`stopped`, or commands in the service's container (recovery.md)",
    "volumes.*.x-swarmkit.backup.dump": "prints the data while the service goes on",
    "volumes.*.x-swarmkit.backup.restore": "reads what `dump` printed",
    "volumes.*.x-swarmkit.backup.service": "whose volume it is, where several mount it",
    "secrets.*.environment": "the content is a variable's of the environment; docker's tool does not know the key",
    "configs.*.environment": "the content is a variable's of the environment; docker's tool does not know the key",
    "configs.*.content": "the content is in the stack file itself; docker's tool does not know the key",
}
"""Keys that docker's own tool does not take."""


def paths() -> tuple[str, ...]:
    """Return every key that is taken, as its path."""
    return tuple(f"{place}.{key}".lstrip(".") for place, keys in KEYS.items() for key in keys)
