"""Gateways and ranges go to the subnet that holds them, in whatever order they are given."""

from __future__ import annotations

import pytest

from swarmkit.cli.networking.subnets import addresses, auxiliary, in_subnets, ipv4_address, ipv6_address
from swarmkit.errors import InputError

SUBNETS = ("10.1.0.0/16", "10.2.0.0/16", "fd00::/64")


def test_each_value_is_put_to_its_subnet() -> None:
    assert in_subnets("--gateway", ["fd00::1", "10.2.0.9"], SUBNETS) == ("", "10.2.0.9", "fd00::1")
    assert in_subnets("--ip-range", ["10.1.4.0/24"], SUBNETS) == ("10.1.4.0/24", "", "")
    assert in_subnets("--gateway", [], SUBNETS) == ()


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (["10.3.0.1"], "no --subnet holds --gateway 10.3.0.1"),
        (["ten"], "is no address"),
        (["10.1.0.1", "10.1.0.2"], "10.1.0.0/16 has 10.1.0.1 already"),
    ],
)
def test_a_value_without_a_subnet_of_its_own_is_refused(values: list[str], says: str) -> None:
    with pytest.raises(InputError, match=says):
        in_subnets("--gateway", values, SUBNETS)
    with pytest.raises(InputError, match=r"no --subnet|no address"):
        in_subnets("--gateway", values, ())


@pytest.mark.parametrize("value", ["fd00::9", "10.1.0", "10.1.0.0/24"])
def test_an_address_of_a_container_is_one_of_ipv4(value: str) -> None:
    assert ipv4_address("--ip", "10.1.0.9") == "10.1.0.9"
    assert ipv4_address("--ip", "") == ""
    with pytest.raises(InputError, match="no IPv4 address"):
        ipv4_address("--ip", value)


def test_auxiliary_addresses_are_put_to_their_subnets_by_name() -> None:
    named = {"router": "10.1.0.254", "printer": "10.1.0.7", "other": "fd00:0::9"}
    assert auxiliary("--aux-address", named, SUBNETS, ("10.2.0.1",)) == (
        {"router": "10.1.0.254", "printer": "10.1.0.7"},
        {},
        {"other": "fd00::9"},
    )
    assert auxiliary("--aux-address", {}, SUBNETS, ()) == ()


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ({"router": "10.3.0.1"}, "no --subnet holds --aux-address 10.3.0.1"),
        ({"router": "10.1.0.0/24"}, "is no address"),
        ({"router": "10.2.0.1"}, "router=10.2.0.1 is the gateway already"),
        ({"router": "10.1.0.9", "printer": "10.1.0.9"}, "printer=10.1.0.9 is router already"),
    ],
)
def test_an_auxiliary_address_that_no_engine_could_keep_is_refused(named: dict[str, str], says: str) -> None:
    with pytest.raises(InputError, match=says):
        auxiliary("--aux-address", named, SUBNETS, ("10.2.0.1",))


def test_addresses_are_written_as_engines_tell_them() -> None:
    assert ipv6_address("--ip6", "FD00:0:0::09") == "fd00::9"
    assert ipv6_address("--ip6", "") == ""
    assert addresses("--link-local-ip", ["169.254.8.8", "fe80:0::8"]) == ("169.254.8.8", "fe80::8")
    with pytest.raises(InputError, match="no IPv6 address"):
        ipv6_address("--ip6", "10.1.0.9")
    with pytest.raises(InputError, match="no address"):
        addresses("--link-local-ip", ["fe80::/64"])
