"""What reaches whom between the hosts: real packets of each kind a swarm sends, for each ordered pair.

docker swarm needs tcp/2377 to managers, tcp and udp/7946, the data-path port over UDP, and for encrypted overlays IP
protocol 50, which security groups forget (HAZARDS H06, H07; docker/docs#8640).
"""

from __future__ import annotations

import importlib.resources
import secrets
from collections.abc import Iterator, Mapping
from itertools import permutations

from swarmkit.declared.host import Inventory
from swarmkit.doctor.model import Paths, Peer, Way
from swarmkit.errors import SwarmkitError
from swarmkit.finding import Finding
from swarmkit.observed.model import Observed
from swarmkit.plan.refusals import advertise_address
from swarmkit.reach.fan_out import fan_out
from swarmkit.reach.fleet import Fleet

PROBE_SECONDS = 3.0
"""How long a host goes on sending and listening while something is missing; with nothing missing 0.5 s."""
TIMEOUT_SECONDS = 20.0


def peers_of(inventory: Inventory, observed: Observed) -> dict[str, Peer]:
    """Return the hosts that have an IPv4 address to be reached at; the others are told by their own checks."""
    found = {}
    for host in inventory.hosts:
        advertise = advertise_address(host, observed.hosts[host.name])
        data = host.data_path_addr or advertise
        if advertise and data and ":" not in advertise + data:
            found[host.name] = Peer(host.name, advertise, data, host.role == "manager")
    return found


def probe_paths(fleet: Fleet, peers: Mapping[str, Peer], data_path_port: int, mtus: Mapping[str, int]) -> Paths:
    """Send and listen on all hosts of *peers* at once; *mtus* are those of their data links, in bytes.

    Needs perl on the hosts (essential on Debian and Ubuntu); a host without it is among the untried. Never raises for
    a host that fails.
    """
    names = list(peers)
    if len(names) < 2:
        return Paths((), {}, {})
    marker = secrets.token_hex(8)
    code = importlib.resources.files("swarmkit.doctor").joinpath("paths.pl").read_text()
    script = f"exec perl - \"$@\" <<'PERL'\n{code}PERL\n"
    everyone = [f"{n},{peer.advertise},{peer.data},{int(peer.is_manager)}" for n, peer in enumerate(peers.values())]

    def ask(name: str) -> list[list[str]]:
        numbers = (str(names.index(name)), f"{PROBE_SECONDS:g}", str(data_path_port), str(mtus.get(name, 1500)))
        said = fleet[name].shell.run(script, (marker, *numbers, *everyone), timeout_seconds=TIMEOUT_SECONDS)
        if not said.stdout.endswith("end\n"):
            raise SwarmkitError(f"{name}: cannot send or hear packets", said.stderr.strip()[-200:], "apt install perl")
        return [line.split(maxsplit=3) for line in said.stdout.splitlines()[:-1]]

    return paths_from(peers, fan_out(names, ask), data_path_port)


def paths_from(
    peers: Mapping[str, Peer], answers: Mapping[str, list[list[str]] | Exception], data_path_port: int
) -> Paths:
    """Return what the hosts' *answers*, the words of each line that they printed, say of the ways between them."""
    names = list(peers)
    said = {name: answer for name, answer in answers.items() if not isinstance(answer, Exception)}
    untried = {name: str(answer) for name, answer in answers.items() if isinstance(answer, Exception)}
    heard = {
        (names[int(words[1])], host, words[2]): words[3].split()[0]
        for host, lines in said.items()
        for words in lines
        if words[0] == "heard"
    }
    told = {
        (host, names[int(words[1])], words[0], words[2]): words[3]
        for host, lines in said.items()
        for words in lines
        if words[0] in ("tcp", "unsent")
    }
    ways = []
    translated = {}
    for source, target in permutations(said, 2):
        for key, kind in _KINDS.items():
            why = told.get((source, target, "unsent", key), "nothing arrived")
            passes = (source, target, key) in heard
            ways.append(Way(source, target, kind.format(data_path_port), passes, "" if passes else why))
        for port in ("7946", "2377") if peers[target].is_manager else ("7946",):
            answer = told.get((source, target, "tcp", port), "not tried")
            passes = answer == "ok" or (answer == "Connection refused" and (source, target, f"tcp{port}") in heard)
            ways.append(Way(source, target, f"tcp/{port}", passes, "" if passes else answer))
        seen = heard.get((source, target, "udpdata"))
        if seen and seen not in (peers[source].data, peers[source].advertise):
            translated[source, target] = seen
    return Paths(tuple(ways), translated, untried)


