"""`swarmkit lab fault ...`: break the lab's hosts and their cable on purpose, and mend them."""

from __future__ import annotations

import click

from swarmkit import lab as room
from swarmkit.cli.group import Group
from swarmkit.cli.lab_table import print_hosts
from swarmkit.lab import faults

_PERCENT = click.FloatRange(0, 100)


@click.group(cls=Group)
def fault() -> None:
    """Break hosts or the cable on purpose; heal undoes it."""


def _switch(name: str, help_text: str) -> None:
    @fault.command(name, help=help_text)
    @click.argument("host")
    def switch(*, host: str) -> None:
        print_hosts([room.act(room.Places.from_environment(), name, host)])


_switch("power-off", "Cut HOST's power; it stays off until power-on or lab up.")
_switch("power-on", "Boot HOST again from its disk.")
_switch("freeze", "Stop HOST's kernel in mid-step; its memory is kept.")
_switch("thaw", "Let a frozen HOST go on.")
_switch("cut", "Pull HOST's plug from the cable.")


@fault.command()
@click.argument("groups", nargs=-1, required=True, metavar="HOST[,HOST...] HOST[,HOST...]...")
@click.option("--one-way", is_flag=True, help="Only frames from the first group to the others are lost.")
def partition(*, groups: tuple[str, ...], one_way: bool) -> None:
    """Keep frames between hosts of different groups off the cable; you still reach all of them."""
    places = room.Places.from_environment()
    faults.partition(places, [[name for name in group.split(",") if name] for group in groups], one_way=one_way)
    between = f"from {groups[0]} to {' or '.join(groups[1:])}" if one_way else f"between {' and '.join(groups)}"
    click.echo(f"no frame passes {between}")


@fault.command(context_settings={"ignore_unknown_options": True})
@click.argument("host")
@click.argument("seconds", type=float)
def skew(*, host: str, seconds: float) -> None:
    """Set HOST's clock SECONDS ahead, or with a minus behind: skew B -7200."""
    faults.skew(room.Places.from_environment(), host, seconds)
    click.echo(f"{host}: clock {seconds:+g} s")


@fault.command("fill-disk")
@click.argument("host")
@click.option("--left", "left_megabytes", type=click.IntRange(min=0), default=5, show_default=True, metavar="MB")
def fill_disk(*, host: str, left_megabytes: int) -> None:
    """Leave next to no room on the disk that HOST's engine writes to."""
    faults.fill_disk(room.Places.from_environment(), host, left_megabytes=left_megabytes)
    click.echo(f"{host}: {left_megabytes} MB of disk left")


@fault.command()
@click.argument("host")
@click.option("--delay", "delay", type=click.IntRange(0, 10000), default=0, metavar="MS", help="How long frames take.")
@click.option("--jitter", "jitter", type=click.IntRange(0, 10000), default=0, metavar="MS", help="More or less of it.")
@click.option("--loss", type=_PERCENT, default=0.0, metavar="PERCENT", help="How many are lost.")
@click.option("--reorder", type=_PERCENT, default=0.0, metavar="PERCENT", help="How many overtake the delayed ones.")
def slow(*, host: str, delay: int, jitter: int, loss: float, reorder: float) -> None:
    """Send all of HOST's frames over a bad line."""
    line = faults.BadLine(delay, jitter, loss, reorder)
    faults.slow(room.Places.from_environment(), host, line)
    click.echo(f"{host}: {' '.join(line.words())}")


@fault.command("lose-module")
@click.argument("host")
@click.argument("modules", nargs=-1, required=True, metavar="MODULE...")
def lose_module(*, host: str, modules: tuple[str, ...]) -> None:
    """Forbid HOST kernel modules, such as esp4, xt_bpf, ip_vs or vxlan, and unload them."""
    in_use = faults.lose_modules(room.Places.from_environment(), host, modules)
    for module in modules:
        click.echo(f"{host}: {module} is {'in use, and gone after the next boot' if module in in_use else 'gone'}")


@fault.command()
@click.argument("hosts", nargs=-1)
def heal(*, hosts: tuple[str, ...]) -> None:
    """Undo every fault of HOSTS (default: all that are on): thaw, plug in, and all that was broken inside."""
    for line in faults.heal(room.Places.from_environment(), hosts) or ["nothing to heal"]:
        click.echo(line)
