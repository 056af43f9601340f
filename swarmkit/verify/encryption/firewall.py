"""The firewall rules of encrypted networks, from ``iptables -S``; pure. Legacy and nft-backed iptables print alike."""

from __future__ import annotations

import re
from dataclasses import dataclass

from swarmkit.verify.encryption.accepting import accepting
from swarmkit.verify.encryption.xfrm import DOCKER_MARK, UnreadableError

# The header's word that holds the VNI in its upper 24 bits is compared: by BPF, which shifts it down by 8 first, and
# by u32 in older engines (moby libnetwork/drivers/overlay/encryption_bpf.go, encryption_u32.go).
_BY_BPF = re.compile(r'--bytecode "[^"]*,116 0 0 8,21 \d+ \d+ (\d+),')
_BY_U32 = re.compile(r'--u32 "[^"]*=(0x[0-9a-fA-F]+|\d+)"')
_FORWARD = re.compile(r"-A DOCKER-INGRESS -p (\w+) .*--dport (\d+) -j DNAT ")
_BY_DOCKER = re.compile(r"-A DOCKER (?:.* )?-p (\w+) .*--dport (\d+) (?:.* )?-j DNAT ")
_TO = re.compile(r"--to-destination ([0-9.]+):(\d+)")
_MARK = re.compile(r"--set-x?mark (0x[0-9a-f]+)")
# What the engine's rules never say; with it a rule is not for all frames of the VNI.
_NARROWED = re.compile(r" ! | -[sdio] | -m (?!policy|udp|bpf|u32)\S+")


def marked_vnis(rules: str, port: int) -> dict[int, str]:
    """Return the VNIs whose outgoing frames the mangle table marks for encryption, each with its rule.

    Raises UnreadableError.
    """
    return {
        vni: rule
        for rule in rule_lines(rules)
        if (vni := _vni(rule, port)) and (mark := _MARK.search(rule)) and int(mark[1], 16) == DOCKER_MARK
    }


@dataclass(frozen=True)
class Drop:
    """The rule of INPUT that drops clear frames of a VNI."""

    rule: str
    """As ``iptables -S`` prints it."""
    accepted_before: tuple[str, ...]
    """The rules before it that may accept them, those of chains that are jumped to among them."""

    @property
    def to_the_top(self) -> str:
        """The commands that put the rule before all others.

        The engine does it only where the rule is not there yet (moby libnetwork/iptables, ProgramRule), and a restart
        does not always take it away.
        """
        rule = self.rule.removeprefix("-A ")
        chain, _, match = rule.partition(" ")
        return f"iptables -w -D {rule} && iptables -w -I {chain} 1 {match}"


def dropped_vnis(rules: str, port: int) -> dict[int, Drop]:
    """Return the VNIs whose clear frames INPUT drops, from the rules of the whole filter table."""
    found: dict[int, Drop] = {}
    lines = rule_lines(rules)
    inputs = [rule for rule in lines if rule.startswith("-A INPUT ")]
    policy = "DROP" if "-P INPUT DROP" in rules.splitlines() else "ACCEPT"
    for place, rule in enumerate(inputs):
        vni = _vni(rule, port)
        if vni and "--pol none" in rule and rule.endswith("-j DROP"):
            found.setdefault(vni, Drop(rule, accepting(inputs[:place], lines, port, policy=policy)))
    return found


def forwarded_ports(rules: str, protocol: str = "tcp") -> frozenset[int]:
    """Return the ports that the nat table leads into the ingress network; raises UnreadableError.

    The engine also listens on each published port and never answers (moby libnetwork/service_linux.go, plumbProxy): a
    connection stands without these rules too, and leads nowhere.
    """
    lines = rule_lines(rules)
    if not any(line.startswith("-A PREROUTING ") and line.endswith("-j DOCKER-INGRESS") for line in lines):
        return frozenset()
    return _ports(_FORWARD, lines, protocol)


def host_mode_ports(rules: str, protocol: str) -> frozenset[int]:
    """Return the ports that the nat table leads to containers of this host; raises UnreadableError."""
    return _ports(_BY_DOCKER, rule_lines(rules), protocol)


def led_to(rules: str, port: int, protocol: str = "tcp") -> tuple[str, str] | None:
    """Return the address and the port that the nat table leads a published *port* to; raises UnreadableError."""
    for line in rule_lines(rules):
        found = next((one for form in (_FORWARD, _BY_DOCKER) if (one := form.match(line))), None)
        to = _TO.search(line)
        if found and to and (found[1], int(found[2])) == (protocol, port):
            return to[1], to[2]
    return None


def _ports(form: re.Pattern[str], lines: list[str], protocol: str) -> frozenset[int]:
    found = (form.match(line) for line in lines)
    return frozenset(int(one[2]) for one in found if one and one[1] == protocol)


def rule_lines(rules: str) -> list[str]:
    """Return the rules alone, without policies and chains; raises UnreadableError."""
    lines = rules.splitlines()
    if "unreadable" in lines:
        raise UnreadableError("iptables does not work there")
    return [line for line in lines if line.startswith("-A ")]


def _vni(rule: str, port: int) -> int:
    if f"--dport {port} " not in rule or _NARROWED.search(rule):
        return 0
    if by_bpf := _BY_BPF.search(rule):
        return int(by_bpf[1])
    by_u32 = _BY_U32.search(rule)
    return int(by_u32[1], 0) >> 8 if by_u32 else 0
