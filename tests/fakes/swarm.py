"""Hosts in memory: engines that can form swarms with each other, and the shells that answer the fact script."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import tarfile
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from fakes.cluster import Cluster, Json, Refused, World
from fakes.local_networks import connect, create_local, local_network, remove_local
from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.reach.engine import Engine, Kind, Rotated
from swarmkit.reach.fleet import Fleet, ReachedHost
from swarmkit.reach.ssh import CommandResult
from swarmkit.secret import Secret

FEATURES = ("esp", "policy", "vxlan", "mark", "refuse", "ipvs", "mesh")
_NO_SWARM = (
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm '
    "and try again."
)
_WORKER = (
    "This node is not a swarm manager. Worker nodes can't be used to view or modify cluster state. Please run this "
    "command on a manager node or promote the current node to a manager."
)
_IN_A_SWARM = 'This node is already part of a swarm. Use "docker swarm leave" to leave this swarm and join another one.'
_LAST_MANAGER = (
    "You are attempting to leave the swarm on a node that is participating as a manager. Removing the last manager "
    "erases all current state of the swarm. Use `--force` to ignore this message. "
)
SWARM_KINDS: tuple[Kind, ...] = ("nodes", "networks", "secrets", "configs", "services", "tasks")


@dataclass
class Machine:
    """What the fact script of one host finds."""

    hostname: str
    addresses: dict[str, str]
    machine_id: str = ""
    routes: list[tuple[str, str]] = field(default_factory=lambda: [("172.17.0.0/16", "docker0")])
    clock_offset_seconds: float = 0.0
    kernel: dict[str, str] = field(default_factory=lambda: dict.fromkeys(FEATURES, "ok"))
    modules: dict[str, str] = field(default_factory=dict)
    """``said``, ``rules``, ``system`` and ``disabled``: why those that are lacking do not load."""
    gossip: str | None = None
    """What the fact script says of the port of the swarm's gossip; None: nothing, as of before it was asked for."""
    loads: dict[str, str] = field(default_factory=dict)
    """Image ID -> boot and tag, as noted of a load that has not come to its end."""
    held: str = ""
    """What is in the file of the hosts' lock."""

    def __post_init__(self) -> None:
        self.machine_id = self.machine_id or hashlib.md5(self.hostname.encode()).hexdigest()


class FakeShell:
    """Answers the fact script for *machine*; other scripts are kept in ``scripts`` and answered with *answer*."""

    def __init__(self, machine: Machine, engine: FakeEngine | None = None) -> None:
        self.machine, self.engine = machine, engine
        self.scripts: list[str] = []
        self.answer: Callable[[str, tuple[str, ...]], CommandResult] = lambda *_: CommandResult(0, "", "")
        self.piped: Callable[[tuple[str, ...], bytes], tuple[CommandResult, bytes]] = lambda *_: (
            CommandResult(0, "", ""),
            b"",
        )

    def _hold(self, token: str, content: str = "", seen: str = "", how: str = "") -> str:
        """Do what the scripts of the hosts' lock do; without *content* give it back."""
        machine = self.machine
        mine = machine.held.startswith(f"{token} ")
        if mine or (content and (not machine.held + how or (seen and machine.held == seen))):
            machine.held = content
        return machine.held

    def pipe(
        self,
        script: str,
        arguments: tuple[str, ...] = (),
        *,
        source: Iterable[bytes] = (),
        sink: Callable[[bytes], object] = lambda _: None,
        idle_seconds: float,
    ) -> CommandResult:
        del idle_seconds
        self.scripts.append(script)
        result, output = self.piped(arguments, b"".join(source))
        sink(output)
        return result

    def run(
        self, script: str, arguments: tuple[str, ...] = (), *, timeout_seconds: float, root: bool = True
    ) -> CommandResult:
        del timeout_seconds, root
        if "/run/swarmkit.lock" in script:
            return CommandResult(0, self._hold(*arguments), "")
        if "section machine_id" not in script:
            self.scripts.append(script)
            return self.answer(script, arguments)
        machine = self.machine
        links = [
            {"ifname": "lo", "flags": ["LOOPBACK"], "addr_info": [{"family": "inet", "local": "127.0.0.1"}]},
            *(
                {"ifname": device, "flags": ["UP"], "addr_info": [{"family": "inet", "local": address}]}
                for address, device in machine.addresses.items()
            ),
        ]
        routes = [{"dst": "default"}, *({"dst": dst, "dev": dev} for dst, dev in machine.routes)]
        said = {
            "clock": f"{time.time() + machine.clock_offset_seconds:.9f}",
            "machine_id": machine.machine_id,
            "hostname": machine.hostname,
            "addresses_and_routes": f"{json.dumps(links)}\n{json.dumps(routes)}",
        }
        if machine.gossip is not None:
            said["gossip"] = machine.gossip
        said["loads"] = "\n".join(f"{image} {note}" for image, note in machine.loads.items())
        in_no_swarm = self.engine is None or self.engine.cluster is None
        if arguments == ("always",) or (arguments == ("auto",) and in_no_swarm):
            said |= {f"kernel.{name}": answer for name, answer in machine.kernel.items()}
            said |= {f"modules.{name}": text for name, text in machine.modules.items()}
        return CommandResult(0, "".join(f"\n== {name}\n{body}\n" for name, body in said.items()), "")


