"""What does not pass between the hosts, with the rules that let it pass; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set

from swarmkit.declared.stack.service import MTU_OPTION
from swarmkit.doctor.checks.cuts import check_cuts, cuts
from swarmkit.doctor.checks.openings import lines_of, said_of
from swarmkit.doctor.model import FULL_FRAME, Paths, Peer, Way
from swarmkit.finding import Finding
from swarmkit.plan.networks.firewall_rules import ESP


def check_paths(
    paths: Paths, peers: Mapping[str, Peer], mtus: Mapping[str, int], data_path_port: int, assumed_mtu: int
) -> Iterator[Finding]:
    """Yield what does not pass, one finding a target and kind, with the rules that let it pass.

    Where no packet of any kind passes between hosts, all of it is one finding, and ESP one that follows from it.
    A way that carries frames of *assumed_mtu*, an overlay's largest, is wide enough, whatever its links have.
    """
    yield from _untried(paths)
    # Where connections alone were tried, their failing does not say that nothing passes.
    cut_off = cuts([way for way in paths.ways if not paths.bare & {way.source, way.target}])
    yield from check_cuts(cut_off, peers)
    told_ends = {(way.source, way.target) for cut in cut_off for way in cut.ways}
    blocked: dict[tuple[str, str], list[Way]] = {}
    small = {(way.source, way.target) for way in paths.ways if way.passes and way.kind == f"udp/{data_path_port}"}
    small |= {(way.source, way.target) for way in paths.ways if way.source in paths.bare and _carries(way)}
    for way in paths.ways:
        is_frame = way.kind == FULL_FRAME
        if (way.source, way.target) in told_ends or _lacks_the_answer(way, paths.ways):
            continue
        if not way.passes and _is_lost_by_translation(way, paths.translated.keys()):
            continue
        if not way.passes and (not is_frame or ((way.source, way.target) in small and _carries(way) < assumed_mtu)):
            blocked.setdefault((way.target, way.kind), []).append(way)
    for (target, kind), ways in blocked.items():
        sources = [way.source for way in ways]
        where = f"{', '.join(sources)} -> {target}"
        evidence = ", ".join(f"{way.source} -> {target}: {said_of(way)}" for way in ways)
        if kind == FULL_FRAME:
            size = ", ".join(f"{source}: {mtus.get(source, 1500)}" for source in sources)
            what = f"frames of the sender's full size do not arrive at {target}: the path's MTU is smaller"
            yield Finding("H11", "error", where, what, f"{evidence}; MTU of {size} bytes", _mtu_remedy(ways))
        else:
            code = "H06" if kind == ESP else "H07"
            what = f"{_NAMES.get(kind, kind)} from {', '.join(sources)} does not arrive at {target}"
            yield Finding(code, "error", where, what, evidence, "\n".join(lines_of(ways, peers)))
    for (source, target), seen in paths.translated.items():
        what = f"{target} sees {source} as {seen}: an address is translated on the way, which breaks overlays"
        sent = f"{source} sends as {peers[source].data}"
        yield Finding("H17", "error", f"{source} -> {target}", what, sent, _nat(source, target))


_NOT_ITS_OWN = "Cannot assign requested address"


def _untried(paths: Paths) -> Iterator[Finding]:
    for host, why in paths.untried.items():
        remedy = _AS_ROOT if "permitted" in why else "apt-get install -y perl || dnf install -y python3 || apk add perl"
        refused = ", ".join(f"{source} at {kind}" for source, kind in paths.refused.get(host, ()))
        what = f"neither UDP nor ESP could be tried from or to {host}{', nor TCP to it' if refused else ''}"
        what = what if host in paths.bare else f"no packet could be tried from or to {host}"
        evidence = f"{why}; refused by it or by a firewall: {refused}" if refused else why
        if _NOT_ITS_OWN in why:
            remedy = "first do what B13 says of it: packets are to be sent from an address that it does not have"
            yield Finding("H07", "warning", host, what, evidence, remedy)
        else:
            yield Finding("H07", "warning", host, what, evidence, f"on {host}: {remedy}")


def _is_lost_by_translation(way: Way, translated: Set[tuple[str, str]]) -> bool:
    """Tell whether *way* is of ESP that no rule drops, between hosts of which one has another address on the way.

    ESP has no ports: of what goes both ways, connection tracking drops what it would take for the other's answer.
    """
    pair = (way.source, way.target)
    return way.kind == ESP and not way.drops and not translated.isdisjoint((pair, pair[::-1]))


def _lacks_the_answer(way: Way, ways: Sequence[Way]) -> bool:
    """Tell whether of *way* only the answers get lost: what asks for none arrives there, and nothing comes back."""
    if way.passes or not way.kind.startswith("tcp/"):
        return False
    there = {one.passes for one in _unanswered(ways) if (one.source, one.target) == (way.source, way.target)}
    back = {one.passes for one in _unanswered(ways) if (one.source, one.target) == (way.target, way.source)}
    return there == {True} and back == {False}


def _unanswered(ways: Sequence[Way]) -> Iterator[Way]:
    return (way for way in ways if not way.kind.startswith("tcp/") and way.kind != FULL_FRAME)


_AS_ROOT = "raw sockets are root's: set ansible_become: true in the inventory"
_NAMES = {ESP: "IP protocol 50 (ESP, all encrypted overlay traffic)"}


def _nat(source: str, target: str) -> str:
    line = f"in the inventory, for {source}: swarm_advertise_addr: ADDRESS, one of its own that {target} sees unchanged"
    return f"{line} (on {source}: ip -br addr); where there is none, that of a VPN between the hosts"


def _mtu_remedy(ways: list[Way]) -> str:
    passing = [_carries(way) for way in ways if _carries(way)]
    mtu = min(passing) if len(passing) == len(ways) else "MTU"
    find = "" if passing else "find the path's MTU (ping -M do -s SIZE PEER) and set it for the networks "
    return f"{find}in the stack file, for each network: driver_opts: {{{MTU_OPTION}: '{mtu}'}}"


def _carries(way: Way) -> int:
    """Return the largest frame that is known to pass where a full one does not, in bytes; 0 when none is."""
    return int(way.said.split()[0]) if way.said.endswith("bytes pass") else 0
