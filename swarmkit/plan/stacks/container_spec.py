"""The container half of a service spec: what runs in each task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from swarmkit.declared.stack.container_options import CredentialSpec, Dns
from swarmkit.declared.stack.service import HealthCheck, Mount, Service, Stack, Volume

NAMESPACE_LABEL = "com.docker.stack.namespace"
# Below these the engine drops the key without a word (moby daemon/server/router/swarm adjustForAPIVersion).
OOM_SCORE_API = (1, 46)
START_INTERVAL_API = (1, 44)
SUBPATH_API = (1, 45)
CAPABILITIES_API = (1, 41)
SYSCTLS_API = (1, 40)
# Below it the engine refuses the mount (moby daemon/cluster/convert/container.go).
MOUNTS_API = {"cluster": (1, 42), "image": (1, 48)}


def container_spec(
    stack: Stack, service: Service, images: Mapping[str, str], api_version: tuple[int, int]
) -> dict[str, Any]:
    add, drop = effective_capabilities(service.cap_add, service.cap_drop)
    has_capabilities = api_version >= CAPABILITIES_API
    ulimits = [{"Name": one.name, "Soft": one.soft, "Hard": one.hard} for one in service.ulimits]
    container: dict[str, Any] = {
        "Command": list(service.entrypoint or ()),
        "Args": list(service.command or ()),
        "Hostname": service.hostname,
        "Hosts": list(service.extra_hosts),
        "DNSConfig": _dns(service.dns),
        "Env": sorted(key if value is None else f"{key}={value}" for key, value in service.environment.items()),
        "Dir": service.working_dir,
        "User": service.user,
        "Mounts": [_mount(stack, mount, api_version) for mount in service.mounts],
        "StopGracePeriod": service.stop_grace_period_nanoseconds,
        "StopSignal": service.stop_signal,
        "ReadOnly": service.read_only or None,
        "OpenStdin": service.stdin_open or None,
        "TTY": service.tty or None,
        "Isolation": service.isolation,
        "OomScoreAdj": (service.oom_score_adj or None) if api_version >= OOM_SCORE_API else None,
        "Init": service.init,
        "Sysctls": dict(service.sysctls) if api_version >= SYSCTLS_API else None,
        "CapabilityAdd": add if has_capabilities else None,
        "CapabilityDrop": drop if has_capabilities else None,
        "Ulimits": ulimits if has_capabilities else None,
    }
    image = familiar(images.get(service.image, service.image))
    # Empty as docker sends it: without, a later docker stack deploy would find a difference and restart the tasks.
    always = {"Image": image, "Labels": {**service.labels, NAMESPACE_LABEL: stack.name}, "Privileges": {}}
    if service.health_check:
        always["Healthcheck"] = _health_check(service.health_check, api_version)
    if service.credential_spec:
        always["Privileges"] = {"CredentialSpec": _credential_spec(service.credential_spec)}
    return always | written(container)


def familiar(image: str) -> str:
    """Return the image as docker names it: ``latest`` where no tag or digest is, Docker Hub's own prefix left out."""
    if image.startswith("sha256:"):
        return image
    name = image.removeprefix("docker.io/").removeprefix("library/")
    is_complete = "@" in name or ":" in name.rpartition("/")[2]
    return name if is_complete else f"{name}:latest"


def effective_capabilities(add: Iterable[str], drop: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return both lists in the engine's spelling; ALL swallows the rest, adding wins (docker/cli opts)."""
    added, dropped = ({_capability(name) for name in names} for names in (add, drop))
    added = {"ALL"} if "ALL" in added else added
    dropped = {"ALL"} if "ALL" in dropped else dropped
    return sorted(added), sorted(dropped - added)


def _capability(name: str) -> str:
    upper = name.strip().upper()
    return upper if upper == "ALL" or upper.startswith("CAP_") else f"CAP_{upper}"


def _dns(dns: Dns) -> dict[str, Any]:
    return written({"Nameservers": list(dns.servers), "Search": list(dns.search), "Options": list(dns.options)})


def _credential_spec(spec: CredentialSpec) -> dict[str, Any]:
    """Return the account; a config is named by its key here, and by its ID only when the spec is sent."""
    return written({"Config": spec.config, "File": spec.file, "Registry": spec.registry})


def _health_check(check: HealthCheck, api_version: tuple[int, int]) -> dict[str, Any]:
    knows_start_interval = api_version >= START_INTERVAL_API
    return written(
        {
            "Test": list(check.test),
            "Interval": check.interval_nanoseconds,
            "Timeout": check.timeout_nanoseconds,
            "Retries": check.retries,
            "StartPeriod": check.start_period_nanoseconds,
            "StartInterval": check.start_interval_nanoseconds if knows_start_interval else None,
        }
    )


def _mount(stack: Stack, mount: Mount, api_version: tuple[int, int]) -> dict[str, Any]:
    spec: dict[str, Any] = {"Type": mount.type, "Target": mount.target}
    if mount.read_only:
        spec["ReadOnly"] = True
    if mount.consistency:
        spec["Consistency"] = mount.consistency
    if mount.type == "tmpfs":
        options = written({"SizeBytes": mount.tmpfs_size_bytes})
        return spec | written({"TmpfsOptions": options})
    if mount.type in ("bind", "npipe"):
        return spec | {"Source": mount.source} | written({"BindOptions": written({"Propagation": mount.propagation})})
    if mount.source is None:
        return spec
    if mount.type == "image":
        return spec | {"Source": mount.source}
    if mount.type == "cluster" and mount.source.startswith("group:"):
        return spec | {"Source": mount.source, "ClusterOptions": {}}
    volume = next(volume for volume in stack.volumes if volume.key == mount.source)
    if mount.type == "cluster":
        return spec | {"Source": volume.name, "ClusterOptions": {}}
    return spec | {"Source": volume.name, "VolumeOptions": _volume_options(stack, volume, mount, api_version)}


def _volume_options(stack: Stack, volume: Volume, mount: Mount, api_version: tuple[int, int]) -> dict[str, Any]:
    subpath = mount.subpath if api_version >= SUBPATH_API else None
    chosen = written({"NoCopy": mount.no_copy or None, "Subpath": subpath})
    if not volume.external:
        chosen["Labels"] = {**volume.labels, NAMESPACE_LABEL: stack.name}
        if volume.driver or volume.driver_options:
            chosen["DriverConfig"] = {"Name": volume.driver or "", "Options": dict(volume.driver_options)}
    return chosen


def written(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries that say something: None and empty lists, maps and texts are the engine's own defaults."""
    return {key: value for key, value in values.items() if value is not None and value not in ("", [], {})}
