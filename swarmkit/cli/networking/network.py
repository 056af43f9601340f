"""`swarmkit network`: the group of its commands."""

from __future__ import annotations

import click

from swarmkit.cli.group import Group
from swarmkit.cli.networking.connecting import connect, disconnect
from swarmkit.cli.networking.creating import create
from swarmkit.cli.networking.listing import inspect, list_command, plan_command
from swarmkit.cli.networking.removing import prune, rm

_OTHER_NAMES = {"list": "ls", "remove": "rm"}
"""Docker's second names of its commands."""


class _Networks(Group):
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, _OTHER_NAMES.get(cmd_name, cmd_name))


@click.group(cls=_Networks)
def network() -> None:
    """Networks of every kind on the inventory's hosts: bridge, macvlan, ipvlan and overlay."""


for command in (list_command, plan_command, inspect, create, rm, prune, connect, disconnect):
    network.add_command(command)
