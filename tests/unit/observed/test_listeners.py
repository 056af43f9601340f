"""Which ports of a host are listened on."""

from __future__ import annotations

from swarmkit.observed.listeners import listening

# Recorded from a lab host: sshd and dockerd listen, an SSH connection is established, a DNS client has a socket.
RECORDED = """\
tcp sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
tcp 0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1234 1 0 100 0 0 10 0
tcp 1: 0B00580A:0016 FE00580A:A1B2 01 00000000:00000000 00:00000000 00000000     0        0 1235 1 0 20 4 30 10 -1
tcp6 0: 00000000000000000000000000000000:1F0A 00000000000000000000000000000000:0000 0A 0 0 0 0 0
udp 5: 00000000:12B5 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 99 2 0 0
udp 6: 0B00580A:D431 0100007F:0035 01 00000000:00000000 00:00000000 00000000     0        0 98 2 0 0
"""


def test_listening_and_bound_sockets_count_and_connected_ones_do_not() -> None:
    assert set(listening(RECORDED.splitlines())) == {"22/tcp", "7946/tcp", "4789/udp"}
