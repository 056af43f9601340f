"""The state that the managers of a swarm share, with the rules of moby's orchestrator that a planner can run into."""

from __future__ import annotations

import copy
import itertools
import re
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from swarmkit.reach.engine import EngineError, Kind, Rotated
from swarmkit.secret import Secret

Json = dict[str, Any]
Behaviour = Literal["run", "crash", "stuck", "unhealthy"]
ALIVE = ("new", "pending", "preparing", "starting", "running")


class Refused(Exception):  # noqa: N818 - becomes an EngineError, which knows the host
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message

    def at(self, host: str, action: str) -> EngineError:
        return EngineError(host, action, self.status, self.message)


class World:
    """What all fake hosts live in: one lock, one clock of changes, one place where writes can be cut off."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.events: list[Json] = []
        self.writes = 0
        self._numbers = itertools.count(1)

    def identity(self, what: str) -> str:
        return f"{what}{next(self._numbers):0>{25 - len(what)}}"

    def tick(self) -> str:
        """Return a time later than all before, as the engine writes them."""
        number = next(self._numbers)
        return f"2026-01-01T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}.000000000Z"

    def happened(self, **event: Any) -> None:
        with self.changed:
            self.events.append(event)
            self.changed.notify_all()


@dataclass
class Cluster:
    """One swarm: nodes, objects and tasks."""

    world: World
    spec: Json
    pools: list[str]
    data_path_port: int = 4789
    subnet_size: int = 24
    looks_until_running: int = 0
    """How often tasks are listed before a new one runs."""
    behaviour: dict[str, Behaviour] = field(default_factory=dict)
    """Service name -> what becomes of its tasks; default ``run``."""
    nodes: dict[str, Json] = field(default_factory=dict)
    objects: dict[Kind, dict[str, Json]] = field(
        default_factory=lambda: {"networks": {}, "secrets": {}, "configs": {}, "services": {}}
    )
    tasks: dict[str, Json] = field(default_factory=dict)
    images: dict[str, Mapping[str, list[str]]] = field(default_factory=dict)
    """Node id -> its images, shared with its engine."""
    registries: dict[str, Secret] = field(default_factory=dict)
    """Registry that asks for a login -> the X-Registry-Auth that it takes; all others give what they are asked for."""
    logins: dict[str, Secret] = field(default_factory=dict)
    """Service id -> the X-Registry-Auth it was last sent with; no request shows it, as with real engines."""
    ingress_ends: dict[str, str] = field(default_factory=dict)
    """Node id -> the ingress network that its engine has its end of."""

    def __post_init__(self) -> None:
        self.id = self.world.identity("cluster")
        self.index = 10
        self.version = self.next_index()
        self.tokens = {"Worker": self._token(), "Manager": self._token()}
        self.unlock_key = self.world.identity("SWMKEY-1-")
        self.trust_root = self.world.identity("root")
        self.out_of_raft = set[str]()
        """Managers by their entries that are no members of the raft."""

    def _token(self) -> str:
        return f"SWMTKN-1-{'0' * 49}-{self.world.identity('t')}"

    def rotate(self, spec: Json, what: Collection[Rotated]) -> None:
        for name in ("Worker", "Manager"):
            if f"{name}Token" in what:
                self.tokens[name] = self._token()
        if "ManagerUnlockKey" in what:
            self.unlock_key = self.world.identity("SWMKEY-1-")
        rotations = [(one.get("CAConfig") or {}).get("ForceRotate", 0) for one in (self.spec, spec)]
        if rotations[0] != rotations[1]:
            self.trust_root = self.world.identity("root")

    def next_index(self) -> int:
        self.index += 1
        return self.index

    def describe(self) -> Json:
        return {
            "ID": self.id,
            "Version": {"Index": self.version},
            "Spec": copy.deepcopy(self.spec),
            "JoinTokens": dict(self.tokens),
            "TLSInfo": {"TrustRoot": self.trust_root},
            "RootRotationInProgress": False,
            "DefaultAddrPool": list(self.pools),
            "SubnetSize": self.subnet_size,
            "DataPathPort": self.data_path_port,
        }

    # nodes

    def add_node(self, identity: str, hostname: str, address: str, role: str, availability: str, engine: str) -> None:
        self.nodes[identity] = {
            "ID": identity,
            "Version": {"Index": self.next_index()},
            "Spec": {"Role": role, "Availability": availability, "Labels": {}},
            "Description": {
                "Hostname": hostname,
                "Platform": {"Architecture": "x86_64", "OS": "linux"},
                "Engine": {"EngineVersion": engine},
            },
            "Status": {"State": "ready", "Addr": address},
        }
        self._tell_of_ingress(identity)
        self.reschedule()

    def shown_node(self, node: Json) -> Json:
        shown = copy.deepcopy(node)
        shown["Description"]["TLSInfo"] = {"TrustRoot": self.trust_root}
        if node["Spec"]["Role"] == "manager" and node["ID"] not in self.out_of_raft:
            ready = [one for one in self.managers if self.nodes[one]["Status"]["State"] == "ready"]
            first = next(iter(ready), "")
            shown["ManagerStatus"] = {
                "Reachability": "reachable" if node["Status"]["State"] == "ready" else "unreachable",
                "Leader": node["ID"] == first,
                "Addr": f"{node['Status']['Addr']}:2377",
            }
        return shown

    @property
    def managers(self) -> list[str]:
        return [one for one, node in self.nodes.items() if node["Spec"]["Role"] == "manager"]

    def update_node(self, identity: str, version: int, spec: Json) -> None:
        node = self.nodes[identity]
        self.check_version(node["Version"]["Index"], version)
        if spec["Role"] == "worker" and self.managers == [identity]:
            raise Refused(
                400, "rpc error: code = FailedPrecondition desc = attempting to demote the last manager of the swarm"
            )
        if spec["Role"] == "worker" and identity in self.managers:
            rest = [one for one in self.managers if one != identity]
            if sum(self.nodes[one]["Status"]["State"] == "ready" for one in rest) <= len(rest) // 2:
                raise Refused(
                    400,
                    "rpc error: code = FailedPrecondition desc = can't remove member from the raft: this would result "
                    "in a loss of quorum",
                )
        node["Spec"] = copy.deepcopy(spec)
        node["Version"] = {"Index": self.next_index()}
        self._tell_of_ingress(identity)
        self.reschedule()

    def _tell_of_ingress(self, node: str) -> None:
        """Give the node its address on ingress, as managers do when it joins or is updated; not when one is made."""
        for identity, network in self.objects["networks"].items():
            if network["Ingress"]:
                self.ingress_ends[node] = identity

    def check_version(self, live: int, given: int) -> None:
        if live != given:
            raise Refused(500, "rpc error: code = Unknown desc = update out of sequence")

    # objects

    def create(self, kind: Kind, body: Json, registry_auth: Secret | None = None) -> str:
        name = str(body["Name"])
        if kind == "networks" and body.get("Ingress"):
            self._check_ingress(body)
        if any(_name(item) == name for item in self.objects[kind].values()):
            raise Refused(409, _ALREADY_THERE[kind].format(name))
        identity = self.world.identity(kind[:-1])
        version = {"Index": self.next_index()}
        if kind == "networks":
            self.objects[kind][identity] = self._network(identity, body)
        elif kind == "services":
            self._check_references(body)
            self.objects[kind][identity] = {"ID": identity, "Version": version, "Spec": kept_service(body)}
            self._keep_login(identity, registry_auth)
            self._begin_job(self.objects[kind][identity])
            self.reschedule()
            self.world.happened(Type="service", Action="create", Actor={"ID": identity})
        else:
            if not body.get("Data") and not body.get("Driver"):
                raise Refused(400, "rpc error: code = InvalidArgument desc = secret data must be larger than 0")
            spec = {key: value for key, value in body.items() if kind == "configs" or key != "Data"}
            self.objects[kind][identity] = {"ID": identity, "Version": version, "Spec": copy.deepcopy(spec)}
        return identity

    def _check_ingress(self, body: Json) -> None:
        if body.get("Driver", "overlay") != "overlay":
            raise Refused(
                501,
                "rpc error: code = Unimplemented desc = only overlay driver is currently supported for ingress network",
            )
        if body.get("Attachable"):
            raise Refused(400, "rpc error: code = InvalidArgument desc = ingress network cannot be attachable")
        if there := [one["Id"] for one in self.objects["networks"].values() if one["Ingress"]]:
            raise Refused(
                409, f"rpc error: code = AlreadyExists desc = ingress network ({there[0]}) is already present"
            )

    def _network(self, identity: str, body: Json) -> Json:
        number = len(self.objects["networks"])
        base = self.pools[0].split(".")[:2]
        ipam = body.get("IPAM") or {}
        if (driver := ipam.get("Driver") or "default") != "default":
            raise Refused(400, f"rpc error: code = InvalidArgument desc = error during lookup of plugin {driver}")
        entries = ipam.get("Config") or [{"Subnet": f"{base[0]}.{base[1]}.{number}.0/24"}]
        # The request to the managers has no place for auxiliary addresses (moby daemon/cluster/convert/network.go).
        config = [{key: value for key, value in one.items() if key != "AuxiliaryAddresses"} for one in entries]
        if body.get("Driver") == "bridge":
            # Seen on 26.1: the managers drop the range, of Docker's own tool as well, and each engine chooses one.
            driver, config = "", []
        return {
            "Id": identity,
            "Name": body["Name"],
            "Created": self.world.tick(),
            "Driver": body.get("Driver", "overlay"),
            "Scope": "swarm",
            "Options": {
                "com.docker.network.driver.overlay.vxlanid_list": str(4097 + number),
                **(body.get("Options") or {}),
            },
            "Labels": dict(body.get("Labels") or {}),
            "Attachable": bool(body.get("Attachable")),
            "Internal": bool(body.get("Internal")),
            "Ingress": bool(body.get("Ingress")),
            "EnableIPv6": bool(body.get("EnableIPv6")),
            "ConfigFrom": body.get("ConfigFrom") or {"Network": ""},
            "IPAM": {
                "Driver": driver,
                "Options": copy.deepcopy(ipam.get("Options")),
                "Config": copy.deepcopy(config),
            },
        }

    def _check_references(self, spec: Json) -> None:
        task = spec["TaskTemplate"]
        for network in task.get("Networks") or ():
            if network["Target"] not in self.objects["networks"]:
                raise Refused(404, f"network {network['Target']} not found")
        for what, kind in (("Secret", "secrets"), ("Config", "configs")):
            for one in task["ContainerSpec"].get(f"{what}s") or ():
                if one[f"{what}ID"] not in self.objects[kind]:  # type: ignore[index]
                    raise Refused(
                        400, f"rpc error: code = InvalidArgument desc = {what.lower()} not found: {one[f'{what}Name']}"
                    )

    def resolve(self, kind: Kind, identity: str) -> Json:
        """Return the object by id, by name, or by the beginning of its id."""
        pool = self.nodes if kind == "nodes" else self.tasks if kind == "tasks" else self.objects[kind]
        for matches in (
            lambda key, _: key == identity,
            lambda _, item: _name(item) == identity,
            lambda key, _: key.startswith(identity),
        ):
            for key, item in pool.items():
                if matches(key, item):
                    return item
        raise Refused(404, f"{kind[:-1]} {identity} not found")

    def update_service(self, identity: str, version: int, spec: Json, registry_auth: Secret | None = None) -> None:
        service = self.resolve("services", identity)
        self.check_version(service["Version"]["Index"], version)
        self._check_references(spec)
        kept = kept_service(spec)
        if kept["TaskTemplate"] != service["Spec"]["TaskTemplate"]:
            service["UpdateStatus"] = {"State": "completed", "Message": "update completed"}
        service["PreviousSpec"], service["Spec"] = service["Spec"], kept
        service["Version"] = {"Index": self.next_index()}
        self._keep_login(service["ID"], registry_auth)
        self._begin_job(service)
        self.reschedule()
        self.world.happened(Type="service", Action="update", Actor={"ID": service["ID"]})

    def update_file(self, kind: Kind, identity: str, version: int, spec: Json) -> None:
        item = self.resolve(kind, identity)
        self.check_version(item["Version"]["Index"], version)
        if spec.get("Name", item["Spec"]["Name"]) != item["Spec"]["Name"] or spec.get("Data"):
            raise Refused(400, "rpc error: code = InvalidArgument desc = only updates to Labels are allowed")
        item["Spec"]["Labels"] = dict(spec.get("Labels") or {})
        item["Version"] = {"Index": self.next_index()}

    def remove(self, kind: Kind, identity: str, *, force: bool = False) -> None:
        if kind == "nodes":
            node = self.resolve("nodes", identity)
            if node["Spec"]["Role"] == "manager" and node["ID"] not in self.out_of_raft:
                raise Refused(
                    400,
                    f"rpc error: code = FailedPrecondition desc = node {node['ID']} is a cluster manager and is a "
                    "member of the raft cluster. It must be demoted to worker before removal",
                )
            if node["Status"]["State"] != "down" and not force:
                raise Refused(
                    400,
                    f"rpc error: code = FailedPrecondition desc = node {node['ID']} is not down and can't be removed",
                )
            del self.nodes[node["ID"]]
            self.reschedule()
            return
        item = self.resolve(kind, identity)
        key = str(item.get("Id") or item["ID"])
        if item.get("Ingress") and (
            publishing := [one for one in self.objects["services"].values() if _publishes(one)]
        ):
            raise Refused(
                400,
                "rpc error: code = FailedPrecondition desc = ingress network cannot be removed because service "
                f"{publishing[0]['ID']} depends on it",
            )
        users = sorted(
            _name(service) for service in self.objects["services"].values() if key in _references(service, kind)
        )
        if users and kind == "networks":
            raise Refused(
                400, f"rpc error: code = FailedPrecondition desc = network {key} is in use by service {users[0]}"
            )
        if users:
            raise Refused(
                400,
                f"rpc error: code = InvalidArgument desc = {kind[:-1]} '{_name(item)}' is in use by the following "
                f"service{'s' if len(users) > 1 else ''}: {', '.join(users)}",
            )
        del self.objects[kind][key]
        self.ingress_ends = {node: network for node, network in self.ingress_ends.items() if network != key}
        if kind == "services":
            self.tasks = {one: task for one, task in self.tasks.items() if task["ServiceID"] != key}
            self.world.happened(Type="service", Action="remove", Actor={"ID": key})

    # tasks

    def reschedule(self) -> None:
        """Give every service the tasks it shall have, on nodes that may run them."""
        for service in list(self.objects["services"].values()):
            self._stop_outdated(service)
            for slot, node in self._missing(service):
                self._start(service, slot, node)

    def live_tasks(self, service: Json) -> list[Json]:
        return [
            task
            for task in self.tasks.values()
            if task["ServiceID"] == service["ID"]
            and task["DesiredState"] == "running"
            and task["Status"]["State"] in ALIVE
        ]

    def _stop_outdated(self, service: Json) -> None:
        mode, placed = service["Spec"]["Mode"], {node["ID"] for node in self.suitable(service)}
        for task in self.live_tasks(service):
            too_many = "Replicated" in mode and task["Slot"] > int(mode["Replicated"].get("Replicas", 1))
            if (
                task["Spec"] != service["Spec"]["TaskTemplate"]
                or too_many
                or (task["NodeID"] not in placed and (task["NodeID"] or placed))
            ):
                task["DesiredState"] = "shutdown"
                task["Status"]["State"] = "shutdown"

    def _missing(self, service: Json) -> list[tuple[int, str]]:
        live, mode = self.live_tasks(service), service["Spec"]["Mode"]
        if _is_job(service):
            own = [task for task in self.tasks.values() if task["ServiceID"] == service["ID"]]
            live = [task for task in own if _is_present(task, service)]
        nodes = [node["ID"] for node in self.suitable(service)]
        if "Global" in mode or "GlobalJob" in mode:
            return [(0, node) for node in nodes if node not in {task["NodeID"] for task in live}]
        taken = {task["Slot"] for task in live}
        if "ReplicatedJob" in mode:
            total = int(mode["ReplicatedJob"].get("TotalCompletions", 1))
            return [(slot, nodes[slot % len(nodes)] if nodes else "") for slot in range(total) if slot not in taken]
        slots = [slot for slot in range(1, int(mode["Replicated"].get("Replicas", 1)) + 1) if slot not in taken]
        return [(slot, nodes[slot % len(nodes)] if nodes else "") for slot in slots]

    def suitable(self, service: Json) -> list[Json]:
        constraints = (service["Spec"]["TaskTemplate"].get("Placement") or {}).get("Constraints") or []
        return [
            node
            for node in self.nodes.values()
            if node["Spec"]["Availability"] == "active"
            and node["Status"]["State"] == "ready"
            and all(_holds(text, node) for text in constraints)
        ]

    def _start(self, service: Json, slot: int, node: str) -> None:
        identity, template = self.world.identity("task"), service["Spec"]["TaskTemplate"]
        now = self.world.tick()
        image = template["ContainerSpec"]["Image"]
        status: Json = {"State": "preparing", "Message": "preparing"}
        if not node:
            amount = len(self.nodes)
            unsuited = f"scheduling constraints not satisfied on {amount} node{'s' if amount != 1 else ''}"
            status = {"State": "pending", "Err": f"no suitable node ({unsuited})", "Message": "pending task scheduling"}
        elif image.startswith("sha256:") and image not in self.images.get(node, {}):
            status = {"State": "rejected", "Err": f"No such image: {image}", "Message": "preparing"}
        elif self._is_refused(image, node, service):
            # The engine asks the registry, notes its answer in its log, and creates the container all the same.
            status = {"State": "rejected", "Err": f"No such image: {image}", "Message": "preparing"}
        self.tasks[identity] = {
            "ID": identity,
            "CreatedAt": now,
            "ServiceID": service["ID"],
            "NodeID": node,
            "Slot": slot,
            "Spec": copy.deepcopy(template),
            "DesiredState": "running",
            "Status": {"Timestamp": now, **status},
            "looks": 0,
        }
        if _is_job(service):
            iteration = dict(service["JobStatus"]["JobIteration"])
            self.tasks[identity].update(DesiredState="complete", JobIteration=iteration)
        self._forget_old_tasks(service, slot, node)
        if self.looks_until_running == 0:
            self._advance(self.tasks[identity])

    def _keep_login(self, service: str, registry_auth: Secret | None) -> None:
        """Keep the login of a service, or what it has (moby daemon/cluster/services.go)."""
        if registry_auth:
            self.logins[service] = registry_auth

    def _is_refused(self, image: str, node: str, service: Json) -> bool:
        wanted = self.registries.get(image.partition("/")[0])
        has_it = any(image in tags for tags in self.images.get(node, {}).values())
        return wanted is not None and not has_it and self.logins.get(service["ID"]) != wanted

    def _forget_old_tasks(self, service: Json, slot: int, node: str) -> None:
        """Keep five ended tasks a slot, as the engine does."""
        place = (service["ID"], slot, node if slot == 0 else "")
        ended = [
            one
            for one, task in self.tasks.items()
            if (task["ServiceID"], task["Slot"], task["NodeID"] if slot == 0 else "") == place
            and task["Status"]["State"] not in ALIVE
        ]
        for one in ended[:-5]:
            del self.tasks[one]

    def look(self) -> None:
        """Let time pass: called whenever tasks are listed. What was rejected is tried again."""
        self.reschedule()
        for task in list(self.tasks.values()):
            is_wanted = task["DesiredState"] in ("running", "complete")
            if is_wanted and task["Status"]["State"] in ("preparing", "starting", "running"):
                task["looks"] += 1
                if task["looks"] >= self.looks_until_running:
                    self._advance(task)

    def _begin_job(self, service: Json) -> None:
        if _is_job(service):
            service["JobStatus"] = {"JobIteration": {"Index": service["Version"]["Index"]}}

    def _restarts(self, service: Json, failed: Json) -> bool:
        """Tell whether the restart policy lets the job's *failed* task have a successor."""
        policy = failed["Spec"].get("RestartPolicy") or {}
        place = (service["ID"], failed["Slot"], failed["NodeID"])
        tasks = [one for one in self.tasks.values() if (one["ServiceID"], one["Slot"], one["NodeID"]) == place]
        restarts = sum(_is_present(one, service) for one in tasks) - 1
        return policy.get("Condition") != "none" and restarts < policy.get("MaxAttempts", restarts + 1)

    def _advance(self, task: Json) -> None:
        service = self.objects["services"][task["ServiceID"]]
        behaviour = self.behaviour.get(_name(service), "run")
        status = task["Status"]
        if status["State"] not in ("preparing", "starting"):
            return
        status["ContainerStatus"] = {"ContainerID": f"c-{task['ID']}"}
        if behaviour == "run" and _is_job(service):
            status.update(State="complete", Message="finished")
        elif behaviour == "run":
            status.update(State="running", Message="started")
        elif behaviour == "unhealthy":
            status.update(State="starting", Message="starting")
        elif behaviour == "crash" and task["looks"] > 0:
            status.update(State="failed", Err="task: non-zero exit (1)", Message="started")
            task["DesiredState"] = "shutdown"
            if not _is_job(service) or self._restarts(service, task):
                self._start(service, task["Slot"], task["NodeID"])
        if status["State"] in ("running", "failed"):
            action = "start" if status["State"] == "running" else "die"
            self.world.happened(Type="container", Action=action, Actor={"ID": f"c-{task['ID']}"})


