"""First round: each host's containers, what they listen on, and its encryption before the probes. Never writes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from ipaddress import IPv4Network

from swarmkit.errors import SwarmkitError
from swarmkit.observed.dropping.reading import HostRules, read_rules
from swarmkit.observed.firewalls import IPTABLES_ALONE, Firewalls, parse_firewalls
from swarmkit.observed.model import STACK_LABEL
from swarmkit.reach.engine import EngineError, Json
from swarmkit.reach.fan_out import fan_out
from swarmkit.reach.fleet import ReachedHost
from swarmkit.verify.encryption.xfrm import Ipsec, parse_ipsec
from swarmkit.verify.live import LiveTask
from swarmkit.verify.probe.links import links_down, parse_routes, vxlan_numbers
from swarmkit.verify.probe.script import LANGUAGES, Language, run_script
from swarmkit.verify.probe.sockets import Listener, parse_listeners

LOOK_TIMEOUT_SECONDS = 20.0
HOST_NAMESPACE = 1
"""The process whose network namespace is the host's own."""
BY_DIGEST = "@sha256:"
_OF = "com.docker.swarm.service"
_SERVICE_LABEL = f"{_OF}.id"
_PATH = re.compile(r"[A-Za-z0-9._/:-]+", re.ASCII)
_NEEDED = {"nsenter": "util-linux", "timeout": "coreutils"}
_NEEDED_FOR_ENCRYPTION = {"ip": "iproute2", "iptables": "iptables"}
_NEEDED_FOR_PUBLISHED = {"iptables": "iptables"}


@dataclass(frozen=True)
class ServiceContainer:
    """A running container that belongs to a service's task."""

    id: str
    name: str
    service_id: str
    service: str


@dataclass(frozen=True)
class HostLook:
    pids: Mapping[str, int]
    """Task ID -> a process in its container's network namespace."""
    lost: Mapping[str, str]
    """Task ID -> why its container cannot be entered."""
    listeners: Mapping[str, tuple[Listener, ...]]
    """Task ID -> what listens in its container; a task without an entry is not known."""
    ipsec: Ipsec | None = None
    """None where no encrypted network is carried."""
    policies: str = ""
    mangle: str = ""
    input: str = ""
    nat: str = ""
    mesh_rules: str = ""
    mesh_services: str = ""
    """As the host printed them; read by those who judge."""
    vips: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Network ID -> rules and IPVS services of the namespace that leads its VIPs to tasks, as printed."""
    links: Mapping[str, frozenset[int]] = field(default_factory=dict)
    """Network ID -> the VXLAN numbers that the host has a link for, of the networks that were asked for and could be
    read."""
    down: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Network ID -> those of its links on the host that are down."""
    routes: Mapping[str, tuple[IPv4Network, ...]] = field(default_factory=dict)
    """Task ID -> what its container reaches without a gateway; of those that could be read."""
    datagrams: Mapping[str, tuple[Listener, ...]] = field(default_factory=dict)
    """Task ID -> the UDP sockets of its container, of those that were asked for."""
    firewalls: Firewalls = IPTABLES_ALONE
    """By what rules are written there that let something in."""
    rules: HostRules | None = None
    """None where nothing of them matters, or where they could not be read."""
    speaks: Language | None = "perl"
    """Without a language nothing can be sent from container to container but what bash can."""
    own_listeners: tuple[Listener, ...] = ()
    """What listens in the host's own namespace."""
    images: Mapping[str, str] = field(default_factory=dict)
    """Task ID -> ID of the image that its container was made of."""
    digests: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Task ID -> NAME@DIGEST of that image, of those whose spec names a digest; empty where the host knows none."""
    certificate: str = ""
    """The node's own, in PEM."""
    containers: tuple[ServiceContainer, ...] = ()
    """All that run for services, of whatever stack."""
    attached: frozenset[str] = frozenset()
    """The networks of all containers, stopped ones too: by ID, and by name of one that has never run."""
    ended: frozenset[str] = frozenset()
    """The IDs of tasks whose containers have ended since the tasks were read."""
    paused: frozenset[str] = frozenset()
    """The IDs of tasks whose containers are paused: their kernel answers, and no process of theirs."""
    stopped: frozenset[str] = frozenset()
    """The same of those whose processes a signal has stopped."""
    volumes: Mapping[str, str] = field(default_factory=dict)
    """Name -> the stack that it was made for; of stacks alone."""


