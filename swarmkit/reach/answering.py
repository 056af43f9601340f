"""Reading from hosts of which one may fall silent meanwhile: the others' word counts still."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from swarmkit.declared.inventory.host import SSH_PORT, Host
from swarmkit.errors import SwarmkitError
from swarmkit.reach.fan_out import fan_out
from swarmkit.reach.fleet import Fleet, Unreached

T = TypeVar("T")

ANSWER_SECONDS = 5.0
"""A host that runs nothing for so long has fallen silent; one that does, and is slow, has not."""


def of_those_that_answer(fleet: Fleet, read: Callable[[Fleet], T]) -> tuple[T, Fleet, Unreached]:
    """Return what *read* gives of the hosts that go on answering, these hosts, and why each of the others does not.

    *read* only reads: where it fails, every host is asked to run nothing, and it reads once more of those that do.
    Raises its error where all of them do, or none.
    """
    silent: dict[str, SwarmkitError] = {}
    while True:
        try:
            return read(fleet), fleet, silent
        except SwarmkitError:
            gone = _fallen_silent(fleet)
            if not gone or len(gone) == len(fleet):
                raise
            silent |= gone
            fleet = {name: reached for name, reached in fleet.items() if name not in gone}


def raise_where_silent(fleet: Fleet) -> None:
    """Raise the first error of the hosts that do not answer, where there are any."""
    for error in _fallen_silent(fleet).values():
        raise error


def in_a_line(silent: Unreached) -> dict[str, str]:
    """Return why each host does not answer, the first line of it."""
    return {name: error.what for name, error in silent.items()}


def why_silent(host: Host, error: SwarmkitError) -> tuple[str, str]:
    """Return why *host* does not answer, in one line, and what to do about that."""
    why = "; ".join((error.what.removeprefix(f"{host.name}: "), *error.why.splitlines()))
    return why, error.to_do or f"see what this says: ssh -p {host.port or SSH_PORT} {host.address}"


def _fallen_silent(fleet: Fleet) -> dict[str, SwarmkitError]:
    answers = fan_out(fleet, lambda name: fleet[name].shell.run("true", timeout_seconds=ANSWER_SECONDS, root=False))
    return {name: answer for name, answer in answers.items() if isinstance(answer, SwarmkitError)}
