"""All hosts of an inventory, connected at once: one connection and one engine each."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.errors import SwarmkitError, UnreachableError
from swarmkit.reach.engine import Engine, EngineError
from swarmkit.reach.engine_missing import no_engine
from swarmkit.reach.engine_start import Tell, wait_until_seen, waited_for_its_start
from swarmkit.reach.fan_out import fan_out
from swarmkit.reach.kept_shell import KeptShell
from swarmkit.reach.ssh import CommandResult, Connection, ConnectionLostError, SshSession
from swarmkit.reach.ssh_config import hops_to, read_ssh_settings
from swarmkit.reach.ssh_connect import connect
from swarmkit.secret import Secret

if TYPE_CHECKING:
    from swarmkit.reach.ssh_engine import SshEngine


class NoneReachedError(UnreachableError):
    """No host answers; *failures* says of each why."""

    def __init__(self, failures: Mapping[str, SwarmkitError]) -> None:
        told = _all_failures(list(failures.values()))
        super().__init__(told.what, told.why, told.to_do)
        self.failures, self.exit_code = failures, told.exit_code


class Shell(Protocol):
    """Runs a script on a host; see Connection.run and Connection.pipe."""

    def run(
        self, script: str, arguments: tuple[str, ...] = (), *, timeout_seconds: float, root: bool = True
    ) -> CommandResult: ...
    def pipe(
        self,
        script: str,
        arguments: tuple[str, ...] = (),
        *,
        source: Iterable[bytes] = (),
        sink: Callable[[bytes], object] = ...,
        idle_seconds: float,
    ) -> CommandResult: ...


@dataclass(frozen=True)
class ReachedHost:
    """A host with its shell and its engine."""

    host: Host
    shell: Shell
    engine: Engine
    session: SshSession | None = None
    """None where no SSH was spoken."""


Fleet = Mapping[str, ReachedHost]
"""Host name -> reached host, in the inventory's order."""
Unreached = Mapping[str, SwarmkitError]
"""Host name -> why it does not answer."""


@contextmanager
def reach(
    inventory: Inventory,
    *,
    sudo_password: Secret | None = None,
    on_connected: Callable[[str], None] = lambda _: None,
    on_waiting: Tell = lambda _: None,
    meanwhile: Callable[[], object] = lambda: None,
) -> Iterator[Fleet]:
    """Connect to every host of *inventory* at once; yield them; close every connection.

    *on_waiting* is told what takes minutes. *meanwhile* is what is needed next and needs no host: it is done beside,
    and nobody waits for it.

    Raises UnreachableError with all hosts that could not be reached or are not trusted: then no host was asked for
    anything, let alone changed.
    """
    with _opened(inventory, sudo_password, on_waiting, on_connected, meanwhile) as (fleet, failures):
        if failures:
            raise _all_failures(list(failures.values()))
        yield fleet


@contextmanager
def reach_some(
    inventory: Inventory,
    *,
    sudo_password: Secret | None = None,
    on_waiting: Tell = lambda _: None,
    needed: Collection[str] = (),
    off: Collection[str] = (),
    meanwhile: Callable[[], object] = lambda: None,
    in_turn: bool = False,
) -> Iterator[tuple[Fleet, Unreached]]:
    """Connect to every host at once; yield those that answer, and why each of the others does not.

    Those of *off* may be off for good: where nobody answers within the time-out, that is not tried again.
    With *in_turn*, one shell a host runs its scripts one after the other; *meanwhile* is as in reach.

    Raises NoneReachedError when none answers, and UnreachableError with all those *needed* that do not.
    """
    opened = _opened(inventory, sudo_password, on_waiting, meanwhile=meanwhile, off=off, in_turn=in_turn)
    with opened as (fleet, failures):
        silent = {name: error for name, error in failures.items() if isinstance(error, SwarmkitError)}
        if len(silent) < len(failures):
            raise _all_failures(list(failures.values()))
        if lacking := [silent[name] for name in needed if name in silent]:
            raise _all_failures(lacking)
        if not fleet:
            raise NoneReachedError(silent)
        yield fleet, silent


@contextmanager
def _opened(
    inventory: Inventory,
    sudo_password: Secret | None,
    on_waiting: Tell,
    on_connected: Callable[[str], None] = lambda _: None,
    meanwhile: Callable[[], object] = lambda: None,
    *,
    off: Collection[str] = (),
    in_turn: bool = False,
) -> Iterator[tuple[Fleet, dict[str, Exception]]]:
    # The Docker SDK alone takes a quarter of a second to import, about as long as the hosts take to answer.
    threading.Thread(target=_prepare, args=(meanwhile,), daemon=True).start()
    settings = read_ssh_settings(inventory)
    routes = {host.name: hops_to(host, settings) for host in inventory.hosts}

    def open_one(name: str) -> tuple[ReachedHost, Callable[[], None]]:
        host = inventory.host(name)
        connection = connect(host, routes[host.name], sudo_password=sudo_password, may_be_off=name in off)
        try:
            engine = _engine(connection, lambda what: on_waiting(f"{name}: {what}"))
        except (EngineError, ConnectionLostError) as error:
            missing = no_engine(name, connection, error)
            connection.close()
            raise missing from error
        except BaseException:
            connection.close()
            raise
        on_connected(host.name)

        def close() -> None:
            engine.close()
            connection.close()

        shell = KeptShell(connection) if in_turn else connection
        return ReachedHost(host, shell, engine, connection.session), close

    opened = fan_out(routes, open_one)
    try:
        failures = {name: value for name, value in opened.items() if isinstance(value, Exception)}
        yield {name: value[0] for name, value in opened.items() if not isinstance(value, Exception)}, failures
    finally:
        for value in opened.values():
            if not isinstance(value, Exception):
                value[1]()


def _engine(connection: Connection, tell: Tell) -> SshEngine:
    from swarmkit.reach.ssh_engine import SshEngine

    try:
        return SshEngine(connection)
    except (EngineError, ConnectionLostError):
        if not waited_for_its_start(connection, tell):
            raise
        engine = SshEngine(connection)
        wait_until_seen(engine, tell)
        return engine


def _prepare(meanwhile: Callable[[], object]) -> None:
    importlib.import_module("swarmkit.reach.ssh_engine")
    meanwhile()


def _all_failures(failures: Sequence[Exception]) -> SwarmkitError:
    """Return one error that says them all; errors that are not ours are bugs and are raised as they are."""
    for error in failures:
        if not isinstance(error, SwarmkitError):
            raise error
    if len(failures) == 1 and isinstance(failures[0], SwarmkitError):
        return failures[0]
    return UnreachableError(f"{len(failures)} hosts cannot be used, nothing was changed", "\n".join(map(str, failures)))
