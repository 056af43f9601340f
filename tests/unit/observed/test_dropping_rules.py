"""Which rule of a host drops a packet, in whatever table and chain it stands."""

from __future__ import annotations

import pytest

from swarmkit.observed.dropping.reading import HostRules, dropped_when_first, parse_rules
from swarmkit.plan.networks.firewall_rules import past

ADDRESSES = "1: lo    inet 127.0.0.1/8 scope host lo\n2: vec0    inet 10.88.0.12/24 brd 10.88.0.255 scope global vec0"
DOCKERS = "-A INPUT -p udp -m udp --dport 4789 -m policy --dir in --pol none -m bpf --bytecode '4,1' -j DROP"
OPEN = f"*filter\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n{DOCKERS}\nCOMMIT"
EDGE = """*raw
:PREROUTING ACCEPT [1:2]
:OUTPUT ACCEPT [0:0]
:edge - [0:0]
-A PREROUTING -i vec0 -j edge
-A edge -s 10.88.0.13/32 -p esp -j DROP
COMMIT
"""
NFT = """ruleset
table ip filter {
\tchain INPUT {
\t\ttype filter hook input priority filter; policy accept;
\t\tmeta l4proto esp counter packets 0 bytes 0 drop
\t}
}
table inet edge {
\tset bad {
\t\ttype ipv4_addr
\t\telements = { 1.2.3.4, 1.2.3.5 }
\t}

\tchain early {
\t\ttype filter hook prerouting priority raw; policy accept;
\t\tiif "lo" accept
\t\tiifname "vec*" jump more
\t}

\tchain more {
\t\tip saddr @bad drop
\t\tmeta mark 0x1 accept
\t\tip saddr { 10.88.0.0/28, 10.1.0.1 } udp dport { 4789-4790, 7946 } log prefix "x: " drop comment "why not"
\t\tip saddr 10.88.0.13 meta l4proto { tcp, esp } counter packets 0 bytes 0 drop
\t}
}
"""


def rules(iptables: str = OPEN, nft: str = "", legacy: str = "") -> HostRules:
    parts = {"addresses": ADDRESSES, "iptables": iptables, "iptables-legacy": legacy, "nft": nft, "end": ""}
    told = parse_rules("".join(f"\n== {name}\n{text}\n" for name, text in parts.items()))
    assert told
    return told


def told(host: HostRules, kind: str, *, is_sent: bool = False, peer: str = "10.88.0.13") -> list[tuple[str, str]]:
    ends = ("10.88.0.12", peer) if is_sent else (peer, "10.88.0.12")
    return [(str(drop), past(drop, kind, *ends)) for drop in host.drops(kind, *ends, is_sent=is_sent)]


def test_a_custom_chain_of_raw_is_named_and_what_admits_before_it_stands_in_raw() -> None:
    assert told(rules(EDGE + OPEN), "proto 50") == [
        (
            "iptables, table raw: -A edge -s 10.88.0.13/32 -p esp -j DROP",
            "iptables -w -t raw -I PREROUTING -s 10.88.0.13 -p esp -j ACCEPT",
        )
    ]
    assert told(rules(EDGE + OPEN), "udp/7946") == told(rules(EDGE + OPEN), "proto 50", peer="10.88.0.11") == []


def test_what_admits_takes_the_rule_s_effect_away() -> None:
    admitted = EDGE.replace("-A PREROUTING", "-A PREROUTING -s 10.88.0.13/32 -p esp -j ACCEPT\n-A PREROUTING")
    assert told(rules(admitted), "proto 50") == []


