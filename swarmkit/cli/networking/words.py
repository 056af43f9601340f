"""Words that several of the network commands share, and how their end is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from swarmkit.errors import InputError

if TYPE_CHECKING:
    from swarmkit.plan.model import Applied

on_hosts = click.option(
    "--on", "on", multiple=True, metavar="HOST", help="A host of the inventory; may be given again. Without: all."
)
on_host = click.option("--on", "host", required=True, metavar="HOST", help="The host that runs the container.")


def listed(_ctx: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """Return *values* split at commas, as Docker's tool splits those of the options that it calls ``strings``."""
    return tuple(part for value in values for part in value.split(","))


def show(applied: Applied | None) -> None:
    """Print what was done, if anything was."""
    if applied:
        from swarmkit.report.console import results
        from swarmkit.report.outcome import print_outcome

        print_outcome(results(), applied)


def container_links(values: tuple[str, ...]) -> tuple[str, ...]:
    """Return *values*; raises InputError for one that is no CONTAINER or CONTAINER:ALIAS."""
    for value in values:
        if not all(value.split(":")) or value.count(":") > 1:
            raise InputError(f"--link {value!r} is no CONTAINER:ALIAS")
    return values


def pairs(option: str, values: tuple[str, ...], *, with_values: bool = False) -> dict[str, str]:
    """Return KEY=VALUE words as a dictionary; raises InputError for one without a key, *with_values* also without =."""
    read = {}
    for value in values:
        key, sign, rest = value.partition("=")
        if not key or (with_values and not sign):
            raise InputError(f"{option} {value!r} is no KEY=VALUE")
        read[key] = rest
    return read


def ranges(option: str, values: tuple[str, ...]) -> tuple[str, ...]:
    """Return *values*; raises InputError for one that is no range of addresses."""
    import ipaddress

    for value in values:
        try:
            ipaddress.ip_network(value)
        except ValueError as error:
            raise InputError(f"{option}: {error}", to_do="give it as 10.30.0.0/24") from None
    return values
