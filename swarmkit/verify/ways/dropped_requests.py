"""Which rule of a host's own drops requests for a port that it publishes, on their way into the network; pure.

Docker writes its rules anew when it starts, and leaves those of others, such as ones in DOCKER-USER, as they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from swarmkit.finding import Finding
from swarmkit.observed.dropping.rules import Drop
from swarmkit.verify.encryption.firewall import led_to
from swarmkit.verify.encryption.xfrm import UnreadableError
from swarmkit.verify.probe.look import HostLook

_BRIDGE = "docker_gwbridge"
"""By which every container of a service gets out and is got to, and so does ingress (moby libnetwork)."""
_POLICY = "-P "


def with_dropping_rule(
    finding: Finding, host: str, seen: HostLook | None, address: str, port: int, sources: Iterable[str]
) -> Finding:
    """Return *finding* of a port of *host* at *address* with the rule that drops what comes for it from *sources*."""
    drops = [drop for source in sources for drop in _drops(seen, source, address, port)]
    if not drops:
        return finding
    first = drops[0]
    evidence = f"{finding.evidence}; on {host} a rule drops it: {first}"
    return replace(finding, evidence=evidence, remedy=_remedy(host, first))


def _drops(seen: HostLook | None, source: str, address: str, port: int) -> tuple[Drop, ...]:
    if seen is None or seen.rules is None:
        return ()
    try:
        to = led_to(seen.nat, port)
    except UnreadableError:
        return ()
    found = seen.rules.drops_led_on(f"tcp/{to[1]}", source, address, to[0], _BRIDGE) if to else ()
    # A policy drops what no rule of Docker's lets in: those are what a restart of the engine brings back.
    return tuple(drop for drop in found if not drop.rule.startswith((_POLICY, "policy ")))


def _remedy(host: str, drop: Drop) -> str:
    kept = "and where the host's firewall keeps it, such as ufw's or firewalld's files, there too, else it comes back"
    if drop.tool == "nft":
        return f"on {host}: nft -a list chain {drop.table} {drop.way[-1]}, then nft delete rule by its handle; {kept}"
    taken = drop.rule.replace("-A ", "-D ", 1)
    return f"on {host}: {drop.tool} -w -t {drop.table} {taken}; {kept}"
