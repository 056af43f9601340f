"""From the engine's JSON and the fact script's sections to frozen facts; pure."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from swarmkit.observed.model import (
    RECORD_LABEL,
    RECOVERY_LABEL,
    ClusterState,
    EngineFacts,
    KernelFacts,
    ModuleFacts,
    NetworkState,
    Node,
    Route,
    SecretState,
    ServiceState,
    SwarmState,
    SystemFacts,
    TaskState,
)
from swarmkit.reach.engine import Json

DEFAULT_DATA_PATH_PORT = 4789
_OWNER = re.compile(r'\("([^"]+)",pid=')


def sections(text: str) -> dict[str, str]:
    """Return the fact script's sections by name, each stripped."""
    found: dict[str, str] = {}
    for part in ("\n" + text).split("\n== ")[1:]:
        name, _, body = part.partition("\n")
        found[name.strip()] = body.strip()
    return found


def system_facts(text: str, *, asked_at: float, answered_at: float) -> SystemFacts:
    """Return what the fact script said; the times are the operator's, in seconds since the epoch."""
    said = sections(text)
    clock = float(said["clock"])
    addresses, routes = _documents(said["addresses_and_routes"])
    kernel = {name.removeprefix("kernel."): body for name, body in said.items() if name.startswith("kernel.")}
    return SystemFacts(
        hostname=said["hostname"],
        machine_id=said["machine_id"],
        addresses=_addresses(addresses),
        routes=_routes(routes),
        clock_offset_seconds=_offset(clock, asked_at, answered_at),
        kernel=KernelFacts(kernel, _modules(said)) if kernel else None,
        gossip="heard" in said["gossip"].split() if "gossip" in said else None,
        gossip_of_engine=_is_engines(said.get("gossip", "")),
        unfinished_loads={words[0]: words[-1] for words in map(str.split, said.get("loads", "").splitlines())},
    )


def _is_engines(text: str) -> bool:
    """Tell whether each socket that ss lists, after the first line, is dockerd's alone."""
    owners = [set(_OWNER.findall(line)) for line in text.splitlines()[1:]]
    return bool(owners) and all(names == {"dockerd"} for names in owners)


def _modules(said: Mapping[str, str]) -> ModuleFacts:
    return ModuleFacts(
        said=said.get("modules.said", ""),
        rules=tuple(said.get("modules.rules", "").splitlines()),
        system=said.get("modules.system", ""),
        takes_none=said.get("modules.disabled") == "1",
    )


def _documents(text: str) -> tuple[list[Json], list[Json]]:
    """Return the two lists that ``ip -batch`` wrote one after the other; raises ValueError unless there are two."""
    decoder = json.JSONDecoder()
    first, end = decoder.raw_decode(text)
    second = json.loads(text[end:])
    return first, second


def _offset(clock: float, asked_at: float, answered_at: float) -> float:
    """Return the smallest offset that explains *clock*, which was read somewhere between the two times."""
    return min(0.0, clock - asked_at) or max(0.0, clock - answered_at)


def _addresses(links: Iterable[Json]) -> dict[str, str]:
    return {
        str(address["local"]): str(link["ifname"])
        for link in links
        if "LOOPBACK" not in link.get("flags", [])
        for address in link.get("addr_info", [])
        if "local" in address
    }


def _routes(routes: Iterable[Json]) -> tuple[Route, ...]:
    return tuple(
        Route(_cidr(str(route["dst"])), str(route.get("dev", "")))
        for route in routes
        if route.get("dst", "default") != "default"
    )


def _cidr(destination: str) -> str:
    return destination if "/" in destination else destination + "/32"


def swarm_state(info: Json) -> SwarmState:
    """Return an engine's state in its swarm (GET /info)."""
    return node_state(info.get("Swarm") or {})


def node_state(swarm: Json) -> SwarmState:
    """Return the state of the node that *swarm* tells of (GET /info, Swarm).

    An engine whose node ended, and that started it again by itself, says ``error`` until the engine is started anew,
    of a node that works as well (moby 26.1, nodeRunner.State: it has waited once to reconnect). Of such a one it tells
    the id, and no error; or the node controls its swarm, and the error may be that the swarm has no leader.
    """
    state: SwarmState = swarm.get("LocalNodeState") or "inactive"
    works = bool(swarm.get("NodeID")) and (bool(swarm.get("ControlAvailable")) or not swarm.get("Error"))
    return "active" if state == "error" and works else state


