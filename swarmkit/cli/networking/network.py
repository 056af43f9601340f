"""`swarmkit network`: the group of its commands."""

from __future__ import annotations

import click

from swarmkit.cli.group import Group
from swarmkit.cli.networking.connecting import connect, disconnect
from swarmkit.cli.networking.creating import create
from swarmkit.cli.networking.listing import inspect, list_command, plan_command
from swarmkit.cli.networking.removing import prune, rm


@click.group(cls=Group)
def network() -> None:
    """Networks of every kind on the inventory's hosts: bridge, macvlan, ipvlan and overlay."""


for command in (list_command, plan_command, inspect, create, rm, prune, connect, disconnect):
    network.add_command(command)
