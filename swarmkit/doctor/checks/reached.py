"""Hosts that cannot be looked at: no connection, or no root on them. The only checks that ask themselves."""

from __future__ import annotations

from collections.abc import Iterator

from swarmkit.declared.inventory.host import Inventory
from swarmkit.errors import SwarmkitError
from swarmkit.finding import Finding
from swarmkit.reach.answering import why_silent
from swarmkit.reach.engine_missing import NoEngineError
from swarmkit.reach.fan_out import fan_out
from swarmkit.reach.fleet import Fleet, Unreached

SUDO_TIMEOUT_SECONDS = 15.0
_BY_HAND = "try it there: sudo -n true; or give the password with --ask-become-pass"


def check_reached(inventory: Inventory, silent: Unreached) -> Iterator[Finding]:
    """Yield D11 for each host of *silent*."""
    for name, error in silent.items():
        evidence, remedy = why_silent(inventory.host(name), error)
        what = "no Docker engine answers" if isinstance(error, NoEngineError) else "it cannot be reached"
        yield Finding("D11", "error", name, f"{what}: nothing is known of it", evidence, remedy)


def check_sudo(fleet: Fleet) -> dict[str, Finding]:
    """Return S08 by host for those whose inventory says to become root and where sudo does not."""
    asked = [name for name, reached in fleet.items() if reached.host.become]
    answers = fan_out(asked, lambda name: fleet[name].shell.run("true", timeout_seconds=SUDO_TIMEOUT_SECONDS))
    return {
        name: Finding("S08", "error", name, answer.what, answer.why or "sudo -n true", answer.to_do or _BY_HAND)
        for name, answer in answers.items()
        if isinstance(answer, SwarmkitError)
    }
