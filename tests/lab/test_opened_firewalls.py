"""What each firewall closes is found by real packets, and opened by the rules that are told for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from lab.firewalled_hosts import firewalled_hosts, words_for
from lab.namespaces import PEERS

from swarmkit.doctor.checks.ways import check_paths
from swarmkit.doctor.model import FULL_FRAME, Paths
from swarmkit.doctor.paths import probe_paths
from swarmkit.finding import Finding
from swarmkit.observed.dropping.reading import read_rules
from swarmkit.observed.firewalls import parse_firewalls
from swarmkit.plan.networks.firewall_rules import let_in
from swarmkit.reach.fleet import Fleet
from swarmkit.verify.encryption.esp import marks_anew

pytestmark = pytest.mark.lab

ALL_KINDS = {"tcp/2377", "tcp/7946", "udp/7946", "udp/4789", "proto 50"}
NFTABLES = """nft -f - <<'RULES'
table inet filter {{
    chain {hook} {{
        type filter hook {hook} priority filter; policy drop;
        {state}
        {device} "lo" accept
        tcp {port} 22 accept
        icmp type echo-request accept
        counter log prefix "refused: " limit rate 3/minute
    }}
}}
RULES
"""
BY_MAP = "ct state vmap { established : accept, related : accept, invalid : drop }"
NFTABLES_IN = NFTABLES.format(hook="input", device="iifname", port="dport", state=BY_MAP)
NFTABLES_OUT = NFTABLES.format(
    hook="output", device="oifname", port="sport", state="ct state established,related accept"
)
UNMARKING = """nft -f - <<'RULES'
table inet fence {
    chain leaving {
        type route hook output priority 0; policy accept;
        udp dport 4789 meta mark set 0
    }
}
RULES
"""
IPTABLES = "iptables -P {0} DROP; iptables -A {0} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"
START_FIREWALLD = """
mkdir -p /run/dbus
test -e /run/dbus/system_bus_socket || dbus-daemon --system --fork --nopidfile
setsid firewalld --nopid </dev/null >/dev/null 2>&1 &
until firewall-cmd --quiet --state; do sleep 0.2; done
"""
SEALED = """
firewall-cmd --set-default-zone=trusted
for words in --new-policy=sealed '--policy=sealed --add-ingress-zone=HOST' '--policy=sealed --add-egress-zone=ANY' \
        '--policy=sealed --set-target=DROP'; do
    firewall-cmd --permanent $words
