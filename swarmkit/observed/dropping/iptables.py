"""The rules that ``iptables-save`` prints; pure. Legacy and nft-backed iptables print alike."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from itertools import groupby, pairwise

from swarmkit.observed.dropping.rules import Chain, Condition, Fate, Field, Rule, Table

_FIELDS: dict[str, Field] = {
    "-s": "source",
    "-d": "target",
    "-p": "protocol",
    "-i": "device",
    "-o": "out device",
    "--dport": "port",
    "--dports": "port",
    "--ctstate": "state",
    "--state": "state",
    "--dst-type": "target type",
}
_FATES: dict[str, Fate] = {"DROP": "drop", "REJECT": "drop", "ACCEPT": "accept", "RETURN": "return"}
_SAYING_NOTHING = ("-m", "--comment", "--reject-with")
"""Options that take a word and narrow nothing: what a module asks stands in options of its own."""
_HOOKS = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")


def parse_iptables(tool: str, text: str) -> tuple[Table, ...]:
    """Return the tables of *tool*, ``iptables`` or ``iptables-legacy``."""
    found: list[Table] = []
    chains: dict[str, Chain] = {}
    rules: list[tuple[str, Rule]] = []
    for line in text.splitlines():
        if line.startswith("*"):
            chains, rules = {}, []
            name = line[1:]
        elif line.startswith(":"):
            chain, policy, *_ = line[1:].split()
            hook = chain.lower() if chain in _HOOKS else ""
            chains[chain] = Chain((), hook, "drop" if policy == "DROP" else "accept")
        elif line.startswith("-A "):
            rules.append((line.split()[1], _rule(line)))
        elif line == "COMMIT":
            found.append(Table(tool, name, _with_rules(chains, rules)))
    return tuple(found)


def _with_rules(chains: dict[str, Chain], rules: list[tuple[str, Rule]]) -> dict[str, Chain]:
    by_chain = groupby(sorted(rules, key=lambda entry: entry[0]), key=lambda entry: entry[0])
    of_chain = {name: tuple(rule for _, rule in entries) for name, entries in by_chain}
    return {name: Chain(of_chain.get(name, ()), chain.hook, chain.policy) for name, chain in chains.items()}


def _rule(line: str) -> Rule:
    words = shlex.split(line)[2:]
    fate, chain = _fate(words)
    return Rule(line, tuple(_conditions(words)), fate, chain)


def _fate(words: list[str]) -> tuple[Fate, str]:
    for option, target in pairwise(words):
        if option == "-g":
            return "go", target
        if option == "-j":
            # A target that ends nothing, as LOG does, is no chain's name: nothing is found there.
            return _FATES.get(target, "call"), target
    return "on", ""


def _conditions(words: list[str]) -> Iterator[Condition]:
    rest = iter(words)
    is_negated = False
    for word in rest:
        if word == "!":
            is_negated = True
            continue
        if word in ("-j", "-g"):
            return
        if word in _SAYING_NOTHING:
            next(rest, "")
        elif word in _FIELDS:
            values = next(rest, "").replace("+", "*").split(",")
            yield Condition(_FIELDS[word], tuple(values), is_negated)
        elif word.startswith("-"):
            yield Condition("unknown")
        is_negated = False