class FakeEngine:
    """The engine of one fake host; engines of one *network* can join each other's swarms."""

    def __init__(self, host: str, machine: Machine, network: dict[str, FakeEngine], world: World) -> None:
        self.host = host
        self.api_version = (1, 45)
        self.machine, self.network, self.world = machine, network, world
        self.engine_version = "26.1.5+dfsg1"
        self.engine_id = f"engine-{machine.machine_id[:12]}"
        self.node_id = ""
        self.cluster: Cluster | None = None
        self.info_changes: Json = {}
        """Laid over what ``info`` says."""
        self.images: dict[str, list[str]] = {}
        self.exposed: dict[str, list[str]] = {}
        """Image ID -> ports that it says it listens on."""
        self.volumes: dict[str, Json] = {}
        self.containers: dict[str, Json] = {}
        self.config_networks: dict[str, Json] = {}
        """The host's own networks, config-only ones among them."""
        self.plugins: list[Json] = []
        self.task_logs = ""
        self.locked = False
        """Whether it is a manager that has started and waits for the unlock key."""
        self.intercept: Callable[[str, Callable[[], Any]], Any] = lambda _, write: write()
        """Stands around every write: may raise before or after calling it."""

    def negotiate(self) -> None:
        pass

    def info(self) -> Json:
        with self.world.lock:
            swarm: Json = {
                "LocalNodeState": "inactive",
                "NodeID": "",
                "NodeAddr": "",
                "ControlAvailable": False,
                "Error": "",
            }
            if self.cluster is not None:
                node = self.cluster.nodes.get(self.node_id)
                swarm |= {
                    "LocalNodeState": "locked" if self.locked else "active",
                    "NodeID": self.node_id,
                    "NodeAddr": node["Status"]["Addr"] if node else "",
                    "ControlAvailable": self.is_manager,
                }
                if self.is_manager:
                    swarm["Cluster"] = {"ID": self.cluster.id}
            return {
                "ID": self.engine_id,
                "ServerVersion": self.engine_version,
                "OSType": "linux",
                "Architecture": "x86_64",
                "Driver": "overlay2",
                "DriverStatus": [["Backing Filesystem", "extfs"]],
                "LiveRestoreEnabled": False,
                "SecurityOptions": ["name=seccomp,profile=builtin"],
                "MemTotal": 1 << 30,
                "NCPU": 2,
                "Swarm": swarm,
                **copy.deepcopy(self.info_changes),
            }

    @property
    def is_manager(self) -> bool:
        node = self.cluster.nodes.get(self.node_id) if self.cluster else None
        return bool(node and node["Spec"]["Role"] == "manager" and not self.locked)

    def swarm(self) -> Json:
        with self.world.lock:
            return self._manager("describe the swarm").describe()

    def init_swarm(self, body: Json) -> None:
        self._write("initialise a swarm", lambda: self._init(body))

    def _init(self, body: Json) -> None:
        if self.cluster is not None and body.get("ForceNewCluster"):
            # The raft keeps the manager's address, whatever is asked for.
            rotations = (body.get("Spec") or {}).get("CAConfig") or {"ForceRotate": 0}
            spec = {**self.cluster.spec, "CAConfig": {**(self.cluster.spec.get("CAConfig") or {}), **rotations}}
            self.cluster.rotate(spec, ())
            self.cluster.spec = spec
            return
        if self.cluster is not None:
            raise Refused(503, _IN_A_SWARM)
        spec = {"Name": "default", "Labels": {}, **copy.deepcopy(body.get("Spec") or {})}
        pools = list(body.get("DefaultAddrPool") or ["10.0.0.0/8"])
        self.cluster = Cluster(self.world, spec, pools, int(body.get("DataPathPort") or 4789))
        self.cluster.subnet_size = int(body.get("SubnetSize") or 24)
        self.cluster.create("networks", {"Name": "ingress", "Driver": "overlay", "Ingress": True})
        self._become_node(body, "manager")

    def join_swarm(self, body: Json) -> None:
        self._write("join the swarm", lambda: self._join(body))

    def _join(self, body: Json) -> None:
        if self.cluster is not None:
            raise Refused(503, _IN_A_SWARM)
        remotes = [self.network.get(address.split(":")[0]) for address in body["RemoteAddrs"]]
        cluster = next((one.cluster for one in remotes if one and one.is_manager and one.cluster), None)
        if cluster is None:
            raise Refused(500, "rpc error: code = Unavailable desc = connection error: connect: connection refused")
        roles = {token: role.lower() for role, token in cluster.tokens.items()}
        if not body["JoinToken"].startswith("SWMTKN-"):
            raise Refused(400, "invalid join token")
        if body["JoinToken"] not in roles:
            raise Refused(
                400, "rpc error: code = InvalidArgument desc = A valid join token is necessary to join this cluster"
            )
        self.cluster = cluster
        self._become_node(body, roles[body["JoinToken"]])

    def _become_node(self, body: Json, role: str) -> None:
        assert self.cluster is not None
        self.node_id = self.world.identity("node")
        self.cluster.images[self.node_id] = self.images
        address, availability = body["AdvertiseAddr"].split(":")[0], body.get("Availability") or "active"
        self.cluster.add_node(self.node_id, self.machine.hostname, address, role, availability, self.engine_version)

    def leave_swarm(self, *, force: bool) -> None:
        self._write("leave the swarm", lambda: self._leave(force=force))

    def _leave(self, *, force: bool) -> None:
        if self.cluster is None:
            raise Refused(503, "This node is not part of a swarm")
        if self.is_manager and not force:
            raise Refused(503, _LAST_MANAGER)
        node = self.cluster.nodes.get(self.node_id)
        if node:
            node["Status"]["State"] = "down"
            self.cluster.reschedule()
        self.cluster, self.node_id = None, ""

    def update_swarm(self, version: int, spec: Json, *, rotate: Collection[Rotated] = ()) -> None:
        def write() -> None:
            cluster = self._cluster()
            cluster.check_version(cluster.version, version)
            cluster.rotate(spec, rotate)
            cluster.spec, cluster.version = copy.deepcopy(spec), cluster.next_index()

        self._write("update the swarm", write)

    def unlock_key(self) -> Secret:
        with self.world.lock:
            cluster = self._manager("tell the unlock key")
            locks = (cluster.spec.get("EncryptionConfig") or {}).get("AutoLockManagers")
            return Secret(cluster.unlock_key.encode() if locks else b"")

    def unlock_swarm(self, key: Secret) -> None:
        def write() -> None:
            if not self.locked or self.cluster is None:
                raise Refused(409, "swarm is not locked")
            if key.text() != self.cluster.unlock_key:
                raise Refused(500, "swarm could not be unlocked: invalid key provided")
            self.locked = False

        self._write("unlock", write)

    def find(self, kind: Kind, filters: Mapping[str, list[str]] | None = None) -> list[Json]:
        with self.world.lock:
            items = [item for item in self._items(kind) if _passes(item, kind, filters or {}, self.cluster)]
            return copy.deepcopy(items)

    def _items(self, kind: Kind) -> list[Json]:
        if kind == "images":
            return [{"Id": identity, "RepoTags": list(tags)} for identity, tags in self.images.items()]
        if kind == "volumes":
            return list(self.volumes.values())
        if kind == "plugins":
            return self.plugins
        if kind == "containers":
            return [*self.containers.values(), *self._task_containers()]
        if kind == "networks":
            local = [
                {
                    "Id": f"{name}-{self.host}",
                    "Name": name,
                    "Driver": driver,
                    "Scope": "local",
                    "Options": {},
                    "Labels": {},
                }
                for name, driver in (("bridge", "bridge"), ("host", "host"), ("none", "null"))
            ]
            local += list(self.config_networks.values())
            # The engine's own come last (moby api/server/router/network, getNetworksList).
            return (list(self.cluster.objects[kind].values()) if self.cluster and self.is_manager else []) + local
        cluster = self._manager(f"list {kind}")
        if kind == "nodes":
            return [cluster.shown_node(node) for node in cluster.nodes.values()]
        if kind == "tasks":
            cluster.look()
            return list(cluster.tasks.values())
        return list(cluster.objects[kind].values())

    def _task_containers(self) -> list[Json]:
        tasks = self.cluster.tasks.values() if self.cluster else ()
        return [
            {
                "Id": f"c-{task['ID']}",
                "Labels": {
                    **(task["Spec"]["ContainerSpec"].get("Labels") or {}),
                    "com.docker.swarm.service.name": self.cluster.objects["services"][task["ServiceID"]]["Spec"][
                        "Name"
                    ],
                },
                "State": "running",
            }
            for task in tasks
            if task["NodeID"] == self.node_id and task["Status"]["State"] == "running"
        ]

    def inspect(self, kind: Kind, identity: str) -> Json:
        with self.world.lock:
            try:
                return copy.deepcopy(self._inspect(kind, identity))
            except Refused as refused:
                raise refused.at(self.host, f"show {kind[:-1]} {identity}") from None

    def _inspect(self, kind: Kind, identity: str) -> Json:
        if kind == "networks" and (local := local_network(self, identity) or self._ingress_end(identity)):
            return local
        if kind == "images":
            for image, tags in self.images.items():
                if identity in (image, *tags):
                    ports = {port: {} for port in self.exposed.get(image, ())}
                    return {"Id": image, "RepoTags": list(tags), "Config": {"ExposedPorts": ports}}
            raise Refused(404, f"No such image: {identity}")
        if kind == "volumes":
            if identity not in self.volumes:
                raise Refused(404, f"get {identity}: no such volume")
            return self.volumes[identity]
        if kind == "containers":
            for item in self._items("containers"):
                if item["Id"] == identity:
                    return {**item, "State": item.get("FullState") or {"Status": "running"}}
            raise Refused(404, f"No such container: {identity}")
        cluster = self._cluster()
        item = cluster.resolve(kind, identity)
        return cluster.shown_node(item) if kind == "nodes" else item

    def _ingress_end(self, identity: str) -> Json | None:
        """Return the ingress network as an engine tells of it that has its end of it."""
        if self.cluster is None or self.cluster.ingress_ends.get(self.node_id) != identity:
            if self.cluster is None or self.is_manager:
                return None
            raise Refused(404, f"network {identity} not found")
        network = self.cluster.objects["networks"][identity]
        return {**network, "Containers": {"ingress-sbox": {"Name": "ingress-endpoint"}}}

    def create(self, kind: Kind, body: Json, *, registry_auth: Secret | None = None) -> str:
        def write() -> str:
            if kind == "volumes":
                folder = f"/var/lib/docker/volumes/{body['Name']}/_data"
                self.volumes[body["Name"]] = {"Driver": "local", "Labels": {}, "Mountpoint": folder, **body}
                return str(body["Name"])
            if body.get("ConfigOnly") or body.get("Scope") == "local":
                return create_local(self, body)
            if kind == "networks" and body.get("CheckDuplicate") and local_network(self, body["Name"]):
                raise Refused(409, f"network with name {body['Name']} already exists")
            return self._cluster().create(kind, body, registry_auth)

        return str(self._write(f"create {kind[:-1]} {body.get('Name', '')}", write))

    def update(
        self, kind: Kind, identity: str, version: int, body: Json, *, registry_auth: Secret | None = None
    ) -> None:
        def write() -> None:
            cluster = self._cluster()
            if kind == "nodes":
                cluster.update_node(cluster.resolve("nodes", identity)["ID"], version, body)
            elif kind == "services":
                cluster.update_service(identity, version, body, registry_auth)
            else:
                cluster.update_file(kind, identity, version, body)

        self._write(f"update {kind[:-1]} {body.get('Name', identity)}", write)

    def remove(self, kind: Kind, identity: str, *, force: bool = False) -> None:
        def write() -> None:
            if kind == "volumes":
                if identity not in self.volumes and not force:
                    raise Refused(404, f"get {identity}: no such volume")
                self.volumes.pop(identity, None)
            elif kind == "networks" and local_network(self, identity):
                remove_local(self, identity)
            elif kind == "containers":
                del self.containers[identity]
            elif kind == "images":
                del self.images[str(self._inspect("images", identity)["Id"])]
            else:
                self._cluster().remove(kind, identity, force=force)

        self._write(f"remove {kind[:-1]} {identity}", write)

    def connect_container(self, network: str, container: str, endpoint: Json) -> None:
        self._write(f"connect {container} to {network}", lambda: connect(self, network, container, endpoint))

    def disconnect_container(self, network: str, container: str, *, force: bool = False) -> None:
        if container in self.containers:
            del self.containers[container]["NetworkSettings"]["Networks"][network]
        elif force:
            left = self._inspect("networks", network)
            left["Containers"] = {key: one for key, one in left["Containers"].items() if one["Name"] != container}
        else:
            raise Refused(404, f"No such container: {container}").at(self.host, "disconnect")

    def load_image(self, archive: Iterable[bytes], timeout_seconds: float) -> str:
        del timeout_seconds
        content = b"".join(archive)

        def write() -> str:
            with tarfile.open(fileobj=io.BytesIO(content)) as tar:
                manifest = json.loads(tar.extractfile("manifest.json").read())[0]  # type: ignore[union-attr]
            identity = "sha256:" + manifest["Config"].removesuffix(".json")
            for tags in self.images.values():
                tags[:] = [tag for tag in tags if tag not in manifest["RepoTags"]]
            self.images[identity] = list(manifest["RepoTags"])
            return "Loaded image: " + ", ".join(manifest["RepoTags"])

        return str(self._write("load an image", write))

    def ask_registry(self, image: str) -> None:
        if self.cluster and image.partition("/")[0] in self.cluster.registries:
            message = f"errors:\ndenied: requested access to {image} is denied\nunauthorized: authentication required\n"
            raise Refused(401, message).at(self.host, "ask a registry")

    def logs(self, kind: Literal["services", "tasks", "containers"], identity: str, *, lines: int) -> str:
        if kind != "containers":
            self.inspect(kind, identity)
        return "".join(line + "\n" for line in self.task_logs.splitlines()[-lines:])

    def events(self, filters: Mapping[str, list[str]], stop: threading.Event) -> Iterator[Json]:
        seen = len(self.world.events)
        while not stop.is_set():
            with self.world.changed:
                if len(self.world.events) == seen:
                    self.world.changed.wait(0.02)
                new, seen = self.world.events[seen:], len(self.world.events)
            for event in new:
                if all(
                    event[key] in filters[name]
                    for name, key in (("type", "Type"), ("event", "Action"))
                    if name in filters
                ):
                    yield event

    def close(self) -> None: ...

    def _cluster(self) -> Cluster:
        if self.cluster is None or not self.is_manager:
            raise Refused(503, _WORKER if self.cluster else _NO_SWARM)
        return self.cluster

    def _manager(self, action: str) -> Cluster:
        try:
            return self._cluster()
        except Refused as refused:
            raise refused.at(self.host, action) from None

    def _write(self, action: str, write: Callable[[], Any]) -> Any:
        def locked() -> Any:
            with self.world.lock:
                self.world.writes += 1
                try:
                    return write()
                except Refused as refused:
                    raise refused.at(self.host, action) from None

        return self.intercept(action, locked)


