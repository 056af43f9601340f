"""A container's place on a network: what is sent, what is read back, and what is told beforehand."""

from __future__ import annotations

from typing import Any

import pytest

from swarmkit.observed.networks import HostNetwork, networks_for
from swarmkit.plan.networks.endpoint_wish import EndpointWish
from swarmkit.plan.networks.refusals import address_refusals, endpoint_refusals, link_warnings

WISH = EndpointWish(
    ip="10.1.0.5",
    ip6="fd00:1::5",
    link_local=("169.254.8.8",),
    aliases=("me",),
    links=("db:store", "cache"),
    options={"com.docker.network.endpoint.sysctls": "x"},
)
LIVE = {
    "IPAMConfig": {"IPv4Address": "10.1.0.5", "IPv6Address": "fd00:1::5", "LinkLocalIPs": ["169.254.8.8"]},
    "IPAddress": "10.1.0.5",
    "GlobalIPv6Address": "fd00:1::5",
    "Aliases": ["me", "0123456789ab"],
    "Links": ["db:store", "cache"],
    "DriverOpts": {"com.docker.network.endpoint.sysctls": "x"},
}


def test_the_endpoint_is_what_dockers_tool_sends() -> None:
    assert WISH.body == {
        "IPAMConfig": {"IPv4Address": "10.1.0.5", "IPv6Address": "fd00:1::5", "LinkLocalIPs": ["169.254.8.8"]},
        "Aliases": ["me"],
        "Links": ["db:store", "cache"],
        "DriverOpts": {"com.docker.network.endpoint.sysctls": "x"},
    }
    assert EndpointWish().body == {}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, []),
        ({"IPAddress": "", "GlobalIPv6Address": ""}, []),
        ({"IPAddress": "10.1.0.6"}, ["ip is 10.1.0.6, not 10.1.0.5"]),
        ({"GlobalIPv6Address": "fd00:1::6"}, ["ip6 is fd00:1::6, not fd00:1::5"]),
        ({"IPAMConfig": {}}, ["link-local-ip is (none), not 169.254.8.8"]),
        ({"Aliases": None}, ["alias is (none), not me"]),
        ({"Aliases": ["other", "0123456789ab"]}, ["alias is other, not me"]),
        ({"Aliases": ["other", "me", "0123456789ab"]}, []),
        ({"Links": ["cache"]}, ["link is cache, not db:store, cache"]),
        ({"DriverOpts": None}, ["driver-opt.com.docker.network.endpoint.sysctls is (none), not x"]),
    ],
)
def test_what_the_engine_made_otherwise_is_named(changed: dict[str, Any], said: list[str]) -> None:
    changes = WISH.differences({**LIVE, **changed})
    assert [f"{change.path} is {change.old}, not {change.new}" for change in changes] == said
    assert EndpointWish().differences({**LIVE, **changed}) == ()


def network(scope: str = "local", host: str = "A", subnets: tuple[str, ...] = ("10.1.0.0/24",)) -> HostNetwork:
    raw = {"IPAM": {"Config": [{"Subnet": subnet} for subnet in subnets]}}
    return HostNetwork(host, "id-app", "app", "bridge", scope, raw, {"db": "10.1.0.5"}, {"db": "fd00:1::5"})


@pytest.mark.parametrize(
    ("wish", "subnets", "whats"),
    [
        (EndpointWish(ip="10.1.0.9"), ("10.1.0.0/24",), []),
        (EndpointWish(ip="10.2.0.9"), ("10.1.0.0/24",), ["the address 10.2.0.9 is in no subnet of network app"]),
        (EndpointWish(ip6="fd00:1::9"), ("10.1.0.0/24",), ["the address fd00:1::9 is in no subnet of network app"]),
        (EndpointWish(ip6="fd00:1::9"), ("10.1.0.0/24", "fd00:1::/64"), []),
        (EndpointWish(ip6="fd00:1::9"), (), []),
    ],
)
def test_an_address_of_no_subnet_is_told_beforehand(
    wish: EndpointWish, subnets: tuple[str, ...], whats: list[str]
) -> None:
    assert [one.what for one in endpoint_refusals(wish, "A", network(subnets=subnets))] == whats


def test_a_link_local_address_is_refused_where_the_engine_drops_it() -> None:
    wish = EndpointWish(link_local=("169.254.8.8",))
    assert not list(endpoint_refusals(wish, "A", network()))
    (refusal,) = endpoint_refusals(wish, "A", network("swarm"))
    assert "drops --link-local-ip" in refusal.what


def test_an_ipv6_address_in_use_is_told_with_its_holder_on_whatever_host() -> None:
    (found,) = networks_for("A", [network("swarm", host="A"), network("swarm", host="B")])
    assert found.users6 == {"db": "fd00:1::5", "db@B": "fd00:1::5"}
    (refusal,) = address_refusals("A", "fd00:1::5", found, answered=False, word="--ip6")
    assert (refusal.evidence, refusal.remedy) == ("container db has it", "choose another --ip6")
    assert not list(address_refusals("A", "fd00:1::6", found, answered=False))


def test_a_link_that_leads_nowhere_is_a_warning() -> None:
    (found,) = networks_for("B", [network("swarm", host="A")])
    (warning,) = link_warnings(EndpointWish(links=("db:store", "gone:cache", "gone")), "B", found)
    assert (warning.severity, "gone leads nowhere" in warning.what) == ("warning", True)
