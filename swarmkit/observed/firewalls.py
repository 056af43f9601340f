"""Which firewall judges what comes in to a host, from what it says; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

USUAL_CHAIN = "inet filter input"
USUAL_CHAIN_OUT = "inet filter output"
_TABLE = re.compile(r"table (?P<table>(?P<family>inet|ip) (?P<name>\S+)) \{")
_CHAIN = re.compile(r"chain (\S+) \{")
_INPUT = ("type filter hook input ",)
# Only a chain of type route has a packet's way chosen anew; its mark can be set in one of type filter as well.
_OUTPUT = ("type route hook output ", "type filter hook output ")
_OTHERS = ("firewalld", "docker")
"""Tables of these are written by what they belong to."""


@dataclass(frozen=True)
class Firewalls:
    """By what an operator writes rules there."""

    names: tuple[str, ...] = ("iptables",)
    """Of ``firewalld``, ``ufw``, ``nftables``: each that is there; ``iptables`` where none of them is."""
    chains: tuple[str, ...] = ()
    """Of nftables: family, table and name of the chains that judge what comes in."""
    sending: tuple[str, ...] = ()
    """Of nftables too: those that what the host sends goes through."""


IPTABLES_ALONE = Firewalls()


def parse_firewalls(text: str) -> Firewalls:
    """Return the firewalls of a host: a line for each manager that is on, and what ``nft list chains`` prints."""
    managers = tuple(name for name in ("firewalld", "ufw") if name in text.splitlines())
    chains = tuple(_chains(text, _INPUT))
    names = (*managers, *(["nftables"] if chains else []))
    return Firewalls(names or ("iptables",), chains, tuple(_chains(text, _OUTPUT)))


def _chains(text: str, kinds: tuple[str, ...]) -> Iterator[str]:
    """Yield the base chains of *kinds* that nothing else than nftables' own configuration has made."""
    table, chain = None, ""
    for line in map(str.strip, text.splitlines()):
        if begun := _TABLE.match(line):
            table = None if begun["name"].startswith(_OTHERS) else begun
        elif named := _CHAIN.match(line):
            chain = named[1]
        elif table and line.startswith(kinds) and not _is_iptables(table, chain):
            yield f"{table['table']} {chain}"


def _is_iptables(table: re.Match[str], chain: str) -> bool:
    """Return whether the chain is that of ``iptables``, which writes to nftables' tables on most hosts."""
    return table["family"] == "ip" and chain in ("INPUT", "OUTPUT")
