"""A published port that a rule of the host's own closes: a restart of the engine, which was advised, leaves it."""

from __future__ import annotations

import pytest
from verify_world import ADDRESS, World

from swarmkit.finding import Finding
from swarmkit.observed.dropping.reading import parse_rules
from swarmkit.verify.prove import prove

FORWARD = """*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
:DOCKER-INGRESS - [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-INGRESS
-A FORWARD -o docker_gwbridge -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i docker_gwbridge -o docker_gwbridge -j DROP
-A DOCKER-INGRESS -p tcp -m tcp --dport 8080 -j ACCEPT
{rule}
-A DOCKER-USER -j RETURN
COMMIT
"""


@pytest.fixture
def world() -> World:
    """B's port 8080 answers nobody."""
    world = World()
    for shell in world.shells.values():
        shell.unanswered |= {ADDRESS["B"]}
    return world


def at_b(world: World, rule: str) -> Finding:
    world.shells["B"].rules = FORWARD.format(rule=rule)
    found = prove(world.fleet, world.inventory, None, world.observed).findings
    (closed,) = (one for one in found if one.code == "V06" and one.severity == "error")
    assert closed.where == "shop_frontend at B"
    return closed


@pytest.mark.parametrize(
    "rule",
    [
        "-A DOCKER-USER -p tcp -m tcp --dport 8080 -j DROP",
        f"-A DOCKER-USER -s {ADDRESS['A']}/32 -j REJECT --reject-with icmp-port-unreachable",
        "-A DOCKER-USER -o docker_gwbridge -m conntrack --ctstate NEW -j DROP",
        "-A DOCKER-USER -p tcp -m conntrack --ctstate DNAT -j DROP",
    ],
)
def test_a_rule_that_drops_what_is_led_on_is_named_and_taken_away(world: World, rule: str) -> None:
    closed = at_b(world, rule)
    assert f"on B a rule drops it: iptables, table filter: {rule}" in closed.evidence
    assert closed.remedy.startswith(f"on B: iptables -w -t filter {rule.replace('-A', '-D', 1)}; and where ")


@pytest.mark.parametrize(
    "rule",
    [
        "-A DOCKER-USER -p tcp -m tcp --dport 9090 -j DROP",
        "-A DOCKER-USER -s 192.0.2.1/32 -j DROP",
        "-A DOCKER-USER -o docker0 -j DROP",
        # What it asks cannot be judged here.
        "-A DOCKER-USER -p tcp -m conntrack --ctorigdstport 8080 -j DROP",
        "-A INPUT -p tcp -m tcp --dport 8080 -j DROP",
    ],
)
def test_a_rule_that_concerns_others_is_not_blamed(world: World, rule: str) -> None:
    assert "systemctl restart docker" in at_b(world, rule).remedy


def test_a_policy_past_which_docker_s_rules_are_missing_is_mended_by_the_restart(world: World) -> None:
    world.shells["B"].rules = FORWARD.format(rule="").replace(
        "-A DOCKER-INGRESS -p tcp -m tcp --dport 8080 -j ACCEPT\n", ""
    )
    found = prove(world.fleet, world.inventory, None, world.observed).findings
    (closed,) = (one for one in found if one.code == "V06" and one.severity == "error")
    assert "systemctl restart docker" in closed.remedy


NFT = """ruleset
table inet edge {
\tchain through {
\t\ttype filter hook forward priority 5; policy accept;
\t\tct status dnat jump published
\t}

\tchain published {
\t\toifname "docker_gwbridge" ip saddr 10.88.0.0/24 tcp dport 8080 counter packets 0 bytes 0 drop
\t}
}
"""


@pytest.mark.parametrize(("asked", "count"), [("tcp/8080", 1), ("tcp/9090", 0)])
def test_a_chain_of_nftables_own_is_looked_through_too(asked: str, count: int) -> None:
    host = parse_rules(f"\n== addresses\n\n== nft\n{NFT}\n== end\n")
    assert host
    found = host.drops_led_on(asked, "10.88.0.11", "10.88.0.12", "172.18.0.2", "docker_gwbridge")
    assert [drop.way for drop in found] == [("through", "published", "published")] * count


def test_what_the_host_itself_gets_is_not_dropped_by_what_is_led_on_alone() -> None:
    host = parse_rules(f"\n== addresses\n\n== nft\n{NFT.replace('hook forward', 'hook input')}\n== end\n")
    assert host
    assert host.drops("tcp/8080", "10.88.0.11", "10.88.0.12", is_sent=False) == ()
