"""What is asked from where: the probes of every host, made from what is live and what listens; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network

from swarmkit.verify.live import Live, LiveService, LiveTask
from swarmkit.verify.probe import dns
from swarmkit.verify.probe.look import HostLook
from swarmkit.verify.probe.sockets import Listener, ports_at

SILENT_PORT = 9
"""Tried where nothing listens: that the kernel there refuses is an answer too."""


@dataclass(frozen=True)
class Path:
    """From a service's container on a host to another service, on one network."""

    source: str
    host: str
    target: str
    network: str


@dataclass(frozen=True)
class Ask:
    """Resolve *name* inside a container: all addresses of *expected*, and none that is not in *allowed*."""

    path: Path
    pid: int
    name: str
    expected: frozenset[str]
    allowed: frozenset[str] | None = None
    """None: any."""
    elsewhere: tuple[frozenset[str], ...] = ()
    """What it is on other networks that both are on: the engine answers of one of them."""
    on_lan: tuple[str, ...] = ()
    """The ranges of the LANs that both are on: so too of those."""

    def wish(self, key: int) -> str:
        return ask_wish(key, self.name)

    def holds(self, addresses: frozenset[str]) -> bool:
        if addresses and (addresses in self.elsewhere or all(map(self._is_on_lan, addresses))):
            return True
        is_allowed = self.allowed is None or addresses <= self.allowed
        return bool(self.expected) and addresses >= self.expected and is_allowed

    def _is_on_lan(self, address: str) -> bool:
        return any(ip_address(address) in ip_network(text, strict=False) for text in self.on_lan)

    def told(self, answer: str, *, holds: bool) -> str:
        wish = "" if holds else f", expected {', '.join(sorted(self.expected)) or 'an address'}"
        return f"{self.name} is {answer}{wish}"


@dataclass(frozen=True)
class Connect:
    """Connect to an address; at a closed port a refusal is what is expected, and proves as much."""

    path: Path | None
    """None for a published port."""
    pid: int
    address: str
    port: int
    label: str
    closed: bool = False

    def wish(self, key: int) -> str:
        return f"tcp {key} {self.address} {self.port}"

    def told(self, answer: str, *, holds: bool) -> str:
        note = ", nothing listens and the refusal came back" if self.closed and holds else ""
        return f"{self.address}:{self.port} ({self.label}{note})" + ("" if holds else f": {answer}")

    def holds(self, answer: str) -> bool:
        return answer == "ok" or (self.closed and answer == "Connection refused")


@dataclass(frozen=True)
class NotAsk:
    """Resolve inside a container the *name* of a service that shares no network: none of *forbidden* may be told."""

    path: Path
    pid: int
    name: str
    forbidden: frozenset[str]

    def wish(self, key: int) -> str:
        return ask_wish(key, self.name)

    def holds(self, addresses: frozenset[str]) -> bool:
        return not addresses & self.forbidden

    def told(self, answer: str, *, holds: bool) -> str:
        return f"{self.name} is {answer}" + ("" if holds else ", though they share no network")


@dataclass(frozen=True)
class NotConnect:
    """Connect from outside to a port of a host that nothing publishes: no answer but a refusal may come."""

    pid: int
    target: str
    address: str
    port: int

    def wish(self, key: int) -> str:
        return f"tcp {key} {self.address} {self.port}"

    def told(self, answer: str, *, holds: bool) -> str:
        return f"{self.address}:{self.port}: {answer}" + ("" if holds else ", though nothing publishes it")


Probe = Ask | Connect | NotAsk | NotConnect
FORBIDDING = (NotAsk, NotConnect)
"""What must fail: an answer at the first try is not taken back by none at the second."""


def ask_wish(key: int, name: str) -> str:
    query = "".join(f"\\x{byte:02x}" for byte in dns.question(name))
    return f"dns {key} 127.0.0.11 53 {query}"


