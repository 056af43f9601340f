"""What opens a closed way: past the rule that drops it, where one was found, else by each firewall; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from swarmkit.doctor.model import Peer, Way
from swarmkit.observed.dropping.firewalld import part_of
from swarmkit.observed.dropping.rules import Drop
from swarmkit.plan.networks.firewall_rules import is_data_path, past, rules, rules_out, security_group
from swarmkit.plan.networks.own_routes import leads_nowhere, look_at_routes


def lines_of(ways: Sequence[Way], peers: Mapping[str, Peer]) -> list[str]:
    """Return the lines that open each of *ways*, by the host on which that is done."""
    unrouted = dict.fromkeys((way.source, way.ends(peers)[1]) for way in ways if leads_nowhere(way.said))
    elsewhere: dict[str, list[str]] = {}
    sent: dict[str, list[Way]] = {}
    arriving: dict[str, list[Way]] = {}
    # Of a pair of hosts one kind says it; what asks for no answer, or for none of the kernel's, is lost there as well.
    for way in (way for way in ways if (way.source, way.ends(peers)[1]) not in unrouted):
        for drop in (drop for drop in way.drops or () if not drop.is_usual):
            command = past(drop, way.kind, *way.ends(peers))
            elsewhere.setdefault(host_of(drop, way), []).append(command)
        usual = [drop for drop in way.drops or () if drop.is_usual]
        if any(drop.is_sent for drop in usual) or (way.is_refused_at_its_source and not way.drops):
            sent.setdefault(way.source, []).append(way)
        if any(not drop.is_sent for drop in usual) or not (way.is_refused_at_its_source or way.drops):
            arriving.setdefault(way.target, []).append(way)
    lines = [look_at_routes(*pair) for pair in unrouted]
    lines += [f"on {host}: {' && '.join(dict.fromkeys(commands))}" for host, commands in elsewhere.items()]
    lines += [line for source, those in sent.items() for line in _out_of(source, those, peers)]
    lines += [line for target, those in arriving.items() for line in _in_to(target, those, peers)]
    return [*lines, _TILL_THE_BOOT] if any(word in line for line in lines for word in ("iptables ", "nft ")) else lines


def said_of(way: Way) -> str:
    """Return what became of *way*, and the rules that drop it where they were found."""
    found = [f"dropped on {host_of(drop, way)} by {drop}" for drop in way.drops or ()]
    return ", ".join([way.said, *found])


def host_of(drop: Drop, way: Way) -> str:
    return way.source if drop.is_sent else way.target


def _out_of(source: str, ways: Sequence[Way], peers: Mapping[str, Peer]) -> list[str]:
    each = [rules_out(way.kind, way.ends(peers)[1], _part(way, is_sent=True)) for way in ways]
    return [f"on {source}, which drops what it sends itself, by the firewall it has:", *_one_a_firewall(each)]


def _in_to(target: str, ways: Sequence[Way], peers: Mapping[str, Peer]) -> list[str]:
    """Return the lines that let *ways* in to *target*, one line a firewall."""
    each = [rules(way.kind, way.ends(peers)[0], part=_part(way, is_sent=False)) for way in ways]
    lines = [f"on {target}, by the firewall it has:", *_one_a_firewall(each)]
    kinds = dict.fromkeys(way.kind for way in ways)
    if any(is_data_path(kind) for kind in kinds):
        lines.append(_BEHIND_DOCKERS)
    lines += [security_group(kind, [way.ends(peers)[0] for way in ways if way.kind == kind]) for kind in kinds]
    if all(way.drops == () for way in ways):
        hosts = ", ".join(dict.fromkeys([*(way.source for way in ways), target]))
        lines.append(f"{hosts} show no rule that surely drops it: look on the way between them first")
    return lines


def _part(way: Way, *, is_sent: bool) -> str:
    return part_of(drop for drop in way.drops or () if drop.is_sent == is_sent)


def _one_a_firewall(each: Sequence[Mapping[str, Sequence[str]]]) -> list[str]:
    return [" && ".join(command for one in each for command in one[firewall]) for firewall in each[0]]


_TILL_THE_BOOT = (
    "what iptables and nft are told ends with the next boot; to keep it: systemctl edit docker, and there under "
    "[Service], a line for each that opens a way: ExecStartPost=-/bin/sh -c 'COMMAND' (with the dash, the engine "
    "starts whether or not the rule could be made)"
)
# An inserted rule accepts clear frames of encrypted overlays, too, until Docker's own stand above it again.
_BEHIND_DOCKERS = "where iptables was taken: swarmkit verify, whose V10 puts Docker's rules above it where needed"
