"""The rules that let a swarm's traffic in, in the words of each firewall that a host may have; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from swarmkit.observed.firewalls import USUAL_CHAIN, Firewalls

ESP = "proto 50"
"""The kind of all encrypted overlay traffic; the others are a protocol and a port, ``udp/7946``."""


def rules(kind: str, address: str, chains: Sequence[str] = (USUAL_CHAIN,)) -> Mapping[str, tuple[str, ...]]:
    """Return for each firewall, by name, the commands that let *kind* in from *address*.

    *chains* are those of nftables that judge what comes in: each of them has to accept it.
    """
    iptables, ufw, rich, nft, _ = _words(kind)
    tool, family, source = ("ip6tables", "ipv6", "ip6") if ":" in address else ("iptables", "ipv4", "ip")
    whole = f"'rule family={family} source address={address} {rich} accept'"
    return {
        # -w: the engine takes the lock of xtables often, and without it a command that meets that fails.
        "iptables": (f"{tool} -w -I INPUT -s {address} {iptables} -j ACCEPT",),
        "ufw": (f"ufw allow from {address} {ufw}",),
        # No --reload: it removes Docker's own rules, those of encryption among them (HAZARDS H24).
        "firewalld": (f"firewall-cmd --add-rich-rule={whole}", f"firewall-cmd --permanent --add-rich-rule={whole}"),
        "nftables": tuple(f"nft insert rule {chain} {source} saddr {address} {nft} accept" for chain in chains),
    }


def security_group(kind: str, addresses: Sequence[str]) -> str:
    """Return what a cloud's security group has to let in."""
    inbound = ", ".join(f"{address}/{128 if ':' in address else 32}" for address in addresses)
    return f"in a cloud's security group, inbound: {_words(kind)[-1]}, source {inbound}"


def let_in(kinds: Sequence[str], address: str, host: str, firewalls: Firewalls) -> str:
    """Return what lets *kinds* in to *host* from *address*: the commands of the firewalls that it has."""
    commands = [
        command
        for kind in kinds
        for firewall in firewalls.names
        for command in rules(kind, address, firewalls.chains)[firewall]
    ]
    groups = "; ".join(security_group(kind, [address]) for kind in kinds)
    return f"on {host}: {' && '.join(f'sudo {command}' for command in commands)}; {groups}"


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
