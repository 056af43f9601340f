"""The common cause of many findings: hosts that nothing of the swarm's own traffic gets to or from; pure.

Hosts between which something passes are joined; what is not joined by any way is apart. That says who is cut off.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from swarmkit.finding import Finding
from swarmkit.verify import codes
from swarmkit.verify.ways.gossip import TriedWay

Part = frozenset[str]


def parts_of(tried: Sequence[TriedWay]) -> tuple[Part, ...]:
    """Return the hosts of all ways in parts between which nothing passes, the largest first."""
    parts = [frozenset((host,)) for one in tried for host in (one.way.source, one.way.target)]
    parts = list(dict.fromkeys(parts))
    for one in tried:
        # Who refuses a connection was reached.
        if one.told or any("refused" in what for what in one.wrong):
            ends = [part for part in parts if part & {one.way.source, one.way.target}]
            parts = [part for part in parts if part not in ends] + [frozenset[str]().union(*ends)]
    return tuple(sorted(parts, key=lambda part: (-len(part), sorted(part))))


def prove_cut_off(tried: Sequence[TriedWay]) -> Iterator[Finding]:
    """Yield V27 for each host that nothing gets to or from; one finding where the nodes fall apart otherwise."""
    parts = parts_of(tried)
    if len(parts) < 2:
        return
    alone = [host for part in parts if len(part) == 1 for host in part]
    if len(parts) - len(alone) != 1:
        yield _apart(parts, tried)
        return
    for host in alone:
        count = sum(host in (one.way.source, one.way.target) for one in tried)
        what = f"{host} is cut off: nothing of the swarm's own traffic passes between it and any other node"
        remedy = f"mend the network of {host} first: its cable, its firewall; swarmkit doctor names ports and rules"
        yield Finding(codes.CUT, "error", host, what, f"{count} ways tried", remedy)


def _apart(parts: Sequence[Part], tried: Sequence[TriedWay]) -> Finding:
    remedy = "mend the network between the hosts first; swarmkit doctor names ports and rules"
    if all(len(part) == 1 for part in parts):
        where = ", ".join(host for part in parts for host in part)
        what = "no node hears another: nothing of the swarm's own traffic passes between any two"
    else:
        where = " | ".join(", ".join(sorted(part)) for part in parts)
        what = f"the nodes have fallen apart: nothing of the swarm's own traffic passes between {where}"
    return Finding(codes.CUT, "error", where, what, f"{len(tried)} ways tried", remedy)
