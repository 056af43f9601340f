"""What reaches whom between the hosts: real packets of each kind a swarm sends, for each ordered pair.

docker swarm needs tcp/2377 to managers, tcp and udp/7946, the data-path port over UDP, and for encrypted overlays IP
protocol 50, which security groups forget (HAZARDS H06, H07; docker/docs#8640).
"""

from __future__ import annotations

import importlib.resources
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import permutations

from swarmkit.declared.inventory.host import Inventory
from swarmkit.doctor.dropped import with_drops
from swarmkit.doctor.model import FULL_FRAME, Paths, Peer, Way
from swarmkit.errors import SwarmkitError
from swarmkit.observed.dropping.reading import HostRules
from swarmkit.observed.model import Observed
from swarmkit.plan.nodes.advertised import advertise_address
from swarmkit.reach.fan_out import fan_out
from swarmkit.reach.fleet import Fleet

PROBE_SECONDS = 3.0
"""How long a host goes on sending and listening while another is not heard; with nothing missing 0.3 s, and 2 s when
all are heard again and again but something of what they send is missing."""
AGAIN_SECONDS = 5.0
"""The same for the second try: on a busy host the first can be over before its program has begun."""
TIMEOUT_SECONDS = 20.0


def peers_of(inventory: Inventory, observed: Observed) -> dict[str, Peer]:
    """Return the hosts that have an IPv4 address to be reached at; of the others untried_by_ipv6 tells."""
    return {name: peer for name, peer in _reached(inventory, observed).items() if not _is_by_ipv6(peer)}


def untried_by_ipv6(inventory: Inventory, observed: Observed) -> dict[str, str]:
    """Return the hosts that others reach by IPv6, by which no packet is sent, each with that address."""
    if len(inventory.hosts) < 2:
        return {}
    by_ipv6 = (peer for peer in _reached(inventory, observed).values() if _is_by_ipv6(peer))
    return {peer.host: peer.advertise if ":" in peer.advertise else peer.data for peer in by_ipv6}


def _reached(inventory: Inventory, observed: Observed) -> dict[str, Peer]:
    found = {}
    for host in inventory.hosts:
        advertise = advertise_address(host, observed.hosts[host.name])
        data = host.data_path_addr or advertise
        if advertise and data:
            found[host.name] = Peer(host.name, advertise, data, host.role == "manager")
    return found


def _is_by_ipv6(peer: Peer) -> bool:
    return ":" in peer.advertise + peer.data


def probe_paths(
    fleet: Fleet,
    peers: Mapping[str, Peer],
    data_path_port: int,
    mtus: Mapping[str, int],
    rules: Callable[[], Mapping[str, HostRules]],
) -> Paths:
    """Send and listen on all hosts of *peers* at once; *mtus* are those of their data links, in bytes.

    Needs perl (essential on Debian and Ubuntu) or python3 on the hosts; a host without either is among the untried, but
    for connections, which bash tries, and the MTU, where ping is there.
    Never raises for a host that fails. What did not pass is tried once more, longer. *rules*, which is called last,
    returns those of the hosts.
    """
    if len(peers) < 2:
        return Paths((), {}, {})
    tried = _probe_twice(fleet, peers, data_path_port, mtus)
    return replace(tried, ways=with_drops(tried.ways, peers, rules()))


def _probe_twice(fleet: Fleet, peers: Mapping[str, Peer], data_path_port: int, mtus: Mapping[str, int]) -> Paths:
    first = _probe(fleet, peers, data_path_port, mtus, PROBE_SECONDS)
    if all(way.passes for way in first.ways):
        return first
    again = _probe(fleet, peers, data_path_port, mtus, AGAIN_SECONDS)
    passed = {(way.source, way.target, way.kind) for way in first.ways if way.passes}
    ways = (
        replace(way, passes=True, said="") if (way.source, way.target, way.kind) in passed else way
        for way in again.ways
    )
    translated = {**first.translated, **again.translated}
    return replace(again, ways=tuple(ways), translated=translated)


