"""Options that Docker's tool takes several values of in one word, with commas between them."""

from __future__ import annotations

import click
import pytest

from swarmkit.cli.networking.connecting import connect
from swarmkit.cli.networking.creating import create

SUBNETS = ("10.1.0.0/24", "fd00:1::/64", "10.2.0.0/24")


@pytest.mark.parametrize(
    ("command", "option", "parameter", "arguments"),
    [
        (create, "--subnet", "subnets", ["app"]),
        (create, "--gateway", "gateways", ["app"]),
        (create, "--ip-range", "ip_ranges", ["app"]),
        (connect, "--link-local-ip", "link_local", ["app", "web", "--on", "A"]),
    ],
)
def test_values_may_stand_in_one_word(
    command: click.Command, option: str, parameter: str, arguments: list[str]
) -> None:
    words = ["-i", "hosts.yaml", option, ",".join(SUBNETS[:2]), option, SUBNETS[2], *arguments]
    assert command.make_context("command", words).params[parameter] == SUBNETS
    assert command.make_context("command", ["-i", "hosts.yaml", *arguments]).params[parameter] == ()