_KINDS = {"esp": "proto 50", "udp7946": "udp/7946", "udpdata": "udp/{}", "full": "full frame"}


def check_paths(
    paths: Paths, peers: Mapping[str, Peer], mtus: Mapping[str, int], data_path_port: int
) -> Iterator[Finding]:
    """Yield what does not pass, one finding a target and kind, with the rules that let it pass."""
    for host, why in paths.untried.items():
        yield Finding("H07", "warning", host, f"no packet could be tried from {host}", why, f"on {host}: install perl")
    blocked: dict[tuple[str, str], list[Way]] = {}
    small = {(way.source, way.target) for way in paths.ways if way.passes and way.kind == f"udp/{data_path_port}"}
    for way in paths.ways:
        if not way.passes and (way.kind != "full frame" or (way.source, way.target) in small):
            blocked.setdefault((way.target, way.kind), []).append(way)
    for (target, kind), ways in blocked.items():
        sources = [way.source for way in ways]
        where = f"{', '.join(sources)} -> {target}"
        evidence = ", ".join(f"{way.source} -> {target}: {way.said}" for way in ways)
        if kind == "full frame":
            size = ", ".join(f"{source}: {mtus.get(source, 1500)}" for source in sources)
            what = f"frames of the sender's full size do not arrive at {target}: the path's MTU is smaller"
            yield Finding("H11", "error", where, what, f"{evidence}; MTU of {size} bytes", _MTU_REMEDY)
        else:
            code = "H06" if kind == "proto 50" else "H07"
            what = f"{_NAMES.get(kind, kind)} from {', '.join(sources)} does not arrive at {target}"
            yield Finding(code, "error", where, what, evidence, _rules(kind, [peers[name] for name in sources], target))
    for (source, target), seen in paths.translated.items():
        what = f"{target} sees {source} as {seen}: an address is translated on the way, which breaks overlays"
        yield Finding("H17", "error", f"{source} -> {target}", what, f"{source} sends as {peers[source].data}", _NAT)


_NAMES = {"proto 50": "IP protocol 50 (ESP, all encrypted overlay traffic)"}
_NAT = "set swarm_advertise_addr to an address that the other hosts see unchanged, or use a VPN between the hosts"
_MTU_REMEDY = (
    "find the path's MTU (ping -M do -s SIZE PEER) and set it for the networks in the stack file: "
    "driver_opts: {com.docker.network.driver.mtu: MTU}"
)


def _rules(kind: str, sources: list[Peer], target: str) -> str:
    """Return the rules that let *kind* in from *sources*, for each firewall a host may have."""
    protocol, _, port = kind.partition("/")
    is_esp = kind == "proto 50"
    wish = (
        ("-p esp", "proto esp", "protocol value=esp", "ip protocol esp", "protocol 50 (ESP)")
        if is_esp
        else (
            f"-p {protocol} --dport {port}",
            f"proto {protocol} to any port {port}",
            f"port port={port} protocol={protocol}",
            f"{protocol} dport {port}",
            f"{protocol} port {port}",
        )
    )
    lines = [f"on {target}, by the firewall it has:"]
    for peer in sources:
        address = peer.data if is_esp else peer.advertise
        rich = f"rule family=ipv4 source address={address} {wish[2]} accept"
        lines += [
            f"iptables -I INPUT -s {address} {wish[0]} -j ACCEPT",
            f"ufw allow from {address} {wish[1]}",
            f"firewall-cmd --permanent --add-rich-rule='{rich}' && firewall-cmd --reload",
            f"nft insert rule inet filter input ip saddr {address} {wish[3]} accept",
        ]
    return "\n".join([*lines, f"in a cloud's security group: allow {wish[4]} from the other hosts"])