_ALREADY_THERE: Mapping[Kind, str] = {
    "networks": "network with name {} already exists",
    "secrets": "rpc error: code = AlreadyExists desc = secret {} already exists",
    "configs": "rpc error: code = AlreadyExists desc = config {} already exists",
    "services": "rpc error: code = AlreadyExists desc = name conflicts with an existing object: service {} already "
    "exists",
}
_CONSTRAINT = re.compile(r"\s*([\w.\-/]+)\s*(==|!=)\s*(.*?)\s*")


def _holds(constraint: str, node: Json) -> bool:
    match = _CONSTRAINT.fullmatch(constraint)
    assert match is not None, constraint
    attribute, operator, wanted = match.groups()
    if attribute.startswith("node.labels."):
        value = node["Spec"]["Labels"].get(attribute.removeprefix("node.labels."), "")
    else:
        value = {"node.role": node["Spec"]["Role"], "node.hostname": node["Description"]["Hostname"]}[attribute]
    return (str(value).lower() == wanted.lower()) == (operator == "==")


def _is_job(service: Json) -> bool:
    return bool({"ReplicatedJob", "GlobalJob"} & service["Spec"]["Mode"].keys())


def _is_present(task: Json, service: Json) -> bool:
    """Tell whether a job's task is of its present iteration."""
    return bool(task.get("JobIteration") == service["JobStatus"]["JobIteration"])


def _name(item: Json) -> str:
    return str(item.get("Name") or (item.get("Spec") or {}).get("Name", ""))


def _publishes(service: Json) -> bool:
    ports = (service["Spec"].get("EndpointSpec") or {}).get("Ports") or ()
    return any((port.get("PublishMode") or "ingress") == "ingress" for port in ports)


def _references(service: Json, kind: Kind) -> set[str]:
    task = service["Spec"]["TaskTemplate"]
    if kind == "networks":
        return {one["Target"] for one in task.get("Networks") or ()}
    if kind in ("secrets", "configs"):
        what = kind[:-1].capitalize()
        return {one[f"{what}ID"] for one in task["ContainerSpec"].get(f"{what}s") or ()}
    return set()


def kept_service(spec: Json) -> Json:
    """Return *spec* as the engine gives it back: with what it fills in by itself."""
    kept = copy.deepcopy(spec)
    task = kept["TaskTemplate"]
    task.setdefault("ForceUpdate", 0)
    task.setdefault("Runtime", "container")
    task["ContainerSpec"].setdefault("Isolation", "default")
    kept.setdefault("Mode", {"Replicated": {"Replicas": 1}})
    return kept
