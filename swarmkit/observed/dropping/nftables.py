"""The rules that ``nft list ruleset`` prints, without those of iptables; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from swarmkit.observed.dropping.rules import Chain, Condition, Fate, Field, Rule, Table

_TABLE = re.compile(r"table ((?:ip|inet|netdev) \S+) \{")
_CHAIN = re.compile(r"\tchain (\S+) \{")
_HOOK = re.compile(r"type \w+ hook (\w+) .*?(?:policy (\w+);)?$")
_OF_IPTABLES = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")
_IN_SHORT = re.compile(
    r" ?\b(?:counter packets \d+ bytes \d+|log(?: (?:prefix|level|group|flags) (?:\"[^\"]*\"|\w+))*)"
)
_COMMENT = re.compile(r' comment "[^"]*"$')
_END = re.compile(r" ?\b(drop|accept|return|reject(?: with .+)?|(?:jump|goto) (\S+))$")
_CHOICE = re.compile(r"\bvmap\b|\bqueue\b")
"""A verdict by a map, or by a program: it may be to accept."""
_BY_STATE = re.compile(r"(?P<before>.*)\bct state vmap \{ (?P<choices>[^}]*) \}$")
_OPERATORS = (".", "&", "|", "^", "<<", ">>", "==", "<", ">", "<=", ">=", "map", "vmap")
_MATCH = re.compile(
    r"(?P<what>ip saddr|ip daddr|ip protocol|meta l4proto|iifname|iif|oifname|oif|ct state|fib daddr type"
    r"|udp dport|tcp dport|th dport|\w+ \w+) (?P<not>!= )?(?P<value>\{ [^}]* \}|\S+)(?: |$)"
)
_FIELDS: dict[str, Field] = {
    "ip saddr": "source",
    "ip daddr": "target",
    "ip protocol": "protocol",
    "meta l4proto": "protocol",
    "iifname": "device",
    "iif": "device",
    "oifname": "out device",
    "oif": "out device",
    "udp dport": "port",
    "tcp dport": "port",
    "th dport": "port",
    "ct state": "state",
    "fib daddr type": "target type",
}
_HEADERS = ("tcp", "udp", "sctp", "icmp", "icmpv6", "igmp", "esp", "ah", "ip6", "arp")
"""Whoever asks for one of their fields asks for the protocol too."""
_OF_OTHERS = "meta nfproto ipv6"
"""What no packet by IPv4 is."""
_LED_ON = "ct status dnat"


def parse_nftables(text: str) -> tuple[Table, ...]:
    """Return the tables whose rules nft itself has written: those of iptables are told by ``iptables-save``."""
    found: list[Table] = []
    chains: dict[str, Chain] = {}
    chain = ""
    for line in text.splitlines():
        if line == "\tflags dormant" and found:
            chains.clear()
            chain, chains = "", {}
        elif line.startswith("table "):
            chain, chains = "", {}
            if begun := _TABLE.match(line):
                found.append(Table("nft", begun[1], chains))
        elif not line.startswith("\t\t"):
            named = _CHAIN.match(line)
            chain = named[1] if named else ""
            if chain:
                chains[chain] = Chain(())
        elif chain and not (chain in _OF_IPTABLES and found and found[-1].name.startswith("ip ")):
            chains[chain] = _with_line(chains[chain], line.strip())
    return tuple(found)


def _with_line(chain: Chain, line: str) -> Chain:
    if hooked := _HOOK.match(line):
        return Chain(chain.rules, hooked[1], "drop" if hooked[2] == "drop" else "accept")
    text = _IN_SHORT.sub("", _COMMENT.sub("", line)).strip()
    return Chain((*chain.rules, *_rules(text)), chain.hook, chain.policy)


def _rules(text: str) -> Iterator[Rule]:
    """Yield the rule, or one for each state that a map of states has."""
    by_state = _BY_STATE.match(text)
    for choice in by_state["choices"].split(", ") if by_state else ():
        state, _, verdict = choice.partition(" : ")
        yield _rule(f"{by_state['before']}ct state {state} {verdict}" if by_state else text)
    if not by_state:
        yield _rule(text)


def _rule(text: str) -> Rule:
    ended = _END.search(text)
    if not ended:
        is_choice = _CHOICE.search(text)
        return Rule(text, (Condition("unknown"),), "accept") if is_choice else Rule(text, (), "on")
    conditions = tuple(_conditions(text[: ended.start()].strip()))
    word = ended[1].split()[0]
    fates: dict[str, Fate] = {"reject": "drop", "drop": "drop", "accept": "accept", "jump": "call", "goto": "go"}
    return Rule(text, conditions, fates.get(word, "return"), ended[2] or "")


def _conditions(text: str) -> Iterator[Condition]:
    while text:
        said = _MATCH.match(text)
        if not said:
            yield Condition("unknown")
            return
        text = text[said.end() :]
        what, is_negated = said["what"], bool(said["not"])
        values = tuple(value.strip(' "') for value in said["value"].strip("{}").split(","))
        header = "ip6" if not is_negated and f"{what} {values[0]}" == _OF_OTHERS else what.split()[0]
        if header in _HEADERS:
            yield Condition("protocol", (header,))
        if said["value"] in _OPERATORS:
            yield Condition("unknown")
            return
        field = "led on" if f"{what} {values[0]}" == _LED_ON else _FIELDS.get(what, "unknown")
        is_set = any(value.startswith("@") for value in values)
        yield Condition("unknown") if is_set else Condition(field, values, is_negated)