@pytest.mark.parametrize(
    ("rule", "drops"),
    [
        ("-p udp -m udp --dport 7946 -j REJECT --reject-with icmp-port-unreachable", True),
        ('-p udp -m multiport --dports 53,7000:7950 -m comment --comment "it\'s \\"mine\\"" -j DROP', True),
        ("-p 17 -m conntrack --ctstate NEW -j DROP", True),
        ("! -s 10.0.0.0/8 -j DROP", False),
        ("! -i lo -j DROP", True),
        ("-i ve+ -m state --state NEW,ESTABLISHED -j DROP", True),
        ("-i eth0 -j DROP", False),
        ("-m conntrack --ctstate INVALID -j DROP", False),
        ("-m set --match-set bad src -j DROP", False),
        ("-j LOG", False),
        ("-g later", True),
    ],
)
def test_a_rule_counts_where_it_surely_drops(rule: str, drops: bool) -> None:
    text = f"*mangle\n:INPUT ACCEPT [0:0]\n:later - [0:0]\n-A later -j DROP\n-A INPUT {rule}\nCOMMIT"
    assert bool(told(rules(text), "udp/7946")) == drops


def test_a_chain_s_policy_drops_what_no_rule_accepts_and_ends_at_what_returns() -> None:
    text = "*filter\n:INPUT DROP [0:0]\n:mine - [0:0]\n-A INPUT -j mine\n-A mine -p tcp -j ACCEPT\nCOMMIT"
    usual = rules(text)
    assert told(usual, "tcp/7946") == []
    (drop,) = usual.drops("proto 50", "10.88.0.13", "10.88.0.12", is_sent=False)
    assert (drop.rule, drop.is_usual) == ("-P INPUT DROP", True)


def test_the_sender_s_own_output_is_left_for_the_receiver() -> None:
    text = "*filter\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -d 10.88.0.13/32 -p esp -j DROP\nCOMMIT"
    assert [rule for _, rule in told(rules(text), "proto 50", is_sent=True)] == [
        "iptables -w -I OUTPUT -d 10.88.0.13 -p esp -j ACCEPT"
    ]


def test_in_front_of_docker_s_marks_nothing_is_accepted_for_it_would_leave_in_clear() -> None:
    text = "*mangle\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -p udp -m udp --dport 4789 -j DROP\nCOMMIT"
    (found,) = told(rules(text), "udp/4789", is_sent=True)
    assert found[1] == "iptables -w -t mangle -D OUTPUT -p udp -m udp --dport 4789 -j DROP"
    (found,) = told(rules(text.replace("4789", "7946")), "udp/7946", is_sent=True)
    assert found[1] == "iptables -w -t mangle -I OUTPUT -d 10.88.0.13 -p udp --dport 7946 -j ACCEPT"
    (found,) = told(rules("*mangle\n:OUTPUT DROP [0:0]\nCOMMIT"), "udp/4789", is_sent=True)
    assert found[1] == "iptables -w -t mangle -P OUTPUT ACCEPT"


def test_rules_that_nft_itself_has_written_are_named_and_passed_in_their_own_chain() -> None:
    assert told(rules(nft=NFT), "proto 50") == [
        (
            "nft, table inet edge: ip saddr 10.88.0.13 meta l4proto { tcp, esp } drop",
            "nft insert rule inet edge early ip saddr 10.88.0.13 meta l4proto esp accept",
        )
    ]
    assert [rule for _, rule in told(rules(nft=NFT), "udp/4789")] == [
        "nft insert rule inet edge early ip saddr 10.88.0.13 udp dport 4789 accept"
    ]
    assert told(rules(nft=NFT), "udp/4789", peer="10.88.0.99") == []


def test_the_policy_of_a_chain_of_nft_in_the_way_out_is_named() -> None:
    chain = "\ttype filter hook output priority filter - 10; policy drop;\n\t\tct state established,related accept"
    nft = f"table ip raw {{\n\tchain mine {{\n\t{chain}\n\t}}\n}}"
    assert told(rules(nft=nft), "tcp/2377", is_sent=True) == [
        (
            "nft, table ip raw: policy drop of mine",
            "nft insert rule ip raw mine ip daddr 10.88.0.13 tcp dport 2377 accept",
        )
    ]


def test_rules_of_the_other_iptables_are_told_by_its_name_and_the_same_only_once() -> None:
    (found,) = told(rules(legacy=EDGE), "proto 50")
    assert found[1].startswith("iptables-legacy -w -t raw -I PREROUTING ")
    assert len(told(rules(EDGE, legacy=EDGE), "proto 50")) == 1