def _passes(item: Json, kind: Kind, filters: Mapping[str, list[str]], cluster: Cluster | None) -> bool:
    if kind == "plugins":
        return _is_plugin(item, filters)
    spec = item.get("Spec") or {}
    labels = item.get("Labels") or spec.get("Labels") or {}
    name = str(item.get("Name") or spec.get("Name", ""))
    for key, values in filters.items():
        if key == "name" and not any(value in name for value in values):
            return False
        if key in ("driver", "id") and item.get(key.capitalize()) not in values:
            return False
        if key == "label" and not all(_has_label(labels, value) for value in values):
            return False
        if key == "status" and kind == "containers" and item["State"] not in values:
            return False
        if key == "node" and kind == "tasks" and item["NodeID"] not in values:
            return False
        if key == "service" and kind == "tasks":
            services = cluster.objects["services"] if cluster else {}
            wanted = {one for one, service in services.items() if one in values or service["Spec"]["Name"] in values}
            if item["ServiceID"] not in wanted:
                return False
    return True


def _is_plugin(plugin: Json, filters: Mapping[str, list[str]]) -> bool:
    capabilities = {one["Capability"] for one in plugin["Config"]["Interface"]["Types"]}
    is_wanted = capabilities & set(filters.get("capability", capabilities))
    return bool(is_wanted) and str(plugin["Enabled"]).lower() in filters.get("enabled", ("true", "false"))


