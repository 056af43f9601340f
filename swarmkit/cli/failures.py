"""Showing a run's failures in full before it ends with its exit code."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from swarmkit.errors import AGAIN, SwarmkitError, UnreachableError

if TYPE_CHECKING:
    from swarmkit.declared.inventory.host import Inventory
    from swarmkit.plan.declaration import Declared
    from swarmkit.reach.fleet import Unreached


@contextmanager
def shown_failures(declared: Declared, go_on: str = AGAIN) -> Iterator[None]:
    """Print a refused plan, or what was done and what was not and how to *go_on*, and exit with the error's code."""
    from swarmkit.workflows.unfinished import IncompleteError, RefusedError

    try:
        with _for_logins(declared.inventory):
            yield
    except RefusedError as error:
        from swarmkit.report.console import messages
        from swarmkit.report.outcome import print_outcome
        from swarmkit.report.plan_text import print_plan, print_refused_later

        for applied in error.applied:
            print_outcome(messages(), applied)
        if error.applied:
            print_refused_later(messages(), error.plan, cluster=declared.inventory.cluster)
        else:
            print_plan(messages(), error.plan, cluster=declared.inventory.cluster)
        sys.exit(error.exit_code)
    except IncompleteError as error:
        from swarmkit.report.console import messages
        from swarmkit.report.outcome import print_outcome

        print_outcome(messages(), error.applied, go_on)
        if error.lost is not None:
            from swarmkit.report.errors import print_error

            print_error(error.lost, sys.stderr)
        sys.exit(error.exit_code)


def end_for_silent(silent: Unreached, exit_code: int = UnreachableError.exit_code) -> None:
    """Tell of the hosts that did not answer, and end with *exit_code* where there are any."""
    from swarmkit.report.errors import print_error

    for error in silent.values():
        print_error(error, sys.stderr)
    if silent:
        sys.exit(exit_code)


@contextmanager
def _for_logins(inventory: Inventory) -> Iterator[None]:
    """Have what errors tell to do on a host told as its login can run it."""
    from swarmkit.plan.logins import as_named_logins
    from swarmkit.workflows.unfinished import IncompleteError

    try:
        yield
    except SwarmkitError as error:
        outcomes = error.applied.outcomes.values() if isinstance(error, IncompleteError) else ()
        for one in (error, *(outcome.error for outcome in outcomes)):
            if isinstance(one, SwarmkitError):
                one.to_do = as_named_logins(one.to_do, inventory)
                # Where several services do not run, what to do about each stands beneath its name.
                lines = one.why.split("\n")
                said = [as_named_logins(line, inventory) if line.startswith("  to do: ") else line for line in lines]
                one.why = "\n".join(said)
        raise
