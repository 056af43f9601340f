"""The rules that let a swarm's traffic in, in the words of each firewall that a host may have; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from swarmkit.observed.dropping.rules import Drop
from swarmkit.observed.firewalls import USUAL_CHAIN, USUAL_CHAIN_OUT, Firewalls

ESP = "proto 50"
"""The kind of all encrypted overlay traffic; the others are a protocol and a port, ``udp/7946``."""


def rules(
    kind: str, address: str, chains: Sequence[str] = (USUAL_CHAIN,), part: str = ""
) -> Mapping[str, tuple[str, ...]]:
    """Return for each firewall, by name, the commands that let *kind* in from *address*.

    *chains* are those of nftables that judge what comes in: each of them has to accept it. *part* names firewalld's
    zone or policy, without which it is the default zone.
    """
    iptables, ufw, rich, nft, _ = _words(kind)
    tool, family, source = ("ip6tables", "ipv6", "ip6") if ":" in address else ("iptables", "ipv4", "ip")
    whole = f"'rule family={family} source address={address} {rich} accept'"
    firewalld = f"firewall-cmd {part}".rstrip()
    return {
        # -w: the engine takes the lock of xtables often, and without it a command that meets that fails.
        "iptables": (f"{tool} -w -I INPUT -s {address} {iptables} -j ACCEPT",),
        "ufw": (f"ufw allow from {address} {ufw}",),
        # No --reload: it removes Docker's own rules, those of encryption among them (HAZARDS H24).
        "firewalld": (f"{firewalld} --add-rich-rule={whole}", f"{firewalld} --permanent --add-rich-rule={whole}"),
        "nftables": tuple(f"nft insert rule {chain} {source} saddr {address} {nft} accept" for chain in chains),
    }


def rules_out(kind: str, address: str, part: str = "") -> Mapping[str, tuple[str, ...]]:
    """Return for each firewall, by name, the commands on a sender that let *kind* out to *address*.

    *part* names firewalld's policy; without one its direct rules are what may drop there.
    """
    iptables, ufw, rich, nft, _ = _words(kind)
    tool, family, target = ("ip6tables", "ipv6", "ip6") if ":" in address else ("iptables", "ipv4", "ip")
    protocol, _, port = ufw.partition(" to any ")
    direct = f"--direct --add-rule {family} filter OUTPUT 0 -d {address} {iptables} -j ACCEPT"
    whole = f"{part} --add-rich-rule='rule family={family} destination address={address} {rich} accept'"
    firewalld = whole if part else direct
    return {
        "iptables": (f"{tool} -w -I OUTPUT -d {address} {iptables} -j ACCEPT",),
        "ufw": (f"ufw allow out {protocol} to {address} {port}".rstrip(),),
        # Rich rules of zones judge what comes in alone.
        "firewalld": (f"firewall-cmd {firewalld}", f"firewall-cmd --permanent {firewalld}"),
        "nftables": (f"nft insert rule {USUAL_CHAIN_OUT} {target} daddr {address} {nft} accept",),
    }


def past(drop: Drop, kind: str, source: str, target: str) -> str:
    """Return the command by which *kind* from the address *source* to *target* gets past *drop*, wherever that is.

    To accept ends the chains of that table alone. Docker marks what is to be encrypted in mangle's OUTPUT, and what
    is accepted before leaves in clear: there the rule itself is taken away.
    """
    words, end = _words(kind), f"-d {target}" if drop.is_sent else f"-s {source}"
    if drop.tool == "nft":
        side = f"daddr {target}" if drop.is_sent else f"saddr {source}"
        family = "ip6" if ":" in source else "ip"
        return f"nft insert rule {drop.table} {drop.chain} {family} {side} {words[3]} accept"
    tool = f"{drop.tool} -w" if drop.table == "filter" else f"{drop.tool} -w -t {drop.table}"
    if (drop.table, drop.chain) == ("mangle", "OUTPUT") and is_data_path(kind):
        return f"{tool} -P OUTPUT ACCEPT" if drop.rule.startswith("-P ") else f"{tool} -D {drop.rule[3:]}"
    return f"{tool} -I {drop.chain} {end} {words[0]} -j ACCEPT"


def is_data_path(kind: str) -> bool:
    """Tell whether *kind* is what an overlay's frames travel in."""
    return kind.startswith("udp/") and kind != "udp/7946"


def security_group(kind: str, addresses: Sequence[str]) -> str:
    """Return what a cloud's security group has to let in."""
    inbound = ", ".join(f"{address}/{128 if ':' in address else 32}" for address in addresses)
    return f"in a cloud's security group, inbound: {_words(kind)[-1]}, source {inbound}"


def let_in(kinds: Sequence[str], address: str, host: str, firewalls: Firewalls) -> str:
    """Return what lets *kinds* in to *host* from *address*: the commands of the firewalls that it has.

    A rule in another table, or the sender's own, drops it still: the doctor reads those of both.
    """
    commands = [
        command
        for kind in kinds
        for firewall in firewalls.names
        for command in rules(kind, address, firewalls.chains)[firewall]
    ]
    groups = "; ".join(security_group(kind, [address]) for kind in kinds)
    return f"on {host}: {' && '.join(commands)}; {groups}; {STILL_CLOSED}"


STILL_CLOSED = "if it is closed still: swarmkit doctor names the rule of either host that drops it"


def _words(kind: str) -> tuple[str, str, str, str, str]:
    if kind == ESP:
        return "-p esp", "proto esp", "protocol value=esp", "meta l4proto esp", "protocol 50 (ESP)"
    protocol, _, port = kind.partition("/")
    return (
        f"-p {protocol} --dport {port}",
        f"proto {protocol} to any port {port}",
        f"port port={port} protocol={protocol}",
        f"{protocol} dport {port}",
        f"{protocol} port {port}",
    )
