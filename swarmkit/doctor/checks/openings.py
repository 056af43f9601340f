"""The rules that let in what does not pass, for each firewall that a host may have; pure."""

from __future__ import annotations

from collections.abc import Sequence

from swarmkit.doctor.model import Peer
from swarmkit.plan.networks.firewall_rules import rules, security_group


def lines_of(wanted: Sequence[tuple[str, Peer]], target: str) -> list[str]:
    """Return the lines that let each kind of *wanted* in to *target* from its peer, one line a firewall."""
    each = [rules(kind, _sends_from(peer, kind)) for kind, peer in wanted]
    lines = [f"on {target}, by the firewall it has:"]
    lines += [" && ".join(command for one in each for command in one[firewall]) for firewall in each[0]]
    kinds = dict.fromkeys(kind for kind, _ in wanted)
    if any(_is_data_path(kind) for kind in kinds):
        lines.append(_BEHIND_DOCKERS)
    lines += [security_group(kind, [_sends_from(peer, kind) for one, peer in wanted if one == kind]) for kind in kinds]
    return lines


def _sends_from(peer: Peer, kind: str) -> str:
    return peer.advertise if kind.endswith(("/2377", "/7946")) else peer.data


def _is_data_path(kind: str) -> bool:
    return kind.startswith("udp/") and not kind.endswith("/7946")


# An inserted rule accepts clear frames of encrypted overlays, too, until Docker's own stand above it again.
_BEHIND_DOCKERS = "where iptables was taken: swarmkit verify, whose V10 puts Docker's rules above it where needed"
