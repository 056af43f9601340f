"""The ports that a host's own processes and containers listen on. Reads two files of the host."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from swarmkit.reach.fleet import Shell

LISTENERS_TIMEOUT_SECONDS = 15.0
# What no file says is not listened on: a host without IPv6 has no tcp6.
_SCRIPT = """
for name in tcp tcp6 udp udp6; do
    test ! -r /proc/net/$name || while read -r line; do echo "$name $line"; done </proc/net/$name
done
"""
_LISTENING = {"tcp": "0A", "udp": "07"}
"""States of include/net/tcp_states.h: TCP_LISTEN, and TCP_CLOSE for a UDP socket that is bound and not connected."""


def read_listeners(shell: Shell) -> frozenset[str]:
    """Return what is listened on as ``80/tcp``, on whatever address."""
    result = shell.run(_SCRIPT, timeout_seconds=LISTENERS_TIMEOUT_SECONDS, root=False)
    return frozenset(listening(result.stdout.splitlines()))


def listening(lines: Iterable[str]) -> Iterator[str]:
    """Yield what *lines* of ``/proc/net/tcp`` and its like say is listened on, each behind the file's name."""
    for line in lines:
        words = line.split()
        if len(words) < 5 or words[1] == "sl":
            continue
        protocol = words[0].rstrip("6")
        if words[4] == _LISTENING[protocol]:
            yield f"{int(words[2].rpartition(':')[2], 16)}/{protocol}"