done
firewall-cmd --reload
"""
ZONED = """
firewall-cmd --set-default-zone=trusted
firewall-cmd --permanent --zone=internal --change-interface=eth0
firewall-cmd --zone=internal --change-interface=eth0
"""
RESTART_FIREWALLD = """
kill "$(pgrep --full 'firewalld --nopid' --ns $$ --nslist net)"
while firewall-cmd --quiet --state; do sleep 0.2; done
nft flush ruleset
"""


@dataclass(frozen=True)
class Closed:
    """A firewall of one host that lets nothing of a swarm in, or out."""

    on: str
    close: str
    command: str
    """The word with which its rules begin."""
    again: str = ""
    """Begins the firewall anew, where what it was told outlives that."""


CLOSED = {
    "iptables": Closed("right", IPTABLES.format("INPUT"), "iptables"),
    "iptables, sent": Closed("left", IPTABLES.format("OUTPUT"), "iptables"),
    "nftables": Closed("right", NFTABLES_IN, "nft"),
    "nftables, sent": Closed("left", NFTABLES_OUT, "nft"),
    "ufw": Closed("right", "ufw allow ssh; ufw --force enable", "ufw", "ufw disable; ufw --force enable"),
    "ufw, sent": Closed(
        "left", "ufw default deny outgoing; ufw default allow incoming; ufw --force enable", "ufw",
        "ufw disable; ufw --force enable",
    ),
    "firewalld": Closed("right", START_FIREWALLD, "firewall-cmd", RESTART_FIREWALLD + START_FIREWALLD),
    "firewalld, other zone": Closed(
        "right", START_FIREWALLD + ZONED, "firewall-cmd", RESTART_FIREWALLD + START_FIREWALLD
    ),
    "firewalld, sent": Closed("left", START_FIREWALLD + SEALED, "firewall-cmd", RESTART_FIREWALLD + START_FIREWALLD),
}  # fmt: skip


@pytest.fixture
def hosts() -> Iterator[Fleet]:
    with firewalled_hosts() as fleet:
        yield fleet


def on(fleet: Fleet, host: str, script: str) -> None:
    done = fleet[host].shell.run(f"set -e\n{script}", timeout_seconds=60)
    assert done.exit_code == 0, f"{script}: {done.stdout}{done.stderr}"


def closed_kinds(paths: Paths) -> set[tuple[str, str, str]]:
    return {(way.source, way.target, way.kind) for way in paths.ways if not way.passes and way.kind != FULL_FRAME}


def tried(fleet: Fleet) -> Paths:
    return probe_paths(fleet, PEERS, 4789, {}, lambda: read_rules(fleet, fleet))


def findings_of(paths: Paths) -> list[Finding]:
    return list(check_paths(paths, PEERS, {}, 4789, 1450))


@pytest.mark.parametrize("closed", CLOSED.values(), ids=list(CLOSED))
def test_what_a_firewall_closes_is_opened_by_the_rules_that_are_told(hosts: Fleet, closed: Closed) -> None:
    assert not closed_kinds(tried(hosts))
    on(hosts, closed.on, closed.close)

    found = tried(hosts)
    assert closed_kinds(found) == {("left", "right", kind) for kind in ALL_KINDS}
    told = findings_of(found)
    assert {(finding.code, finding.where) for finding in told} == {("H06", "left -> right"), ("H07", "left -> right")}

    each = [words_for(closed.command, finding.remedy) for finding in told]
    assert [set(commands) for commands in each] == [{closed.on}] * len(told)
    on(hosts, closed.on, "\n".join(dict.fromkeys(line for commands in each for line in commands[closed.on])))
    assert not findings_of(tried(hosts))
    if closed.again:
        on(hosts, closed.on, closed.again)
        assert not findings_of(tried(hosts)), "what was told does not outlive the firewall"


def test_a_single_kind_is_opened_in_the_chain_that_nftables_has(hosts: Fleet) -> None:
    """``verify`` tells one command for what one way lacks, in the words of the firewall that the host has."""
    on(hosts, "right", NFTABLES_IN.replace("inet filter", "inet edge"))
    chains = hosts["right"].shell.run("nft list chains", timeout_seconds=20).stdout
    remedy = let_in(["proto 50", "udp/7946"], "192.0.2.1", "right", parse_firewalls(chains))
    on(hosts, "right", remedy.partition(": ")[2].partition("; ")[0])
    closed = closed_kinds(tried(hosts))
    assert closed == {("left", "right", kind) for kind in ALL_KINDS - {"proto 50", "udp/7946"}}


def test_a_chain_that_takes_the_mark_from_what_is_sent_is_told_to_be_read_before_a_restart(hosts: Fleet) -> None:
    """``verify`` reads what it is told of by ``nft list chains``: Debian's iptables has chains of its own there."""
    on(hosts, "left", "iptables -t mangle -A OUTPUT -p udp --dport 4789 -j MARK --set-mark 0xd0c4e3")
    chains = hosts["left"].shell.run("nft list chains", timeout_seconds=20).stdout
    restart = "on left: systemctl restart docker (makes marks, states and policies anew)"
    assert marks_anew(["left"], (), {"left": parse_firewalls(chains)}) == restart

    on(hosts, "left", UNMARKING)
    chains = hosts["left"].shell.run("nft list chains", timeout_seconds=20).stdout
    told = marks_anew(["left"], (), {"left": parse_firewalls(chains)})
    (command,) = re.findall(r"on left: (nft list chain [^;]+); if none does, ", told)
    rule = hosts["left"].shell.run(command, timeout_seconds=20).stdout
    assert "udp dport 4789 meta mark set 0x00000000" in rule
