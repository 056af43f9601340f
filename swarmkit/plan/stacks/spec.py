"""From a stack to the engine API's own words: service and network specs, as ``docker stack deploy`` converts them.

The model is docker/cli cli/compose/convert of CLI 28. Specs hold names where the API wants IDs, so that they can
be planned and compared before anything exists; ``with_ids`` fills them in.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from swarmkit.declared.stack.service import FileReference, Network, SecretFile, Service, Stack
from swarmkit.errors import SwarmkitError
from swarmkit.plan.stacks.container_spec import (
    CAPABILITIES_API,
    MOUNTS_API,
    NAMESPACE_LABEL,
    OOM_SCORE_API,
    START_INTERVAL_API,
    SUBPATH_API,
    SYSCTLS_API,
    container_spec,
    written,
)
from swarmkit.plan.stacks.deploy_spec import endpoint_spec, mode, resources, restart_policy, update_config

IMAGE_LABEL = "com.docker.stack.image"
_PREDEFINED_NETWORKS = frozenset(("bridge", "default", "host", "none"))


def service_spec(
    stack: Stack,
    service: Service,
    *,
    images: Mapping[str, str],
    api_version: tuple[int, int],
    secret_names: Mapping[str, str] | None = None,
    config_names: Mapping[str, str] | None = None,
    network_names: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the ServiceSpec of *service*, with the names of networks, secrets and configs instead of IDs.

    *images* maps a declared image to what the engine shall run; *secret_names*, *config_names* and *network_names* map
    a key of the stack to the full name in the swarm (default: the declared name).
    """
    deploy = service.deploy
    placement = {
        "Constraints": list(deploy.constraints),
        "Preferences": [{"Spread": {"SpreadDescriptor": spread}} for spread in deploy.spread],
        "MaxReplicas": deploy.max_replicas_per_node if api_version >= SYSCTLS_API else None,
    }
    configs = _names(stack.configs, config_names)
    container = container_spec(stack, service, images, api_version) | written(
        {
            "Secrets": _references(service.secrets, _names(stack.secrets, secret_names), "Secret"),
            "Configs": _configs(service, configs),
        }
    )
    account = container["Privileges"].get("CredentialSpec", {})
    if "Config" in account:
        account["Config"] = configs[account["Config"]]
    # Empty as docker sends them: without, a later docker stack deploy would find a difference and restart the tasks.
    always = {
        "ContainerSpec": container,
        "Resources": resources(deploy, with_pids=api_version >= CAPABILITIES_API),
        "Placement": written(placement),
    }
    task = {
        "LogDriver": _log_driver(service),
        "RestartPolicy": restart_policy(deploy.restart_policy),
        "Networks": _networks(service, _names(stack.networks, network_names)),
    }
    return {
        "Name": f"{stack.name}_{service.name}",
        "Labels": {**deploy.labels, NAMESPACE_LABEL: stack.name, IMAGE_LABEL: service.image},
        "TaskTemplate": always | written(task),
        "Mode": mode(deploy),
        "EndpointSpec": endpoint_spec(service),
    } | written(
        {
            "UpdateConfig": update_config(deploy.update_config),
            "RollbackConfig": update_config(deploy.rollback_config),
        }
    )


def left_out_keys(service: Service, *, api_version: tuple[int, int]) -> tuple[str, ...]:
    """Return the keys of the stack file that an engine of *api_version* does not know and the spec leaves out."""
    check = service.health_check
    limits = service.deploy.limits
    needs = (
        ("healthcheck.start_interval", START_INTERVAL_API, check and check.start_interval_nanoseconds),
        ("volumes.volume.subpath", SUBPATH_API, any(mount.subpath for mount in service.mounts)),
        ("oom_score_adj", OOM_SCORE_API, service.oom_score_adj),
        ("ulimits", CAPABILITIES_API, service.ulimits),
        ("cap_add", CAPABILITIES_API, service.cap_add),
        ("cap_drop", CAPABILITIES_API, service.cap_drop),
        ("deploy.resources.limits.pids", CAPABILITIES_API, limits.pids),
        ("sysctls", SYSCTLS_API, service.sysctls),
        ("deploy.placement.max_replicas_per_node", SYSCTLS_API, service.deploy.max_replicas_per_node),
    )
    return tuple(key for key, version, value in needs if value and api_version < version)


def unknown_mounts(service: Service, *, api_version: tuple[int, int]) -> tuple[str, ...]:
    """Return the types of mount for which an engine of *api_version* would refuse the service."""
    types = dict.fromkeys(mount.type for mount in service.mounts)
    return tuple(one for one in types if api_version < MOUNTS_API.get(one, api_version))