def look(
    reached: ReachedHost,
    tasks: Sequence[LiveTask],
    *,
    encrypted: bool,
    published: bool,
    mesh: bool = False,
    vips: Collection[str] = (),
    links: Collection[str] = (),
    datagrams: Collection[str] = (),
    certificate: str = "",
) -> HostLook:
    """Look at *tasks* of the host, with *encrypted* at its IPsec and firewall, with *published* at its forwarding.

    With *mesh* also at where the ingress network leads what comes, and with *vips*, the IDs of networks, at where their
    VIPs are led; *links* are the IDs of networks whose links matter, *datagrams* those of tasks whose UDP sockets do;
    *certificate* is the path of the node's own. Raises SwarmkitError when the host cannot tell.
    """
    by_id = {task.id: task for task in tasks}
    name = reached.host.name
    with ThreadPoolExecutor(max_workers=3) as pool:
        rules = pool.submit(read_rules, {name: reached}, [name] if encrypted or published else [])
        containers = pool.submit(reached.engine.find, "containers")
        volumes = pool.submit(reached.engine.find, "volumes", {"label": [STACK_LABEL]})
        found = fan_out(by_id, lambda task: _process(reached, by_id[task]))
        processes = {task: seen for task, seen in found.items() if not isinstance(seen, Exception)}
        wishes = [f"listen {pid}" for pid in {HOST_NAMESPACE, *(process.pid for process in processes.values())}]
        wishes += [f"{word} {process.pid}" for process in processes.values() for word in ("stopped", "routes")]
        wishes += [f"datagrams {process.pid}" for task, process in processes.items() if task in datagrams]
        wishes += ["ipsec"] * encrypted + ["published"] * published + ["mesh"] * mesh
        wishes += [f"vips {network}" for network in vips] + [f"links {network}" for network in links]
        wishes += [f"certificate {certificate}"] if _PATH.fullmatch(certificate) else []
        said = run_script(reached.shell, "look.sh", wishes, timeout_seconds=LOOK_TIMEOUT_SECONDS)
    if said["user"] != "0":
        raise SwarmkitError(
            "the login is not root's",
            "root alone may enter the containers' networks and read the kernel's encryption and firewall",
            f"set ansible_become: true for {reached.host.name}",
        )
    needed = _NEEDED | (_NEEDED_FOR_ENCRYPTION if encrypted else {}) | (_NEEDED_FOR_PUBLISHED if published else {})
    missing = {name: package for name, package in needed.items() if name in said["tools"].split()}
    if missing:
        raise SwarmkitError(
            f"{', '.join(missing)} not there",
            "the proofs need it",
            f"on {reached.host.name}: apt-get install -y {' '.join(missing.values())}",
        )
    heard = {task: said[f"listen.{process.pid}"] for task, process in processes.items()}
    gone = {task: "its process ended" for task, lines in heard.items() if lines == "gone"}
    there = {task: process for task, process in processes.items() if task not in gone}
    return HostLook(
        pids={task: process.pid for task, process in there.items()},
        lost={task: str(value) for task, value in found.items() if isinstance(value, Exception)} | gone,
        ended=frozenset(task for task, value in found.items() if isinstance(value, _EndedError)) | gone.keys(),
        listeners={task: parse_listeners(heard[task].splitlines()) for task in there},
        ipsec=parse_ipsec(said["states"], said["xfrm_stat"]) if encrypted else None,
        policies=said.get("policies", ""),
        mangle=said.get("mangle", ""),
        input=said.get("input", ""),
        nat=said.get("nat", ""),
        mesh_rules=said.get("mesh_rules", ""),
        mesh_services=said.get("mesh_services", ""),
        vips=_vips(said, vips),
        links={network: numbers for network in links if (numbers := vxlan_numbers(said.get(f"links.{network}", "")))},
        down={network: names for network in links if (names := links_down(said.get(f"links.{network}", "")))},
        routes={
            task: parse_routes(lines)
            for task, process in there.items()
            if (lines := said.get(f"routes.{process.pid}", ""))
        },
        datagrams={
            task: parse_listeners(lines.splitlines())
            for task, process in there.items()
            if (lines := said.get(f"datagrams.{process.pid}", "gone")) != "gone"
        },
        firewalls=parse_firewalls(said.get("firewalls", "")),
        rules=rules.result().get(name),
        speaks=next((language for language in LANGUAGES if language not in said["tools"].split()), None),
        own_listeners=parse_listeners(said[f"listen.{HOST_NAMESPACE}"].splitlines()),
        images={task: process.image for task, process in there.items()},
        digests={task: process.digests for task, process in there.items() if process.digests is not None},
        certificate=said.get("certificate", ""),
        containers=tuple(_container(item) for item in containers.result() if _is_running_task(item)),
        attached=frozenset(network for item in containers.result() for network in _networks(item)),
        paused=frozenset(task for task, process in there.items() if process.is_paused),
        stopped=frozenset(task for task, process in there.items() if said.get(f"stopped.{process.pid}")),
        volumes={str(item["Name"]): str(item["Labels"][STACK_LABEL]) for item in volumes.result()},
    )


