"""Three hosts of a healthy shop, as engines and shells tell of it; tests break one thing each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from swarmkit.declared.host import Host, Inventory
from swarmkit.observed import parse
from swarmkit.observed.model import EngineFacts, HostFacts, Observed, SystemFacts
from swarmkit.reach.fleet import ReachedHost
from swarmkit.reach.ssh import CommandResult
from swarmkit.verify.wire import VNI_OPTION

SAMPLES = Path(__file__).parent / "samples"
NET = "netid"
SERVICES = {"shop_frontend": ("A", 8080), "shop_backend": ("B", 3000), "shop_database": ("C", 5432)}
ADDRESS = {"A": "10.88.0.11", "B": "10.88.0.12", "C": "10.88.0.13"}
VIP = {"shop_frontend": "10.0.1.2", "shop_backend": "10.0.1.4", "shop_database": "10.0.1.6"}
TASK = {"shop_frontend": "10.0.1.3", "shop_backend": "10.0.1.5", "shop_database": "10.0.1.7"}
SPI = {(source, peer): 256 + 16 * ord(source) + ord(peer) for source in ADDRESS for peer in ADDRESS if source != peer}


class World:
    """What a test may change before it calls prove()."""

    def __init__(self) -> None:
        self.services = [_service(name) for name in SERVICES]
        self.tasks = [_task(name) for name in SERVICES]
        self.nodes = [_node(name) for name in ADDRESS]
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
        self.shells = {name: FakeShell(name, self) for name in ADDRESS}
        self.broken_containers: dict[str, Exception] = {}

    @property
    def inventory(self) -> Inventory:
        hosts = tuple(
            Host(name, address, "manager" if name == "A" else "worker", labels={"role": name})
            for name, address in ADDRESS.items()
        )
        return Inventory(source=Path("hosts.yaml"), cluster="shop", hosts=hosts)

    @property
    def fleet(self) -> dict[str, ReachedHost]:
        return {host.name: ReachedHost(host, self.shells[host.name], FakeEngine(self)) for host in self.inventory.hosts}

    @property
    def observed(self) -> Observed:
        lists: dict[str, list[dict[str, Any]]] = {
            "nodes": self.nodes,
            "networks": self.networks,
            "services": self.services,
            "tasks": self.tasks,
            "secrets": [],
            "configs": [],
        }
        swarm = {"ID": "cluster", "Version": {"Index": 1}, "Spec": {}}
        hosts = {name: _facts(name) for name in ADDRESS}
        return Observed(hosts, parse.cluster_state("A", swarm, lists))


class FakeEngine:
    def __init__(self, world: World) -> None:
        self.world = world

    def find(self, kind: str, filters: Mapping[str, list[str]] | None = None) -> list[dict[str, Any]]:
        assert filters is None
        return {"services": self.world.services, "tasks": self.world.tasks}[kind]

    def inspect(self, kind: str, identity: str) -> dict[str, Any]:
        assert kind == "containers"
        if identity in self.world.broken_containers:
            raise self.world.broken_containers[identity]
        return {"State": {"Running": True, "Pid": 1000 + sorted(SERVICES).index(identity.removeprefix("c-"))}}


class FakeShell:
    """Answers look.sh and probe.sh as a healthy host would; its attributes are the faults."""

    def __init__(self, name: str, world: World) -> None:
        self.name, self.world = name, world
        self.sections: dict[str, str] = {}
        """Replaces what a section says."""
        self.unanswered: set[str] = set()
        """Addresses that give no answer."""
        self.refusing: set[str] = set()
        self.names: dict[str, str] = {}
        """Name -> the addresses it resolves to, instead of the right one."""
        self.sent = dict.fromkeys(ADDRESS, 1000)
        self.received = dict.fromkeys(ADDRESS, 1000)
        self.other_spis: dict[int, int] = {}
        self.new_errors = 0
        self.error: Exception | None = None
        self.rounds = 0
        self.wire = ""

    def run(
        self, script: str, arguments: tuple[str, ...] = (), *, timeout_seconds: float, root: bool = True
    ) -> CommandResult:
        assert root
        assert not arguments
        assert timeout_seconds > 0
        if self.error:
            raise self.error
        wishes = script.rpartition("<<'END-OF-WISHES'\n")[2].splitlines()[:-1]
        is_probe = "section answers" in script
        self.rounds += is_probe
        said = self._probed(wishes) if is_probe else self._looked(wishes)
        said |= {name: text for name, text in self.sections.items() if name in said}
        return CommandResult(0, "".join(f"\n== {name}\n{text}\n" for name, text in said.items()), "")

    def _looked(self, wishes: list[str]) -> dict[str, str]:
        said = {"tools": ""}
        for wish in wishes:
            word, _, pid = wish.partition(" ")
            if word == "listen":
                port = SERVICES[sorted(SERVICES)[int(pid) - 1000]][1]
                said[f"listen.{pid}"] = f"00000000:{port:04X}\n0B00007F:A2C1"
        if "ipsec" in wishes:
            said |= self._ipsec(grown=False)
            said["policies"] = "".join(
                f"src {ADDRESS[self.name]}/32 dst {ADDRESS[peer]}/32 proto udp dport 4789\ndir out priority 0\n"
                "mark 0xd0c4e3/0xffffffff\n"
                for peer in self._peers()
            )
            said["mangle"] = (SAMPLES / "iptables-mangle-bpf.txt").read_text()
            said["input"] = (SAMPLES / "iptables-input-bpf.txt").read_text()
        said["nat"] = (
            "-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER-INGRESS\n"
            "-A DOCKER-INGRESS -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.18.0.2:8080"
        )
        return said | {"end": ""}

    def _peers(self) -> list[str]:
        return [peer for peer in ADDRESS if peer != self.name]

    def _ipsec(self, *, grown: bool) -> dict[str, str]:
        states = ""
        for peer in self._peers():
            for source, target, more in (
                (self.name, peer, self.sent[peer]),
                (peer, self.name, self.received[peer]),
            ):
                spi = self.other_spis.get(SPI[source, target], SPI[source, target])
                states += f"src {ADDRESS[source]} dst {ADDRESS[target]}\nproto esp spi {spi:#x}(1) reqid 1\n"
                states += f"{5000 + more * grown}(bytes), 7(packets)\n"
        return {"states": states, "xfrm_stat": f"XfrmInNoStates {self.new_errors * grown}"}

    def _probed(self, wishes: list[str]) -> dict[str, str]:
        answers = []
        for wish in wishes:
            kind, _, rest = wish.partition(" ")
            if kind == "dns":
                key, *_, query = rest.split()
                answers.append(f"dns {key} {self._resolved(query)}")
            elif kind == "tcp" and (address := rest.split()[1]) not in self.unanswered:
                answers.append(f"tcp {rest.split()[0]} {'Connection refused' if address in self.refusing else 'ok'}")
        ipsec = self._ipsec(grown=True) if "ipsec" in wishes else {}
        if any(wish.startswith("wire ") for wish in wishes):
            ipsec["wire"] = self.wire or "ready\n" + "".join(f"esp {ADDRESS[peer]} 5 5\n" for peer in self._peers())
        return {"answers": "\n".join(answers)} | ipsec | {"end": ""}

    def _resolved(self, query: str) -> str:
        message = bytes.fromhex(query.replace("\\x", ""))[2:]
        labels = re.findall(rb"[a-z_]+", message[12:-4])
        name = b".".join(labels).decode()
        service = name.removeprefix("tasks.")
        service = service if service in VIP else f"shop_{service}"
        right = TASK[service] if name.startswith("tasks.") else VIP[service]
        addresses = self.names.get(name, right).split()
        records = b"".join(
            b"\xc0\x0c\0\x01\0\x01\0\0\x02\x58\0\x04" + bytes(int(part) for part in address.split("."))
            for address in addresses
        )
        reply = message[:2] + b"\x81\x80\0\x01\0" + bytes([len(addresses)]) + b"\0\0\0\0" + message[12:] + records
        return (len(reply).to_bytes(2, "big") + reply).hex()


def _service(name: str) -> dict[str, Any]:
    template = {
        "ContainerSpec": {"Image": name},
        "Networks": [{"Target": NET, "Aliases": [name.removeprefix("shop_")]}],
    }
    published = {"Protocol": "tcp", "TargetPort": 8080, "PublishedPort": 8080, "PublishMode": "ingress"}
    return {
        "ID": f"s-{name}",
        "Version": {"Index": 1},
        "Spec": {"Name": name, "TaskTemplate": template, "Mode": {"Replicated": {"Replicas": 1}}},
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


def _facts(name: str) -> HostFacts:
    addresses = {ADDRESS[name]: "eth0", "172.17.0.1": "docker0"}
    system = SystemFacts(name, f"machine-{name}", addresses, (), 0.0)
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
        images={},
        content_store=False,
    )
    return HostFacts(name, system, engine)
