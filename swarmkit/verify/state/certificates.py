"""Proofs of the swarm's certificates: none has ended, none is overdue; pure."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping

from swarmkit.finding import Finding
from swarmkit.observed.certificates import rejoin_remedy, validity
from swarmkit.observed.model import Observed
from swarmkit.verify import codes
from swarmkit.verify.probe.look import HostLook


def prove_certificates(looks: Mapping[str, HostLook], observed: Observed, now: datetime.datetime) -> Iterator[Finding]:
    """Prove of each node that its certificate is valid and will be renewed."""
    for host, seen in looks.items():
        if observed.hosts[host].engine.swarm_state == "active":
            yield _finding(host, seen.certificate, now)


def _finding(host: str, text: str, now: datetime.datetime) -> Finding:
    found, which = validity(text), f"the swarm certificate of {host}"
    if found is None:
        what = f"{which} could not be read"
        return Finding(codes.CERTIFICATE, "warning", host, what, remedy="let swarmkit be root there, or use sudo")
    if now > found.end:
        return Finding(codes.CERTIFICATE, "error", host, f"{which} has ended", str(found), rejoin_remedy(host))
    if found.is_overdue(now):
        what = f"{which} ends {found.end:%Y-%m-%d %H:%M} UTC and was not renewed when it was due"
        remedy = f"see that {host} reaches a manager's port 2377, then: swarmkit rotate ca"
        return Finding(codes.CERTIFICATE, "warning", host, what, str(found), remedy)
    what = f"{which} is valid until {found.end:%Y-%m-%d}"
    return Finding(codes.CERTIFICATE, "ok", host, what, str(found))
