"""Proofs of isolation: what shares no network is neither named nor reached, nor from the hosts; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations

from swarmkit.declared.stack.service import Service, Stack
from swarmkit.finding import Finding
from swarmkit.verify import codes
from swarmkit.verify.ended import NOBODY, Ended
from swarmkit.verify.live import Live
from swarmkit.verify.probe.cable import Cable
from swarmkit.verify.probe.parcels import Trespass
from swarmkit.verify.probe.probes import NotAsk
from swarmkit.verify.probe.probing import Result


def _remedy(source: str) -> str:
    host = source.removeprefix("host ").rpartition("@")[2]
    in_container = "" if source.startswith("host ") else ", and in the container docker exec CONTAINER ip route"
    look = f"on {host}: ip route; iptables -w -S FORWARD{in_container}, shows the way that Docker has not made"
    return f"{look}: take that away; where rules of Docker's own are gone too: systemctl restart docker"


def prove_isolation(
    trespasses: Iterable[Trespass], results: Iterable[Result], cables: Mapping[str, Cable], ended: Ended = NOBODY
) -> Iterator[Finding]:
    """Prove for each service and host, and each service it shares no network with, that it gets no answer from it."""
    told: dict[tuple[str, str], list[str]] = {}
    wrong: dict[tuple[str, str], list[str]] = {}
    for trespass in trespasses:
        sender = cables.get(trespass.spot.host)
        if sender is None or sender.why_blind or trespass.spot.place in sender.lost:
            continue
        pair = trespass.source, trespass.target
        breach = _breach(trespass, cables)
        if ended.silences(trespass) and not breach:
            continue
        address = f"{trespass.address}:{trespass.port}"
        (wrong if breach else told).setdefault(pair, []).append(breach or f"{address} does not answer")
    for result in results:
        if isinstance(result.probe, NotAsk) and result.is_asked:
            path = result.probe.path
            (told if result.holds else wrong).setdefault((f"{path.source}@{path.host}", path.target), []).append(
                str(result)
            )
    for source, target in dict.fromkeys([*told, *wrong]):
        yield _finding(source, target, wrong.get((source, target), []), told.get((source, target), []))


def prove_declared_isolation(live: Live, stack: Stack | None) -> Iterator[Finding]:
    """Prove that services which the stack file keeps apart were not put on one network since."""
    services = stack.services if stack else ()
    declared = {f"{stack.name}_{one.name}": _declared_networks(stack, one) for one in services} if stack else {}
    known = [service for service in live.services if service.name in declared]
    for first, second in combinations(known, 2):
        shared = first.networks & second.networks & live.networks.keys()
        if shared and not declared[first.name] & declared[second.name]:
            names = ", ".join(sorted(live.networks[network].name for network in shared))
            what = f"{first.name} and {second.name} reach each other, and the stack file puts them on no common network"
            yield Finding(
                codes.ISOLATION, "error", f"{first.name} <-> {second.name}", what, f"both are on {names}", "swarmkit up"
            )


def _declared_networks(stack: Stack, service: Service) -> frozenset[str]:
    """Return the names of the networks that the stack file puts *service* on."""
    names = {network.key: network.name for network in stack.networks}
    return frozenset(names.get(network.name, network.name) for network in service.networks)


def _breach(trespass: Trespass, cables: Mapping[str, Cable]) -> str:
    """Return how the trespass succeeded; empty when it did not."""
    for host, cable in cables.items():
        if any(key == trespass.key for _, key in cable.heard):
            return f"a packet to {trespass.address} was heard in a container on {host}"
    if trespass.key in cables[trespass.spot.host].opened:
        return f"{trespass.address}:{trespass.port} takes connections"
    return ""


def _finding(source: str, target: str, wrong: list[str], told: list[str]) -> Finding:
    is_host = source.startswith("host ")
    code = codes.OUTSIDE if is_host else codes.ISOLATION
    where = f"{source} -> {target}"
    if wrong:
        what = f"{source} gets to {target}, with which it shares no network"
        return Finding(code, "error", where, what, "; ".join(wrong), _remedy(source))
    what = f"{source} gets no answer from {target}, with which it shares no network"
    return Finding(code, "ok", where, what, "; ".join(told))
