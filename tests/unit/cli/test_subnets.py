"""Gateways and ranges go to the subnet that holds them, in whatever order they are given."""

from __future__ import annotations

import pytest

from swarmkit.cli.networking.subnets import in_subnets, ipv4_address
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