def probes_between(live: Live, looks: Mapping[str, HostLook]) -> dict[str, list[Probe]]:
    """Return the probes of each host: from one task of each of its services to all that shares a network with it."""
    found: dict[str, list[Probe]] = {host: [] for host in looks}
    listeners = {task: heard for seen in looks.values() for task, heard in seen.listeners.items()}
    for host, seen in looks.items():
        for task in one_of_each_service(live.tasks_on(host), seen):
            shared = sorted(task.addresses.keys() & live.networks.keys())
            for network in shared:
                found[host] += _from_task(task, seen.pids[task.id], network, live, listeners)
            for target in live.services:
                if shared and target.networks & live.networks.keys() and not target.networks & set(shared):
                    found[host] += _not_named(Path(task.service, host, target.name, ""), seen.pids[task.id], target)
    return found


def _not_named(path: Path, pid: int, target: LiveService) -> Iterator[NotAsk]:
    addresses = {address for task in target.tasks for of_network in task.addresses.values() for address in of_network}
    for name in (target.name, f"tasks.{target.name}"):
        yield NotAsk(path, pid, name, frozenset(addresses | set(target.vips.values())))


def one_of_each_service(tasks: tuple[LiveTask, ...], seen: HostLook) -> tuple[LiveTask, ...]:
    """Return a task of each service that can be entered."""
    return tuple({task.service: task for task in tasks if task.id in seen.pids}.values())


def _from_task(
    task: LiveTask, pid: int, network: str, live: Live, listeners: Mapping[str, tuple[Listener, ...]]
) -> Iterator[Probe]:
    for target in live.services:
        path = Path(task.service, task.host, target.name, live.networks[network].name)
        others = [other for other in target.tasks if other.id != task.id and other.addresses.get(network)]
        if others or (target.name == task.service and task.addresses[network]):
            shared = [other for other in sorted(task.addresses) if other != network and _all_on(target, other)]
            on_lan = live.lan_ranges(task.service, target.name)
            yield from (replace(ask, on_lan=on_lan) for ask in _names(path, pid, network, target, shared))
        if others and target.name != task.service:
            yield from _to_vip(path, pid, network, target, listeners)
        for other in others:
            for address in other.addresses[network]:
                ports = ports_at(listeners.get(other.id, ()), address)
                yield from _connects(path, pid, address, ports, f"task on {other.host}")


def _all_on(service: LiveService, network: str) -> frozenset[str]:
    return frozenset(address for task in service.tasks for address in task.addresses.get(network, ()))


def _names(path: Path, pid: int, network: str, target: LiveService, shared: list[str]) -> Iterator[Ask]:
    addresses, vip = _all_on(target, network), target.vips.get(network)
    tasks = tuple(_all_on(target, other) for other in shared)
    names = tuple(
        frozenset((target.vips[other],)) if other in target.vips else _all_on(target, other) for other in shared
    )
    passing = addresses | target.passing.get(network, frozenset())
    expected = frozenset((vip,)) if vip else addresses
    yield Ask(path, pid, target.name, expected, allowed=expected if vip else passing, elsewhere=names)
    yield Ask(path, pid, f"tasks.{target.name}", addresses, allowed=passing, elsewhere=tasks)
    for alias in target.aliases.get(network, ()):
        # Several services may share an alias: its answer may hold more than this one's address.
        yield Ask(path, pid, alias, expected, elsewhere=names)


def _to_vip(
    path: Path, pid: int, network: str, target: LiveService, listeners: Mapping[str, tuple[Listener, ...]]
) -> Iterator[Connect]:
    vip = target.vips.get(network)
    if not vip:
        return
    open_at = [
        frozenset(port for address in task.addresses[network] for port in ports_at(listeners[task.id], address))
        for task in target.tasks
        if task.addresses.get(network) and task.id in listeners
    ]
    # The VIP may lead to any task: only a port that is open in all of them has to answer.
    everywhere = frozenset[int].intersection(*open_at) if open_at else frozenset[int]()
    yield from _connects(path, pid, vip, everywhere, "VIP")


def _connects(path: Path, pid: int, address: str, ports: frozenset[int], label: str) -> Iterator[Connect]:
    for port in sorted(ports):
        yield Connect(path, pid, address, port, label)
    if not ports:
        yield Connect(path, pid, address, SILENT_PORT, label, closed=True)