def _has_label(labels: Mapping[str, str], wanted: str) -> bool:
    key, equals, value = wanted.partition("=")
    return labels.get(key) == value if equals else key in labels


@dataclass
class FakeFleet(Mapping[str, ReachedHost]):
    """The hosts of an inventory as fakes; a Fleet, with short ways to each engine and machine."""

    hosts: dict[str, ReachedHost]
    world: World

    def __getitem__(self, name: str) -> ReachedHost:
        return self.hosts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.hosts)

    def __len__(self) -> int:
        return len(self.hosts)

    def engine(self, name: str) -> FakeEngine:
        engine = self.hosts[name].engine
        assert isinstance(engine, FakeEngine)
        return engine

    def of(self, names: Iterable[str]) -> FakeFleet:
        """Return the fleet of the hosts *names* alone."""
        return FakeFleet({name: self.hosts[name] for name in names}, self.world)

    def machine(self, name: str) -> Machine:
        return self.engine(name).machine

    @property
    def engines(self) -> list[FakeEngine]:
        return [self.engine(name) for name in self]

    @property
    def cluster(self) -> Cluster:
        """The one swarm that a manager among the hosts tells of."""
        return next(engine.cluster for engine in self.engines if engine.cluster and engine.is_manager)

    def intercept(self, around: Callable[[str, Callable[[], Any]], Any]) -> None:
        for engine in self.engines:
            engine.intercept = around