def has_content_store(info: Json) -> bool:
    """Tell whether images are in the containerd store, which numbers them otherwise than archives (HAZARDS H42)."""
    driver_status = dict(entry for entry in info.get("DriverStatus") or [] if len(entry) == 2)
    return "containerd" in str(driver_status.get("driver-type", ""))


def has_containerd(info: Json) -> bool:
    """Tell whether an engine's containerd answers it; of one that did not it says so (moby daemon/info_unix.go)."""
    return (info.get("ContainerdCommit") or {}).get("ID") != "N/A"


def engine_facts(
    info: Json,
    images: Iterable[Json],
    networks: Iterable[Json],
    api_version: tuple[int, int],
    unfinished_loads: Mapping[str, str] = MappingProxyType({}),
) -> EngineFacts:
    swarm = info.get("Swarm") or {}
    content_store = has_content_store(info)
    found = {str(image["Id"]): tuple(image.get("RepoTags") or ()) for image in images}
    unfinished = set(unfinished_loads.values() if content_store else unfinished_loads)
    return EngineFacts(
        version=str(info.get("ServerVersion", "")),
        api_version=api_version,
        engine_id=str(info.get("ID", "")),
        operating_system="windows" if info.get("OSType") == "windows" else "linux",
        architecture=str(info.get("Architecture", "")),
        swarm_state=swarm_state(info),
        swarm_error=str(swarm.get("Error", "")),
        node_id=str(swarm.get("NodeID", "")),
        node_addr=str(swarm.get("NodeAddr", "")),
        is_manager=bool(swarm.get("ControlAvailable")),
        cluster_id=(swarm.get("Cluster") or {}).get("ID") or None,
        live_restore=bool(info.get("LiveRestoreEnabled")),
        rootless=any("name=rootless" in option for option in info.get("SecurityOptions") or []),
        memory_bytes=int(info.get("MemTotal", 0)),
        cpus=int(info.get("NCPU", 0)),
        images={one: tags for one, tags in found.items() if not unfinished & {one, *tags}},
        recovery=int((((swarm.get("Cluster") or {}).get("Spec") or {}).get("Labels") or {}).get(RECOVERY_LABEL, "0")),
        config_networks=tuple(network(item) for item in networks if item.get("ConfigOnly")),
        content_store=content_store,
        root_dir=str(info.get("DockerRootDir") or "/var/lib/docker"),
        generic_resources=_generic_resources(info),
        running_containers=int(info.get("ContainersRunning") or 0),
        network_drivers=tuple((info.get("Plugins") or {}).get("Network") or ()),
        remote_managers=frozenset(str(one.get("NodeID")) for one in swarm.get("RemoteManagers") or ()),
        has_containerd=has_containerd(info),
    )


def _generic_resources(info: Json) -> dict[str, int]:
    """Return how many of each kind an engine offers: counted ones, or one for each that has a name."""
    found: dict[str, int] = {}
    for entry in info.get("GenericResources") or []:
        for key, amount in (("DiscreteResourceSpec", None), ("NamedResourceSpec", 1)):
            if spec := entry.get(key):
                kind = str(spec["Kind"])
                found[kind] = found.get(kind, 0) + (amount or int(spec.get("Value") or 0))
    return found


def cluster_state(told_by: str, swarm: Json, lists: Mapping[str, list[Json]], *, read_at: float) -> ClusterState:
    """Return the cluster from a manager's answer to GET /swarm and its *lists*, by kind, of *read_at*."""
    return ClusterState(
        id=str(swarm["ID"]),
        version=int(swarm["Version"]["Index"]),
        labels=swarm["Spec"].get("Labels") or {},
        spec=swarm["Spec"],
        data_path_port=int(swarm.get("DataPathPort") or DEFAULT_DATA_PATH_PORT),
        address_pools=tuple(swarm.get("DefaultAddrPool") or ()),
        told_by=told_by,
        nodes=tuple(nodes(lists["nodes"])),
        networks=tuple(network(item) for item in lists["networks"] if item.get("Scope") == "swarm"),
        secrets=tuple(secret(item) for item in lists["secrets"]),
        configs=tuple(config(item) for item in lists["configs"]),
        services=tuple(service(item) for item in lists["services"]),
        tasks=tuple(task(item) for item in lists["tasks"]),
        pool_prefix=int(swarm.get("SubnetSize") or 0),
        read_at=read_at,
        names_taken=frozenset(str(item["Name"]) for item in lists["networks"] if item.get("Scope") == "local"),
    )