def _probe(
    fleet: Fleet, peers: Mapping[str, Peer], data_path_port: int, mtus: Mapping[str, int], seconds: float
) -> Paths:
    names = list(peers)
    marker = secrets.token_hex(8)
    script = probe_script()
    everyone = [f"{n},{peer.advertise},{peer.data},{int(peer.is_manager)}" for n, peer in enumerate(peers.values())]

    def ask(name: str) -> list[list[str]]:
        numbers = (str(names.index(name)), f"{seconds:g}", str(data_path_port), str(mtus.get(name, 1500)))
        said = fleet[name].shell.run(script, (marker, *numbers, *everyone), timeout_seconds=TIMEOUT_SECONDS)
        if not said.stdout.endswith("end\n"):
            raise SwarmkitError(f"{name}: cannot send or hear packets", said.stderr.strip()[-200:])
        return [line.split(maxsplit=3) for line in said.stdout.splitlines()[:-1]]

    return paths_from(peers, fan_out(names, ask), data_path_port)


def probe_script() -> str:
    """Return what runs on a host: one program, in that of two languages which it has, or what bash can without."""
    folder = importlib.resources.files("swarmkit.doctor")
    perl, python, bash = (folder.joinpath(name).read_text() for name in ("paths.pl", "paths_on_host.py", "paths.sh"))
    return f"""
command -v perl >/dev/null && exec perl - "$@" <<'PERL'
{perl}PERL
for python in python3 /usr/libexec/platform-python; do
command -v "$python" >/dev/null && exec "$python" - "$@" <<'PYTHON'
{python}PYTHON
done
command -v bash >/dev/null && exec bash -s -- "$@" <<'BASH'
{bash}BASH
echo 'neither perl nor python3 is there, nor bash' >&2
"""


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
    bare = frozenset(host for host, lines in said.items() if [_BARE] in lines)
    untried |= dict.fromkeys(
        sorted(bare), "neither perl nor python3 is there: bash tried connections, and ping the MTU"
    )
    ways = []
    translated = {}
    refused: dict[str, tuple[tuple[str, str], ...]] = {}
    for source, target in permutations(said, 2):
        if source in bare:
            number = str(names.index(target))
            ways += _pinged(source, target, [words[2] for words in said[source] if words[:2] == ["pinged", number]])
        for key, kind in _KINDS.items() if not {source, target} & bare else ():
            why = told.get((source, target, "unsent", key), "nothing arrived")
            passes = (source, target, key) in heard
            if key == "full" and not passes:
                sizes = [
                    int(what[4:])
                    for one, other, what in heard
                    if (one, other) == (source, target) and what[:4] == "size"
                ]
                why = f"{max(sizes)} bytes pass" if sizes else why
            ways.append(Way(source, target, kind.format(data_path_port), passes, "" if passes else why))
        for port in ("7946", "2377") if peers[target].is_manager else ("7946",):
            answer = told.get((source, target, "tcp", port), "not tried")
            if target in bare and answer == "Connection refused":
                refused[target] = (*refused.get(target, ()), (source, f"tcp/{port}"))
                continue
            arrived = (source, target, f"tcp{port}") in heard
            passes = answer == "ok" or (answer == "Connection refused" and arrived)
            ways.append(Way(source, target, f"tcp/{port}", passes, "" if passes else answer))
        seen = heard.get((source, target, "udpdata"))
        if seen and seen not in (peers[source].data, peers[source].advertise):
            translated[source, target] = seen
    return Paths(tuple(ways), translated, untried, bare, refused)


def _pinged(source: str, target: str, sizes: list[str]) -> list[Way]:
    """Return the way of full frames by what came back of *sizes*; nothing where no ping is answered at all."""
    if not sizes:
        return []
    is_full = "full" in sizes
    return [Way(source, target, FULL_FRAME, is_full, "" if is_full else f"{max(map(int, sizes))} bytes pass")]


_BARE = "bare"
"""What a host says that has neither language."""
_KINDS = {"esp": "proto 50", "udp7946": "udp/7946", "udpdata": "udp/{}", "full": FULL_FRAME}
