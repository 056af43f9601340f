"""Three hosts of a healthy shop, as engines and shells tell of it; tests break one thing each."""

from __future__ import annotations

import datetime
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.observed import parse
from swarmkit.observed.model import EngineFacts, HostFacts, Observed, Route, SystemFacts
from swarmkit.reach.fleet import ReachedHost
from swarmkit.reach.ssh import CommandResult
from swarmkit.verify.encryption.wire import VNI_OPTION

SAMPLES = Path(__file__).parent / "samples"
NET = "netid"
SERVICES = {"shop_frontend": ("A", 8080), "shop_backend": ("B", 3000), "shop_database": ("C", 5432)}
ADDRESS = {"A": "10.88.0.11", "B": "10.88.0.12", "C": "10.88.0.13"}
VIP = {"shop_frontend": "10.0.1.2", "shop_backend": "10.0.1.4", "shop_database": "10.0.1.6"}
TASK = {"shop_frontend": "10.0.1.3", "shop_backend": "10.0.1.5", "shop_database": "10.0.1.7"}
ON_INGRESS = "10.0.0.5"
"""The frontend's task, where a test puts it on ingress."""
SPI = {(source, peer): 256 + 16 * ord(source) + ord(peer) for source in ADDRESS for peer in ADDRESS if source != peer}


