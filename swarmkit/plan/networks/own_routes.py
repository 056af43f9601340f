"""Ways that a sender's own routes lead nowhere, told by what its kernel answers; pure.

A blackhole route answers EINVAL, a prohibited one EACCES, none at all ENETUNREACH (Linux net/ipv4/fib_semantics.c). No
firewall and no other host is asked then; EHOSTUNREACH may be another host's answer, too.
"""

from __future__ import annotations

_BY_ROUTES = ("Invalid argument", "Permission denied", "Network is unreachable")


def leads_nowhere(said: str) -> bool:
    """Tell whether *said*, a kernel's answer to who sends, is that of its own routes."""
    return said in _BY_ROUTES


def look_at_routes(source: str, address: str) -> str:
    """Return how to see on host *source* which route or rule leads nowhere."""
    return (
        f"on {source}: ip route get {address}; its own routes lead nowhere: ip route and ip rule show which "
        "(blackhole, prohibit, or none), ip route del takes it away"
    )