def network_spec(stack: Stack, network: Network, *, encrypted: bool) -> dict[str, Any]:
    """Return the body of POST /networks/create; *encrypted* is what policy and file together decided."""
    options = {key: value for key, value in network.driver_options.items() if key != "encrypted"}
    if encrypted:
        options["encrypted"] = network.driver_options.get("encrypted", "")
    spec: dict[str, Any] = {
        "Name": network.name,
        "CheckDuplicate": True,
        "Driver": network.driver,
        "Options": options,
        "Labels": {**network.labels, NAMESPACE_LABEL: stack.name},
        "Attachable": network.attachable,
        "Internal": network.internal,
    }
    # Of a bridge the managers drop it, which is warned of: asked for, it would be a difference ever after.
    if network.driver != "bridge" and (network.subnets or network.ipam_driver):
        subnets = [{"Subnet": subnet} for subnet in network.subnets]
        spec["IPAM"] = written({"Driver": network.ipam_driver or "default", "Config": subnets})
    if network.ipv6:
        spec["EnableIPv6"] = True
    if network.driver == "bridge":
        # Docker's own tool makes it on one manager alone, where no service can use it.
        spec["Scope"] = "swarm"
    return spec


def file_drivers(file: SecretFile) -> dict[str, Any]:
    """Return what the API takes besides the content of a secret or config."""
    options = dict(file.driver_options)
    driver = written({"Name": file.driver, "Options": options}) if file.driver else None
    template = {"Name": file.template_driver} if file.template_driver else None
    return written({"Driver": driver, "Templating": template})


def with_ids(
    spec: Mapping[str, Any],
    network_ids: Mapping[str, str],
    secret_ids: Mapping[str, str],
    config_ids: Mapping[str, str],
) -> dict[str, Any]:
    """Return *spec* with IDs for the names of networks, secrets and configs; raise when one has none."""
    filled = copy.deepcopy(dict(spec))
    task = filled["TaskTemplate"]
    for network in task.get("Networks", ()):
        network["Target"] = _id(network["Target"], network_ids, "network", filled["Name"])
    for secret in task["ContainerSpec"].get("Secrets", ()):
        secret["SecretID"] = _id(secret["SecretName"], secret_ids, "secret", filled["Name"])
    for config in task["ContainerSpec"].get("Configs", ()):
        config["ConfigID"] = _id(config["ConfigName"], config_ids, "config", filled["Name"])
    account = (task["ContainerSpec"].get("Privileges") or {}).get("CredentialSpec") or {}
    if account.get("Config"):
        account["Config"] = _id(account["Config"], config_ids, "config", filled["Name"])
    return filled


def _id(name: str, ids: Mapping[str, str], what: str, service: str) -> str:
    if name not in ids:
        raise SwarmkitError(
            f"the {what} {name} of service {service} is not in the swarm",
            to_do=f"create it if the stack declares it external, and run the command again to read the {what}s anew",
        )
    return ids[name]


def _networks(service: Service, names: Mapping[str, str]) -> list[dict[str, Any]]:
    attached = []
    for network in service.networks:
        target = names[network.name]
        own = [] if target in _PREDEFINED_NETWORKS else [service.name]
        options = written({"DriverOpts": dict(network.driver_options)})
        attached.append({"Target": target, "Aliases": [*network.aliases, *own]} | options)
    return sorted(attached, key=lambda one: str(one["Target"]))


def _references(references: Iterable[FileReference], names: Mapping[str, str], what: str) -> list[dict[str, Any]]:
    files = (
        {
            f"{what}Name": names[one.source],
            "File": {"Name": one.target, "UID": one.uid, "GID": one.gid, "Mode": one.mode},
        }
        for one in references
    )
    return sorted(files, key=lambda one: str(one[f"{what}Name"]))


def _configs(service: Service, names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the configs in the container, and the one that only the runtime reads."""
    references = _references(service.configs, names, "Config")
    if service.credential_spec and service.credential_spec.config:
        references.append({"ConfigName": names[service.credential_spec.config], "Runtime": {}})
    return sorted(references, key=lambda one: str(one["ConfigName"]))


def _log_driver(service: Service) -> dict[str, Any] | None:
    if service.logging is None:
        return None
    return written({"Name": service.logging.driver, "Options": dict(service.logging.options)})


def _names(declared: Iterable[Any], given: Mapping[str, str] | None) -> dict[str, str]:
    return {one.key: one.name for one in declared} | dict(given or {})