def certificate(*, days_before: float, days_after: float) -> str:
    """Return a node's certificate in PEM that is valid from so long ago for so long."""
    key = ec.generate_private_key(ec.SECP256R1())
    now, name = datetime.datetime.now(tz=datetime.UTC), x509.Name([])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(days_before))
    signed = builder.not_valid_after(now + datetime.timedelta(days_after)).sign(key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


CERTIFICATE = certificate(days_before=10, days_after=80)


def pid_of(service: str) -> int:
    return 1000 + sorted(SERVICES).index(service)


def server_at(address: str, weight: int = 1) -> str:
    """Return a server of IPVS as the kernel lists it."""
    number = "".join(f"{int(part):02X}" for part in address.split("."))
    return f"  -> {number}:0000      Masq    {weight}      0          0"


class World:
    """What a test may change before it calls prove()."""

    def __init__(self, members: str = "ABC") -> None:
        self.members = list(members)
        self.managers = {"A"}
        """Those that the inventory declares."""
        running = [name for name, (host, _) in SERVICES.items() if host in members]
        self.services = [_service(name) for name in running]
        self.tasks = [_task(name) for name in running]
        self.nodes = [_node(name) for name in members]
        self.networks = [
            {
                "Id": NET,
                "Name": "shop_shop",
                "Driver": "overlay",
                "Scope": "swarm",
                "Options": {"encrypted": "", VNI_OPTION: "4097"},
            },
            {"Id": "ingid", "Name": "ingress", "Driver": "overlay", "Scope": "swarm", "Ingress": True, "Options": {}},
        ]
        self.shells = {name: FakeShell(name, self) for name in members}
        self.broken_containers: dict[str, Exception] = {}
        self.ending: set[str] = set()
        """The services whose containers end when the probes begin."""
        self.unentered: dict[str, str] = {}
        """Service -> why its container, which runs, cannot be entered."""
        self.unresolving: set[str] = set()
        """Services in whose containers no name is answered."""
        self.paused: set[str] = set()
        """The services whose containers are paused."""
        self.stopped: set[str] = set()
        """Those whose processes a signal has stopped."""
        self.images: dict[str, str] = {}
        """Service -> the image that its container runs, instead of the right one."""
        self.digests: dict[str, list[str]] = {}
        """Image -> its names by digest, as every host knows them."""
        self.containers: dict[str, list[dict[str, Any]]] = {}
        """Host -> what runs for services, as the engine lists it."""
        self.volumes: dict[str, list[dict[str, Any]]] = {}
        self.secrets: list[dict[str, Any]] = []
        self.configs: list[dict[str, Any]] = []
        self.swarm_spec: dict[str, Any] = {}
        self.routes: tuple[Route, ...] = ()
        self.lan_parts: dict[str, str] = {}
        """Host -> the addresses that it gives out on the LAN."""
        self.more_addresses: dict[str, dict[str, str]] = {}
        """Host -> addresses that it has beside its own, with their devices."""
        self.without_containerd: set[str] = set()
        self._sent: dict[str, list[tuple[str, str, str]]] = {}
        self._sent_again: dict[str, list[tuple[str, str, str]]] = {}
        self._have_sent = threading.Condition()

    @property
    def inventory(self) -> Inventory:
        hosts = tuple(
            Host(
                name,
                ADDRESS[name],
                "manager" if name in self.managers else "worker",
                user="root",
                labels={"role": name},
            )
            for name in self.members
        )
        return Inventory(source=Path("hosts.yaml"), cluster="shop", hosts=hosts)

    @property
    def fleet(self) -> dict[str, ReachedHost]:
        return {
            host.name: ReachedHost(host, self.shells[host.name], FakeEngine(self, host.name))
            for host in self.inventory.hosts
        }

    def shares_network(self, host: str, service: str) -> bool:
        networks = {task["ServiceID"]: task["NetworksAttachments"][0]["Network"]["ID"] for task in self.tasks}
        own = next(name for name, (where, _) in SERVICES.items() if where == host)
        return bool(networks.get(f"s-{own}") == networks.get(f"s-{service}"))

    def part(self, name: str) -> None:
        """Put the service on a network of its own."""
        self.networks.append({**self.networks[0], "Id": "other", "Name": "shop_other"})
        index = sorted(SERVICES).index(name)
        self.services = sorted(self.services, key=lambda item: str(item["Spec"]["Name"]))
        self.tasks = sorted(self.tasks, key=lambda item: str(item["ServiceID"]))
        self.services[index]["Spec"]["TaskTemplate"]["Networks"][0]["Target"] = "other"
        self.services[index]["Endpoint"]["VirtualIPs"][0]["NetworkID"] = "other"
        self.tasks[index]["NetworksAttachments"][0]["Network"]["ID"] = "other"

    def put_on_lan(self, *names: str) -> None:
        """Put the services on a macvlan too, whose addresses each host gives out itself."""
        kind = {"Driver": "macvlan", "Scope": "swarm", "Options": {}, "ConfigFrom": {"Network": "shop_lan-config"}}
        self.networks.append({"Id": "lanid", "Name": "shop_lan", **kind})
        for item in self.services:
            if item["Spec"]["Name"] in names:
                item["Spec"]["TaskTemplate"]["Networks"].append({"Target": "lanid"})
        for task in self.tasks:
            if task["ServiceID"].removeprefix("s-") in names:
                task["NetworksAttachments"].append({"Network": {"ID": "lanid"}, "Addresses": None})
        self.lan_parts = {name: f"10.88.0.{128 + 4 * number}/30" for number, name in enumerate(self.members)}

    def publish(self, published: int, protocol: str, mode: str) -> None:
        """Publish a port of the frontend, whose task is on ingress, for 5353 of its container."""
        port = {"Protocol": protocol, "TargetPort": 5353, "PublishedPort": published, "PublishMode": mode}
        self.services[0]["Endpoint"]["Ports"].append(port)
        self.tasks[0]["NetworksAttachments"].append({"Network": {"ID": "ingid"}, "Addresses": [f"{ON_INGRESS}/24"]})

    def encrypt_ingress(self) -> None:
        """Make ingress encrypted, by VNI 4096, with the frontend's task on it."""
        self.networks[1]["Options"] = {"encrypted": "", VNI_OPTION: "4096"}
        self.tasks[0]["NetworksAttachments"].append({"Network": {"ID": "ingid"}, "Addresses": [f"{ON_INGRESS}/24"]})
        for shell in self.shells.values():
            for name in ("mangle", "input"):
                rules = (SAMPLES / f"iptables-{name}-bpf.txt").read_text()
                shell.sections[name] = rules + rules.replace("4097", "4096").partition("\n")[2]
            shell.cable_more = [f"injected {ADDRESS[peer]} 4096 3" for peer in ADDRESS if peer != shell.name]

    def all_sent(self, host: str, wishes: list[str]) -> list[tuple[str, str, str]]:
        """Take what *host* sends and return, once all hosts are at it, (host, key, address) of all that is sent."""
        lines = [wish.split() for wish in wishes if wish.startswith("cable send ")]
        with self._have_sent:
            sent = self._sent_again if _is_patient(wishes) else self._sent
            sent[host] = [(host, words[2], words[4]) for words in lines]
            self._have_sent.notify_all()
            at_it = {name for name, shell in self.shells.items() if shell.error is None and shell.probe_error is None}
            self._have_sent.wait_for(lambda: sent.keys() >= at_it, timeout=1)
            return [entry for of_host in sent.values() for entry in of_host]

    @property
    def observed(self) -> Observed:
        lists: dict[str, list[dict[str, Any]]] = {
            "nodes": self.nodes,
            "networks": self.networks,
            "services": self.services,
            "tasks": self.tasks,
            "secrets": self.secrets,
            "configs": self.configs,
        }
        swarm = {"ID": "cluster", "Version": {"Index": 1}, "Spec": self.swarm_spec}
        hosts = {name: self._facts(name) for name in self.members}
        return Observed(hosts, parse.cluster_state("A", swarm, lists, read_at=0.0))

    def _facts(self, name: str) -> HostFacts:
        facts = _facts(name, self.routes, self.lan_parts.get(name))
        addresses = {**facts.system.addresses, **self.more_addresses.get(name, {})}
        engine = replace(facts.engine, has_containerd=name not in self.without_containerd)
        return replace(facts, system=replace(facts.system, addresses=addresses), engine=engine)


class FakeEngine:
    def __init__(self, world: World, host: str) -> None:
        self.world, self.host = world, host

    def find(self, kind: str, filters: Mapping[str, list[str]] | None = None) -> list[dict[str, Any]]:
        if kind == "containers":
            return self.world.containers.get(self.host, [])
        if kind == "volumes":
            assert filters
            return self.world.volumes.get(self.host, [])
        if filters and kind == "tasks":
            return [task for task in self.world.tasks if task["NodeID"] in filters["node"]]
        assert filters is None
        return {"services": self.world.services, "tasks": self.world.tasks}[kind]

    def inspect(self, kind: str, identity: str) -> dict[str, Any]:
        if kind == "images":
            return {"RepoDigests": self.world.digests.get(identity, [])}
        assert kind == "containers"
        if identity in self.world.broken_containers:
            raise self.world.broken_containers[identity]
        name = identity.removeprefix("c-")
        if name in self.world.ending and self.world.shells[self.host].rounds:
            return {"State": {"Running": False, "Pid": 0, "Status": "exited"}}
        paused = name in self.world.paused
        state = {"Running": True, "Paused": paused, "Pid": pid_of(name)}
        return {"State": state, "Image": self.world.images.get(name, f"sha256:{name}")}


class FakeShell:
    """Answers look.sh and probe.sh as a healthy host would; its attributes are the faults."""

    def __init__(self, name: str, world: World) -> None:
        self.name, self.world = name, world
        self.sections: dict[str, str] = {}
        """Replaces what a section says."""
        self.unanswered: set[str] = set()
        """Addresses that give no answer."""
        self.is_late = False
        """They answer to who waits longer."""
        self.stalls = False
        """Its machine gives it no time at first: its probes begin when those of the others have ended."""
        self.refusing: set[str] = set()
        self.closed = {(address, port) for address in ADDRESS.values() for port in (3000, 5432)}
        """What refuses because nothing publishes it."""
        self.own_ports: list[int] = []
        """What the host itself listens on, but for the usual."""
        self.heard_gossip = set(ADDRESS)
        """The hosts whose gossip gets through to here."""
        self.names: dict[str, str] = {}
        """Name -> the addresses it resolves to, instead of the right one."""
        self.sent = dict.fromkeys(ADDRESS, 1000)
        self.received = dict.fromkeys(ADDRESS, 1000)
        self.refused = dict.fromkeys(ADDRESS, 0)
        self.other_spis: dict[int, int] = {}
        self.new_errors = 0
        self.error: Exception | None = None
        self.probe_error: Exception | None = None
        """It answers until it shall probe."""
        self.rounds = 0
        self.cable = ""
        """Replaces all that cable.pl prints."""
        self.probed = ""
        """The last script of probes."""
        self.cable_more: list[str] = []
        self.is_shielded = False
        """No clear frame of others comes to the interface: a firewall on the way drops them."""
        self.answers: dict[str, str] = {}
        """Address -> what the kernel here says to who connects to it."""
        self.deaf: set[str] = set()
        """Addresses here at which nothing arrives."""
        self.narrow: set[str] = set()
        """Addresses here at which no packet of full size arrives."""
        self.rules = "*filter\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT"
        """What iptables-save prints."""

    def run(
        self, script: str, arguments: tuple[str, ...] = (), *, timeout_seconds: float, root: bool = True
    ) -> CommandResult:
        assert not arguments
        assert timeout_seconds > 0
        if self.error:
            raise self.error
        if script == "true":
            return CommandResult(0, "", "")
        assert root
        if "iptables-legacy" in script:
            return CommandResult(0, f"\n== addresses\n\n== iptables\n{self.rules}\n\n== end\n", "")
        wishes = script.rpartition("<<'END-OF-WISHES'\n")[2].splitlines()[:-1]
        is_probe = "section answers" in script
        if is_probe and self.probe_error:
            raise self.probe_error
        if is_probe:
            self.probed = script
        self.rounds += is_probe
        said = self._probed(wishes) if is_probe else self._looked(wishes)
        said |= {name: text for name, text in self.sections.items() if name in said}
        return CommandResult(0, "".join(f"\n== {name}\n{text}\n" for name, text in said.items()), "")

    def _looked(self, wishes: list[str]) -> dict[str, str]:
        said = {"user": "0", "tools": "", "firewalls": ""}
        for wish in wishes:
            word, _, pid = wish.partition(" ")
            if word == "listen":
                if pid == "1":
                    said["listen.1"] = "\n".join(f"00000000:{port:04X}" for port in (22, 7946, *self.own_ports))
                    continue
                port = SERVICES[sorted(SERVICES)[int(pid) - 1000]][1]
                said[f"listen.{pid}"] = f"00000000:{port:04X}\n0B00007F:A2C1"
            elif word == "stopped":
                is_so = sorted(SERVICES)[int(pid) - 1000] in self.world.stopped
                said[f"stopped.{pid}"] = "stopped" if is_so else ""
            elif word == "datagrams":
                said[f"datagrams.{pid}"] = "00000000:14E9\n0B00007F:A2C1"
            elif word in ("links", "routes"):
                said[wish.replace(" ", ".")] = ""
            elif word == "mesh":
                said["mesh_rules"] = "\n".join(
                    f"-A PREROUTING -p {of} -m {of} --dport {port} -j MARK --set-xmark 0x101/0xffffffff"
                    for of, port in (("udp", 5354), ("tcp", 8080))
                )
                attached = [one["Network"]["ID"] for one in self.world.tasks[0]["NetworksAttachments"]]
                said["mesh_services"] = "FWM  00000101 rr\n" + server_at(ON_INGRESS) * ("ingid" in attached)
            elif word == "vips":
                said[f"vip_rules.{pid}"] = "\n".join(
                    f"-A INPUT -d {vip}/32 -j MARK --set-xmark {0x200 + mark:#x}/0xffffffff"
                    for mark, vip in enumerate(VIP.values())
                )
                said[f"vip_services.{pid}"] = "\n".join(
                    f"FWM  {0x200 + mark:08X} rr\n{server_at(address)}" for mark, address in enumerate(TASK.values())
                )
        if "ipsec" in wishes:
            said |= self._ipsec(grown=False)
            said["policies"] = "".join(
                f"src {ADDRESS[self.name]}/32 dst {ADDRESS[peer]}/32 proto udp dport 4789\ndir out priority 0\n"
                "mark 0xd0c4e3/0xffffffff\n"
                for peer in self._peers()
            )
            said["mangle"] = (SAMPLES / "iptables-mangle-bpf.txt").read_text()
            said["input"] = (SAMPLES / "iptables-input-bpf.txt").read_text()
        said["certificate"] = CERTIFICATE
        said["nat"] = (
            "-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER-INGRESS\n"
            "-A DOCKER-INGRESS -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.18.0.2:8080\n"
            "-A DOCKER-INGRESS -p udp -m udp --dport 5354 -j DNAT --to-destination 172.18.0.2:5354\n"
            "-A DOCKER ! -i docker_gwbridge -p udp -m udp --dport 5355 -j DNAT --to-destination 172.18.0.3:5353"
        )
        return said | {"end": ""}

    def _peers(self) -> list[str]:
        return [peer for peer in self.world.members if peer != self.name]

    def _ipsec(self, *, grown: bool) -> dict[str, str]:
        states = ""
        for peer in self._peers():
            for source, target, more, failed in (
                (self.name, peer, self.sent[peer], 0),
                (peer, self.name, self.received[peer], self.refused[peer]),
            ):
                spi = self.other_spis.get(SPI[source, target], SPI[source, target])
                states += f"src {ADDRESS[source]} dst {ADDRESS[target]}\nproto esp spi {spi:#x}(1) reqid 1\n"
                states += f"{5000 + more * grown}(bytes), 7(packets)\n"
                states += f"replay-window 0 replay 0 failed {3 + failed * grown}\n"
        return {"states": states, "xfrm_stat": f"XfrmInNoStates {self.new_errors * grown}"}

    def _probed(self, wishes: list[str]) -> dict[str, str]:
        answers = []
        silent = set() if self.is_late and _is_patient(wishes) else self.unanswered
        lost = {**dict.fromkeys(self.world.ending, "No such file or directory"), **self.world.unentered}
        lost = {str(pid_of(name)): why for name, why in lost.items()}
        silent = silent | {at for name in self.world.ending for at in (TASK[name], VIP[name])}
        place = ""
        for wish in wishes:
            kind, _, rest = wish.removeprefix("cable ").partition(" ")
            place = rest if kind == "in" else place
            if place in lost:
                answers += [f"lost {place} {lost[place]}"] if kind == "in" else []
            elif kind == "dns" and place not in {str(pid_of(name)) for name in self.world.unresolving}:
                key, *_, query = rest.split()
                answers.append(f"dns {key} {self._resolved(query)}")
            elif kind == "tcp" and (address := rest.split()[1]) not in silent:
                is_refused = address in self.refusing or (address, int(rest.split()[2])) in self.closed
                said = "Connection refused" if is_refused else self.answers.get(address, "ok")
                answers.append(f"tcp {rest.split()[0]} {said}")
        ipsec = self._ipsec(grown=True) if "ipsec" in wishes else {}
        heard = list(self._heard(wishes)) if any(wish.startswith("cable mark ") for wish in wishes) else []
        cable = self.cable or "\n".join([*self._seen(wishes), *heard, *self.cable_more, "end"])
        return {"answers": "", "cable": "\n".join([*answers, cable])} | ipsec | {"end": ""}

    def _stalled(self, wishes: list[str]) -> set[str]:
        return set() if _is_patient(wishes) else {name for name, shell in self.world.shells.items() if shell.stalls}

    def _seen(self, wishes: list[str]) -> Iterator[str]:
        """Yield what crosses the cable: of each peer ESP frames alone, and the clear frames that it injects."""
        yield "ready"
        for peer in self._peers():
            yield f"esp {ADDRESS[peer]} 5 5"
            if not self.is_shielded and not self._stalled(wishes) & {peer, self.name}:
                yield f"injected {ADDRESS[peer]} 4097 3"

    def _heard(self, wishes: list[str]) -> Iterator[str]:
        """Yield what the containers here hear of all that all hosts send."""
        here = [name for name in SERVICES if SERVICES[name][0] == self.name]
        place = {at: pid_of(name) for name in here for at in (TASK[name], VIP[name])}
        place = {at: pid for at, pid in place.items() if pid not in map(pid_of, self.world.ending)}
        place |= {ON_INGRESS: place[TASK["shop_frontend"]]} if self.name == "A" else {}
        ways = list(permutations(self.world.members, 2))
        stalled = self._stalled(wishes)
        for wish in wishes:
            if wish.startswith("cable hear 1000"):
                source = ways[int(wish[14:]) % 1000][0]
                if source in self.heard_gossip and not stalled & {source, self.name}:
                    yield f"heard input {wish[11:]} small 50"
        for source, key, address in self.world.all_sent(self.name, wishes):
            if address in place and address not in self.deaf and not stalled & {source, self.name}:
                yield f"heard {place[address]} {key} small 59"
                if address not in self.narrow:
                    yield f"heard {place[address]} {key} full 1424"

    def _resolved(self, query: str) -> str:
        message = bytes.fromhex(query.replace("\\x", ""))[2:]
        labels = re.findall(rb"[a-z_]+", message[12:-4])
        name = b".".join(labels).decode()
        service = name.removeprefix("tasks.")
        service = service if service in VIP else f"shop_{service}"
        right = TASK[service] if name.startswith("tasks.") else VIP[service]
        told = self.names.get(name, right)
        addresses = told.split() if self.world.shares_network(self.name, service) or name in self.names else []
        records = b"".join(
            b"\xc0\x0c\0\x01\0\x01\0\0\x02\x58\0\x04" + bytes(int(part) for part in address.split("."))
            for address in addresses
        )
        reply = message[:2] + b"\x81\x80\0\x01\0" + bytes([len(addresses)]) + b"\0\0\0\0" + message[12:] + records
        return (len(reply).to_bytes(2, "big") + reply).hex()


def _is_patient(wishes: list[str]) -> bool:
    """Tell whether this is a second try."""
    return next(float(wish.split()[-1]) for wish in wishes if "patience " in wish) > 5


def _service(name: str) -> dict[str, Any]:
    template = {
        "ContainerSpec": {"Image": name},
        "Networks": [{"Target": NET, "Aliases": [name.removeprefix("shop_")]}],
    }
    published = {"Protocol": "tcp", "TargetPort": 8080, "PublishedPort": 8080, "PublishMode": "ingress"}
    return {
        "ID": f"s-{name}",
        "Version": {"Index": 1},
        "Spec": {
            "Labels": {"com.docker.stack.namespace": "shop"},
            "Name": name,
            "TaskTemplate": template,
            "Mode": {"Replicated": {"Replicas": 1}},
        },
        "Endpoint": {
            "VirtualIPs": [{"NetworkID": NET, "Addr": f"{VIP[name]}/24"}],
            "Ports": [published] if name == "shop_frontend" else [],
        },
    }


def _task(name: str) -> dict[str, Any]:
    return {
        "ID": f"t-{name}",
        "ServiceID": f"s-{name}",
        "NodeID": f"node-{SERVICES[name][0]}",
        "Spec": {"ContainerSpec": {"Image": name}},
        "DesiredState": "running",
        "Status": {"State": "running", "ContainerStatus": {"ContainerID": f"c-{name}"}},
        "NetworksAttachments": [{"Network": {"ID": NET}, "Addresses": [f"{TASK[name]}/24"]}],
    }


def _node(name: str) -> dict[str, Any]:
    return {
        "ID": f"node-{name}",
        "Version": {"Index": 1},
        "Spec": {
            "Role": "manager" if name == "A" else "worker",
            "Availability": "active",
            "Labels": {"role": name},
        },
        "Status": {"State": "ready", "Addr": ADDRESS[name]},
        "Description": {"Hostname": name},
        "ManagerStatus": {"Reachability": "reachable", "Leader": True} if name == "A" else None,
    }


def _facts(name: str, routes: tuple[Route, ...], lan_part: str | None) -> HostFacts:
    subnet = {"Subnet": "10.88.0.0/24", "IPRange": lan_part}
    kind = {"Driver": "null", "Scope": "local", "ConfigOnly": True}
    part = {"Id": f"part-{name}", "Name": "shop_lan-config", **kind, "IPAM": {"Config": [subnet]}}
    addresses = {ADDRESS[name]: "eth0", "172.17.0.1": "docker0"}
    system = SystemFacts(name, f"machine-{name}", addresses, routes, 0.0)
    engine = EngineFacts(
        version="26.1.5",
        api_version=(1, 45),
        engine_id=f"engine-{name}",
        operating_system="linux",
        architecture="x86_64",
        swarm_state="active",
        swarm_error="",
        node_id=f"node-{name}",
        node_addr=ADDRESS[name],
        is_manager=name == "A",
        cluster_id="cluster",
        live_restore=False,
        rootless=False,
        memory_bytes=1,
        cpus=1,
        images={},
        content_store=False,
        config_networks=(parse.network(part),) if lan_part else (),
    )
    return HostFacts(name, system, engine)
