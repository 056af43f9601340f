"""Which firewalls a host has, and the rules that are told for each."""

import pytest

from swarmkit.observed.firewalls import parse_firewalls
from swarmkit.plan.networks.firewall_rules import STILL_CLOSED, let_in

IPTABLES_NFT = """
table ip filter {
	chain INPUT {
		type filter hook input priority filter; policy accept;
	}
	chain DOCKER-USER {
	}
}
table ip6 filter {
	chain INPUT {
		type filter hook input priority filter; policy accept;
	}
}
"""
FIREWALLD = """
table inet firewalld {
	chain filter_INPUT {
		type filter hook input priority filter + 10; policy accept;
	}
}
"""
OWN = """
table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
	}
	chain forward {
		type filter hook forward priority filter; policy drop;
	}
}
table ip guard {
	chain early {
		type filter hook input priority raw; policy accept;
	}
	chain marks {
		type route hook output priority mangle; policy accept;
	}
}
"""


@pytest.mark.parametrize(
    ("said", "names", "chains"),
    [
        ("", ("iptables",), ()),
        (IPTABLES_NFT, ("iptables",), ()),
        ("ufw\n" + IPTABLES_NFT, ("ufw",), ()),
        ("firewalld\n" + IPTABLES_NFT + FIREWALLD, ("firewalld",), ()),
        (IPTABLES_NFT + OWN, ("nftables",), ("inet filter input", "ip guard early")),
        ("ufw\n" + OWN, ("ufw", "nftables"), ("inet filter input", "ip guard early")),
    ],
    ids=["none", "iptables-nft", "ufw", "firewalld", "nftables", "two"],
)
def test_the_firewall_is_the_one_that_somebody_writes_rules_of(
    said: str, names: tuple[str, ...], chains: tuple[str, ...]
) -> None:
    told = parse_firewalls(said)
    assert (told.names, told.chains) == (names, chains)


def test_every_chain_that_judges_what_comes_in_has_to_accept_it() -> None:
    told = let_in(["proto 50"], "10.88.0.11", "B", parse_firewalls(OWN))
    assert told == (
        "on B: nft insert rule inet filter input ip saddr 10.88.0.11 meta l4proto esp accept && "
        "nft insert rule ip guard early ip saddr 10.88.0.11 meta l4proto esp accept; "
        f"in a cloud's security group, inbound: protocol 50 (ESP), source 10.88.0.11/32; {STILL_CLOSED}"
    )


def test_firewalld_is_told_now_and_for_good_without_the_reload_that_removes_docker_s_rules() -> None:
    told = let_in(["udp/7946"], "10.88.0.11", "B", parse_firewalls("firewalld"))
    rule = "'rule family=ipv4 source address=10.88.0.11 port port=7946 protocol=udp accept'"
    assert told.startswith(
        f"on B: firewall-cmd --add-rich-rule={rule} && firewall-cmd --permanent --add-rich-rule={rule}; "
    )
    assert "--reload" not in told


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        ("", "ip6tables -w -I INPUT -s fd00::1 -p esp -j ACCEPT"),
        ("firewalld", "--add-rich-rule='rule family=ipv6 source address=fd00::1 protocol value=esp accept'"),
        (OWN, "nft insert rule inet filter input ip6 saddr fd00::1 meta l4proto esp accept"),
    ],
)
def test_a_peer_that_is_reached_by_ipv6_is_let_in_by_rules_of_ipv6(said: str, rule: str) -> None:
    told = let_in(["proto 50"], "fd00::1", "B", parse_firewalls(said))
    assert rule in told
    assert told.endswith(f"source fd00::1/128; {STILL_CLOSED}")


def test_chains_that_what_is_sent_goes_through_are_those_that_iptables_and_docker_have_not_made() -> None:
    assert parse_firewalls(IPTABLES_NFT + OWN).sending == ("ip guard marks",)
    assert parse_firewalls(IPTABLES_NFT + FIREWALLD).sending == ()