def fake_fleet(hosts: Inventory | Iterable[Host], world: World | None = None) -> FakeFleet:
    """Return a bare fake host for each of *hosts*, which carries its advertise address."""
    world = world or World()
    network: dict[str, FakeEngine] = {}
    reached = {}
    for host in hosts.hosts if isinstance(hosts, Inventory) else hosts:
        address = host.advertise_addr or host.address
        machine = Machine(f"host-{host.name.lower()}", {address: "eth0"})
        if host.data_path_addr:
            machine.addresses[host.data_path_addr] = "eth1"
        engine = network[address] = FakeEngine(host.name, machine, network, world)
        reached[host.name] = ReachedHost(host, FakeShell(machine, engine), engine)
    fleet: Fleet = FakeFleet(reached, world)
    assert isinstance(fleet, FakeFleet)
    return fleet


def as_engine(engine: FakeEngine) -> Engine:
    """Say to the type checker that the fake keeps the protocol."""
    return engine


def write_archive(path: Path, tag: str, content: str = "", *, exposed: str = "") -> str:
    """Write a docker-archive of an image that is nothing but its name, and return the image's ID."""
    more = {"config": {"ExposedPorts": {exposed: {}}}} if exposed else {}
    config = json.dumps({"architecture": "amd64", "os": "linux", "comment": content or tag, **more}).encode()
    digest = hashlib.sha256(config).hexdigest()
    manifest = json.dumps([{"Config": f"{digest}.json", "RepoTags": [tag], "Layers": []}]).encode()
    with tarfile.open(path, "w") as tar:
        for name, body in ((f"{digest}.json", config), ("manifest.json", manifest)):
            member = tarfile.TarInfo(name)
            member.size = len(body)
            tar.addfile(member, io.BytesIO(body))
    return f"sha256:{digest}"
