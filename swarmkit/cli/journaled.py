"""Keeping the journal of a run from its first write to its exit code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from swarmkit.errors import SwarmkitError, TerminatedError

if TYPE_CHECKING:
    from swarmkit.declared.inventory.host import Inventory
    from swarmkit.journal.write import Journal

_INTERRUPTED = 130


@contextmanager
def journaled(command: str, inventory: Inventory) -> Iterator[Journal]:
    """Yield the journal of this run, and note at the end how it ended; stand around all that sets the exit code."""
    from swarmkit.journal.record import journal_folder
    from swarmkit.journal.write import Journal

    journal = Journal(journal_folder(), command, inventory.cluster, inventory.source)
    try:
        yield journal
    except SystemExit as ended:
        cause = ended.__context__
        journal.end(ended.code if isinstance(ended.code, int) else 1, str(cause) if cause else "")
        raise
    except TerminatedError as error:
        journal.end(error.exit_code, "terminated")
        raise
    except (KeyboardInterrupt, click.exceptions.Abort):
        journal.end(_INTERRUPTED, "interrupted")
        raise
    except SwarmkitError as error:
        journal.end(error.exit_code, str(error))
        raise
    except BaseException as error:
        journal.end(1, f"{type(error).__name__}: {error}")
        raise
    journal.end(0)
