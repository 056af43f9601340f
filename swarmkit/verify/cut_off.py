"""The common cause of many findings: hosts that nothing of the swarm's own traffic gets to or from; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from swarmkit.finding import Finding
from swarmkit.verify import codes
from swarmkit.verify.gossip import TriedWay


def prove_cut_off(tried: Sequence[TriedWay]) -> Iterator[Finding]:
    """Yield V27 for each host that nothing gets to or from; one finding where that is every host."""
    passing = {host for one in tried if one.told for host in (one.way.source, one.way.target)}
    hosts = sorted({host for one in tried for host in (one.way.source, one.way.target)})
    cut = [host for host in hosts if host not in passing]
    if cut and cut == hosts:
        what = "no node hears another: nothing of the swarm's own traffic passes between any two"
        remedy = "mend the network between the hosts first; swarmkit doctor names ports and rules"
        yield Finding(codes.CUT, "error", ", ".join(cut), what, f"{len(tried)} ways tried", remedy)
        return
    for host in cut:
        count = sum(host in (one.way.source, one.way.target) for one in tried)
        what = f"{host} is cut off: nothing of the swarm's own traffic passes between it and any other node"
        remedy = f"mend the network of {host} first: its cable, its firewall; swarmkit doctor names ports and rules"
        yield Finding(codes.CUT, "error", host, what, f"{count} ways tried", remedy)