def test_a_host_that_tells_no_rules_is_not_one_that_has_none() -> None:
    assert parse_rules("\n== addresses\n\n== iptables\n\n== end\n") is None
    assert parse_rules("") is None


@pytest.mark.parametrize(
    ("rule", "is_sure"),
    [
        ("ct state { established, related } accept", True),
        ("ct state vmap { established : accept, related : accept, invalid : drop }", True),
        ("ip saddr vmap { 10.88.0.13 : accept }", False),
        ("tcp sport 22 accept", True),
        ("icmp type echo-request accept", True),
        ("ip6 saddr fe80::/10 accept", True),
        ("meta nfproto ipv6 accept", True),
        ("ct status dnat accept", True),
        ("fib daddr type multicast accept", True),
        ("ip saddr @trusted accept", False),
        ("ip saddr . meta l4proto @trusted accept", False),
        ("ip saddr & 255.0.0.0 == 10.0.0.0 accept", False),
        ("ct state untracked accept", False),
        ("tcp dport >= 1024 accept", True),
        ("queue to 1", False),
        ('log prefix "all: "', True),
    ],
)
def test_a_policy_s_drop_is_sure_where_no_rule_before_it_may_admit(rule: str, is_sure: bool) -> None:
    chain = f"\tchain in {{\n\t\ttype filter hook input priority 0; policy drop;\n\t\t{rule}\n\t}}"
    nft = f"ruleset\ntable inet mine {{\n{chain}\n}}"
    (drop,) = rules(nft=nft).drops("proto 50", "10.88.0.13", "10.88.0.12", is_sent=False)
    assert (drop.rule, drop.is_sure) == ("policy drop of in", is_sure)


@pytest.mark.parametrize(
    ("rule", "codes"),
    [
        ("ct state established,related accept", ["policy drop of in"]),
        ("ct state vmap { established : accept, related : accept, invalid : drop }", ["policy drop of in"]),
        ("ct state vmap { new : drop, established : accept }", ["ct state new drop"]),
        ("ct state invalid drop", []),
    ],
)
def test_what_lets_answers_in_alone_is_told_where_the_rules_say_so(rule: str, codes: list[str]) -> None:
    chain = f"\tchain in {{\n\t\ttype filter hook input priority 0; policy drop;\n\t\t{rule}\n\t}}"
    host = rules(nft=f"ruleset\ntable inet mine {{\n{chain}\n}}")
    found = dropped_when_first({"B": host}, "A", "B", ("10.88.0.13", "10.88.0.12"))
    assert [drop.rule for drop in found] == codes


def test_a_table_that_sleeps_drops_nothing_and_the_one_after_it_does() -> None:
    chain = "\tchain in {\n\t\ttype filter hook input priority 0; policy drop;\n\t}"
    nft = f"ruleset\ntable inet off {{\n\tflags dormant\n\n{chain}\n}}\ntable inet on {{\n{chain}\n}}"
    assert [drop.table for drop in rules(nft=nft).drops("proto 50", "10.88.0.13", "10.88.0.12", is_sent=False)] == [
        "inet on"
    ]


def test_a_port_that_is_told_by_comparison_is_not_judged() -> None:
    nft = "ruleset\ntable inet mine {\n\tchain in {\n\t\ttype filter hook input priority 0; policy accept;\n"
    host = rules(nft=f"{nft}\t\ttcp dport >= 1024 drop\n\t\ttcp dport https drop\n\t}}\n}}")
    assert host.drops("tcp/7946", "10.88.0.13", "10.88.0.12", is_sent=False) == ()


def test_what_is_meant_for_the_host_itself_passes_ufw_s_rules_for_what_is_not() -> None:
    text = """*filter
:INPUT DROP [0:0]
:ufw-not-local - [0:0]
-A INPUT -j ufw-not-local
-A ufw-not-local -m addrtype --dst-type LOCAL -j RETURN
-A ufw-not-local -j DROP
COMMIT"""
    (drop,) = rules(text).drops("proto 50", "10.88.0.13", "10.88.0.12", is_sent=False)
    assert drop.rule == "-P INPUT DROP"