def nodes(items: Iterable[Json]) -> list[Node]:
    """Return all nodes of a swarm.

    The managers ask each other by address: for a manager whose host was wiped, its successor there answers.
    """
    found = [node(item) for item in items]
    answering = {one.address for one in found if one.state != "down"} - {"", "0.0.0.0"}  # noqa: S104

    def is_replaced(one: Node) -> bool:
        return bool(one.reachability) and one.state == "down" and one.address in answering

    return [replace(one, reachability="unreachable") if is_replaced(one) else one for one in found]


def node(item: Json) -> Node:
    spec, status, manager = item["Spec"], item.get("Status") or {}, item.get("ManagerStatus") or {}
    description = item.get("Description") or {}
    engine = description.get("Engine") or {}
    return Node(
        id=str(item["ID"]),
        version=int(item["Version"]["Index"]),
        hostname=str(description.get("Hostname", "")),
        role=spec["Role"],
        availability=str(spec["Availability"]),
        labels=spec.get("Labels") or {},
        state=str(status.get("State", "unknown")),
        address=str(status.get("Addr", "")),
        reachability=str(manager.get("Reachability", "")),
        is_leader=bool(manager.get("Leader")),
        spec=spec,
        engine_version=str(engine.get("EngineVersion", "")),
        updated_at=str(item.get("UpdatedAt", "")),
        plugins=frozenset((str(one["Type"]), str(one["Name"])) for one in engine.get("Plugins") or ()),
    )


def network(item: Json) -> NetworkState:
    return NetworkState(
        id=str(item["Id"]),
        name=str(item["Name"]),
        driver=str(item["Driver"]),
        scope=str(item["Scope"]),
        options=item.get("Options") or {},
        labels=item.get("Labels") or {},
        raw=item,
    )


def secret(item: Json) -> SecretState:
    spec = item["Spec"]
    drivers = {key: spec[key] for key in ("Driver", "Templating") if spec.get(key)}
    return SecretState(str(item["ID"]), str(spec["Name"]), spec.get("Labels") or {}, drivers=drivers)


def config(item: Json) -> SecretState:
    """Return a config, with its content where it is a record of ours: others may be large."""
    bare = secret(item)
    content = base64.b64decode(item["Spec"].get("Data") or "") if RECORD_LABEL in bare.labels else b""
    return replace(bare, content=content)


def service(item: Json) -> ServiceState:
    update = item.get("UpdateStatus") or {}
    return ServiceState(
        id=str(item["ID"]),
        version=int(item["Version"]["Index"]),
        name=str(item["Spec"]["Name"]),
        labels=item["Spec"].get("Labels") or {},
        spec=item["Spec"],
        update_state=str(update.get("State", "")),
        update_message=str(update.get("Message", "")),
        iteration=_iteration(item.get("JobStatus") or {}),
    )


def _iteration(holder: Json) -> int:
    return int((holder.get("JobIteration") or {}).get("Index", 0))


def task(item: Json) -> TaskState:
    status: dict[str, Any] = item.get("Status") or {}
    container = (item.get("Spec") or {}).get("ContainerSpec") or {}
    return TaskState(
        id=str(item["ID"]),
        service_id=str(item.get("ServiceID", "")),
        node_id=str(item.get("NodeID", "")),
        slot=int(item.get("Slot", 0)),
        state=str(status.get("State", "")),
        desired_state=str(item.get("DesiredState", "")),
        error=str(status.get("Err", "")),
        message=str(status.get("Message", "")),
        container_id=str((status.get("ContainerStatus") or {}).get("ContainerID", "")),
        addresses={
            str(attachment["Network"]["ID"]): tuple(
                address.split("/")[0] for address in attachment.get("Addresses") or ()
            )
            for attachment in item.get("NetworksAttachments") or ()
        },
        image=str(container.get("Image", "")),
        created_at=str(item.get("CreatedAt", "")),
        spec=item.get("Spec") or {},
        iteration=_iteration(item),
        state_since=str(status.get("Timestamp", "")),
    )
