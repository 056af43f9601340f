"""Engines that answer on the network without asking who is there; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from swarmkit.declared.inventory.addresses import is_loopback
from swarmkit.doctor.evidence import HostEvidence
from swarmkit.finding import Finding
from swarmkit.plan.engines.remedies import unit_option

_USUAL_PORT = "2375"
# What an engine says of itself (moby daemon/info.go, fillAPIInfo), of each port and whether it asks for certificates.
_TOLD = re.compile(r"API is accessible on (https?://(\S+):(\d+) without (?:encryption|TLS client verification))")


def check_open_engine(host: HostEvidence) -> Iterator[Finding]:
    """Yield D05: an engine that answers on the network without a client's certificate, on whatever port."""
    told = [found for said in host.info.get("Warnings") or [] if (found := _TOLD.search(said))]
    for found in told:
        seen = f"the engine says: API is accessible on {found[1]}"
        yield _open(host, found[3], seen, is_local=is_loopback(found[2]))
    if f"{_USUAL_PORT}/tcp" in host.listening and _USUAL_PORT not in [found[3] for found in told]:
        seen = f"something listens on {_USUAL_PORT}/tcp, the engine's port without TLS"
        yield _open(host, _USUAL_PORT, seen, is_local=False)


def _open(host: HostEvidence, port: str, evidence: str, *, is_local: bool) -> Finding:
    who = "every user and container of this host's network" if is_local else "whoever reaches this host"
    remedy = unit_option(host.name, port)
    if not is_local:
        remedy += f"; till then: iptables -w -I INPUT -p tcp --dport {port} ! -i lo -j DROP"
    return Finding("D05", "error", host.name, f"{who} may use its engine, and so is root", evidence, remedy)
