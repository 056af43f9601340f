"""Clocks that nothing keeps right: they are together still, and will not stay so; pure."""

from __future__ import annotations

from collections.abc import Iterator

from swarmkit.doctor.evidence import HostEvidence
from swarmkit.finding import Finding

_UNSYNCHRONISED = {
    "NTPSynchronized=no": "timedatectl set-ntp true; what answers: timedatectl timesync-status",
    "Leap status     : Not synchronised": "chronyc -a 'burst 4/4'; what answers: chronyc -n sources",
}
"""What a host says -> what helps there."""


def check_synchronised(host: HostEvidence) -> Iterator[Finding]:
    """Yield H34 where a time service is installed and has not set the clock."""
    said = host.said.get("time", "").strip()
    if said in _UNSYNCHRONISED:
        what = "its clock is not synchronised: one that drifts makes certificates not valid yet, or no more"
        yield Finding("H34", "warning", host.name, what, said, f"on {host.name}: {_UNSYNCHRONISED[said]}")