def balance_again(reached: ReachedHost, seen: HostLook, *, mesh: bool) -> HostLook:
    """Return *seen* with what leads requests to tasks read anew; raises SwarmkitError when the host cannot tell."""
    wishes = ["mesh"] * mesh + [f"vips {network}" for network in seen.vips]
    said = run_script(reached.shell, "look.sh", wishes, timeout_seconds=LOOK_TIMEOUT_SECONDS)
    rules, services = said.get("mesh_rules", ""), said.get("mesh_services", "")
    return replace(seen, mesh_rules=rules, mesh_services=services, vips=_vips(said, seen.vips))


def _vips(said: Mapping[str, str], networks: Collection[str]) -> dict[str, tuple[str, str]]:
    return {one: (said.get(f"vip_rules.{one}", ""), said.get(f"vip_services.{one}", "")) for one in networks}


def how_they_ended(reached: ReachedHost, tasks: Sequence[LiveTask]) -> dict[str, str]:
    """Return by ID how the containers of those of *tasks* ended that run no more."""
    by_id = {task.id: task for task in tasks}
    found = fan_out(by_id, lambda task: _process(reached, by_id[task]))
    return {task: value.what for task, value in found.items() if isinstance(value, _EndedError)}


class _EndedError(SwarmkitError):
    """The container of a task that ran for the managers has ended."""


@dataclass(frozen=True)
class _Process:
    pid: int
    image: str
    digests: tuple[str, ...] | None
    """None where nobody wants to know."""
    is_paused: bool


def _process(reached: ReachedHost, task: LiveTask) -> _Process:
    try:
        container = reached.engine.inspect("containers", task.container_id)
    except EngineError as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        raise _EndedError("its container is gone") from error
    state = container["State"]
    if not state.get("Running") or not state.get("Pid"):
        raise _EndedError(f"its container is {state.get('Status', 'not running')}")
    image = str(container.get("Image", ""))
    digests = _digests(reached, image) if BY_DIGEST in task.image else None
    return _Process(int(state["Pid"]), image, digests, bool(state.get("Paused")))


def _digests(reached: ReachedHost, image: str) -> tuple[str, ...]:
    try:
        return tuple(map(str, reached.engine.inspect("images", image).get("RepoDigests") or ()))
    except EngineError:  # removed by force under its container
        return ()


def _is_running_task(item: Json) -> bool:
    return item.get("State") == "running" and _SERVICE_LABEL in (item.get("Labels") or {})


def _networks(item: Json) -> Iterator[str]:
    for name, endpoint in ((item.get("NetworkSettings") or {}).get("Networks") or {}).items():
        yield str(endpoint.get("NetworkID") or name)


def _container(item: Json) -> ServiceContainer:
    labels = item.get("Labels") or {}
    name = str((item.get("Names") or [item["Id"]])[0]).lstrip("/")
    return ServiceContainer(str(item["Id"]), name, str(labels[_SERVICE_LABEL]), str(labels.get(f"{_OF}.name", "")))
